import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { derived, proposal, thread } from "../source.ts";

export const fault11: Rule = {
  id: "FAULT-11",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A region bound to a dma-buf may be any slice of it, and one that reaches past its end is refused with EINVAL.",
  intent: "A guest would otherwise reach device memory that the buffer does not cover.",
  sources: [proposal("2025 RFC, dma_buf_get_pfn_unlocked and KVM private MMIO, with its review")],
  needs: ["pfn"],
  hints: ["Can offset plus size wrap around before the comparison?"],
  status: later("FAULT"),
};

export const fault12: Rule = {
  id: "FAULT-12",
  level: "MUST",
  obliged: ["importer", "exporter"],
  statement:
    "Private MMIO is installed only for the guest that its exporter bound it to, and the host CPU cannot reach it.",
  intent: "Another guest would read the secrets, and a host access raises a machine check.",
  sources: [
    proposal("2025 RFC, dma_buf_get_pfn_unlocked and KVM private MMIO"),
    thread("000", "secure memory must not be mmapped and needs an importer that understands it"),
  ],
  needs: ["pfn"],
  hints: ["Is the owner compared at each install?", "Do mmap and vmap of the buffer fail?"],
  status: later("FAULT"),
};

export const fault13: Rule = {
  id: "FAULT-13",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "If the guest's access and the buffer disagree about private or shared, the fault leaves to user space with EFAULT and changes nothing.",
  intent: "Only the machine monitor may decide on a conversion, and a quiet fix can expose guest data.",
  sources: [proposal("2025 RFC, dma_buf_get_pfn_unlocked and KVM private MMIO")],
  needs: ["pfn"],
  hints: ["Does the fault path convert or remap on its own?"],
  status: later("FAULT"),
};

export const fault14: Rule = {
  id: "FAULT-14",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "When a narrower right takes effect at the exporter, no translation of the importer grants more than it any longer.",
  intent: "A buffer made read-only in one place stays writable through the other.",
  sources: [derived("MOVE-17"), thread("004", "kvm and changes of access attributes")],
  hints: ["Does the callback also handle a change of rights without a change of place?"],
  status: later("FAULT"),
};

export const rules: readonly Rule[] = [fault11, fault12, fault13, fault14];
