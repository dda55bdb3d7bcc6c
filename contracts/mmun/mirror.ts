import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { doc, kernel } from "../source.ts";

export const mmun01: Rule = {
  id: "MMUN-01",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "The mirror reads the notifier sequence, looks up the pages, takes its own lock, checks the sequence again and only then installs the secondary entry.",
  intent: "An invalidate that falls between lookup and install leaves the device with a freed page.",
  sources: [
    doc("include/linux/mmu_notifier.h", "mmu_interval_read_retry"),
    doc("Documentation/mm/hmm.rst", "address space mirroring"),
  ],
  temporal: ["T-30"],
  hints: ["Is the second check made under the lock that the callback takes?"],
  status: later("MMUN"),
};

export const mmun02: Rule = {
  id: "MMUN-02",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "When the second check asks for a retry, the mirror installs nothing, drops its lock and starts over with a new read of the sequence.",
  intent: "Pages found before the change belong to the past.",
  sources: [
    doc("include/linux/mmu_notifier.h", "mmu_interval_read_retry"),
    doc("Documentation/mm/hmm.rst", "address space mirroring"),
  ],
  temporal: ["T-30"],
  hints: ["Does the loop jump back before the sequence read, or only to the lookup?"],
  status: later("MMUN"),
};

export const mmun11: Rule = {
  id: "MMUN-11",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A successful insert is no proof that the notifier is active: only a passed sequence check permits an install.",
  intent: "An invalidation already running at the insert may end without a callback to the newcomer.",
  sources: [doc("mm/mmu_notifier.c", "kernel-doc of mmu_interval_notifier_insert")],
  hints: ["Is the first install after registration done without the sequence protocol?"],
  status: later("MMUN"),
};

export const mmun12: Rule = {
  id: "MMUN-12",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "While it faults in pages of another process, the mirror holds a live reference to that address space, and it fails with EFAULT if none can be had.",
  intent: "The process may exit at any moment and take its page tables along.",
  sources: [doc("Documentation/mm/hmm.rst", "mmget_not_zero before a range fault")],
  hints: ["Is mmget_not_zero called, and not only mmgrab?"],
  status: later("MMUN"),
};

export const mmun25: Rule = {
  id: "MMUN-25",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "The sequence is read with no lock held that a callback takes, and the range fault runs with the address-space lock held.",
  intent: "The read waits for a running invalidation, which would wait for that very lock.",
  sources: [
    kernel("mm/mmu_notifier.c", "mmu_interval_read_begin", "6.12, 7.2"),
    kernel("mm/hmm.c", "hmm_range_fault", "6.12, 7.2"),
    doc("Documentation/mm/hmm.rst", "address space mirroring"),
  ],
  hints: ["Which locks are held at mmu_interval_read_begin?"],
  status: later("MMUN"),
};

export const mmun34: Rule = {
  id: "MMUN-34",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A range fault gives no page entry for a device, PFN-mapped or unreadable VMA: it fails with EFAULT if entries were demanded and marks them as errors in a snapshot.",
  intent: "Such a VMA has no pages with a lifetime that a mirror could rely on.",
  sources: [kernel("mm/hmm.c", "hmm_vma_walk_test", "6.12, 7.2"), doc("mm/hmm.c", "kernel-doc of hmm_range_fault")],
  hints: ["Is an entry with the error mark skipped by the install loop?"],
  status: later("MMUN"),
};

export const mmun36: Rule = {
  id: "MMUN-36",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A secondary entry grants no more than the range fault reported for its page in the pass whose sequence was then confirmed.",
  intent: "A writable device entry on a copy-on-write page writes into memory that others read.",
  sources: [doc("Documentation/mm/hmm.rst", "valid and write flags"), doc("mm/hmm.c", "kernel-doc of hmm_range_fault")],
  hints: ["Is the write flag taken per page from the result or once from the request?"],
  status: later("MMUN"),
};

export const rules: readonly Rule[] = [mmun01, mmun02, mmun11, mmun12, mmun25, mmun34, mmun36];
