import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { derived, proposal } from "../source.ts";

export const rev42: Rule = {
  id: "REV-42",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An exporter that offers mmap or vmap cuts CPU access itself as part of a revoke: after the return an access through mmap gives SIGBUS and a new vmap fails.",
  intent:
    "The framework does not block the CPU, and a process that keeps its mapping reads and writes a device that is gone.",
  sources: [
    proposal("2026 RFC, mmap of VFIO dma-bufs"),
    derived("the meaning of a revoke; the framework of 7.2 does not block CPU access"),
  ],
  from: "K6.19",
  needs: ["revoke"],
  temporal: ["T-26"],
  hints: [
    "Are the page table entries of all mappings of the buffer's file zapped?",
    "Can a fault put an entry back between the zap and the end of the revoke?",
  ],
  status: later("CPU"),
};

export const rev43: Rule = {
  id: "REV-43",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "The fault handler reads the revoked state under the exporter's lock, and a fault on a revoked buffer ends with SIGBUS.",
  intent: "A handler that trusts an earlier test puts a page of the lost memory back into the process.",
  sources: [proposal("2026 RFC, mmap of VFIO dma-bufs")],
  from: "K6.19",
  needs: ["revoke", "mmap"],
  temporal: ["T-26"],
  hints: [
    "Is the exporter's lock held from the test until the entry is inserted?",
    "Does the revoke set the state before it zaps?",
  ],
  status: later("CPU"),
};

export const rules: readonly Rule[] = [rev42, rev43];
