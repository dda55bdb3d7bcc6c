import { checked } from "../rule-text.ts";
import type { CbEvent } from "../../spec/event.ts";
import { on, remember } from "../monitor.ts";
import { revokedViews } from "../cpu/situations.ts";
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
  status: checked,
  needsAny: ["mmap", "vmap"],
  situation: revokedViews,
  monitor: on({
    cpu(event, state, verdict) {
      const buffer = state.buffers.get(event.buffer);
      if (state.views.get(event.view)?.kind !== "mmap" || buffer === undefined) return;
      if (buffer.access !== "revoked" && buffer.access !== "revokedForever") return;
      verdict.exercised();
      if (event.answer === "ok")
        verdict.violated(
          `${event.view} still shows ${event.buffer}, which is revoked`,
          verdict.since("buffers", event.buffer, "access"),
        );
    },
    "cbret vmap"(event, state, verdict) {
      const buffer = state.buffers.get(event.buffer);
      if (buffer === undefined || event.injected) return;
      if (buffer.access !== "revoked" && buffer.access !== "revokedForever") return;
      verdict.exercised();
      if (event.errno === 0)
        verdict.violated(
          `a vmap of ${event.buffer} succeeds although it is revoked`,
          verdict.since("buffers", event.buffer, "access"),
        );
    },
  }),
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
  status: checked,
  situation: revokedViews,
  monitor: remember(() => new Map<number, CbEvent<"cpuFault">>(), {
    "cb cpuFault"(event, state, _verdict, faults) {
      const access = state.buffers.get(event.buffer)?.access;
      if (access === "revoked" || access === "revokedForever") faults.set(event.seq, event);
    },
    "cbret cpuFault"(event, state, verdict, faults) {
      const begun = faults.get(event.cb);
      const access = state.buffers.get(event.buffer)?.access;
      if (begun === undefined || (access !== "revoked" && access !== "revokedForever")) return;
      verdict.exercised();
      if (event.errno === 0) verdict.violated(`a fault on ${event.buffer}, which is revoked, ends with a page`, begun);
    },
    page(event, state, verdict) {
      const access = state.buffers.get(event.buffer)?.access;
      if (!event.on || (access !== "revoked" && access !== "revokedForever")) return;
      verdict.violated(
        `${event.view} gets an entry for ${event.buffer}, which is revoked`,
        verdict.since("buffers", event.buffer, "access"),
      );
    },
  }),
};

export const rules: readonly Rule[] = [rev42, rev43];
