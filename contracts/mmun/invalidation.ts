import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { doc, kernel, thread } from "../source.ts";

export const mmun03: Rule = {
  id: "MMUN-03",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An accepted invalidate saves the given sequence under the lock of the re-check, and on its return, or that of its finish call, no secondary entry of the range grants what was withdrawn.",
  intent: "Right after it the kernel gives the pages to someone else.",
  sources: [
    doc("include/linux/mmu_notifier.h", "mmu_interval_set_seq, mmu_interval_notifier_ops"),
    doc("Documentation/mm/hmm.rst", "invalidate callback"),
  ],
  hints: [
    "Is the sequence stored before any early return?",
    "Is the device TLB flush complete when the callback returns?",
  ],
  status: later("MMUN"),
};

export const mmun04: Rule = {
  id: "MMUN-04",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A callback that may not block sleeps nowhere and, if it would have to, refuses before it changed anything; one that may block never refuses.",
  intent: "Non-blocking calls come from the out-of-memory killer, which must not get stuck in a driver.",
  sources: [
    doc("include/linux/mmu_notifier.h", "mmu_notifier_range_blockable and the callbacks"),
    kernel("mm/mmu_notifier.c", "mn_itree_invalidate, mn_hlist_invalidate_range_start", "6.12, 7.2"),
  ],
  hints: ["Is a trylock used when blocking is not allowed?", "Is the sequence saved before the refusal?"],
  status: later("MMUN"),
};

export const mmun05: Rule = {
  id: "MMUN-05",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "As long as any event that covers a range has started and not ended, no new secondary entry is made in it.",
  intent: "Page tables of the range are changing, and an entry taken from them is stale at once.",
  sources: [doc("include/linux/mmu_notifier.h", "invalidate_range_start and invalidate_range_end")],
  temporal: ["T-31"],
  hints: ["Are nested and parallel events counted, or does the first end clear a flag?"],
  status: later("MMUN"),
};

export const mmun07: Rule = {
  id: "MMUN-07",
  level: "MUST",
  obliged: ["framework", "importer"],
  statement:
    "Pages of the range are freed only after all start callbacks returned, and a listener that lets go only at end holds page references of its own until then.",
  intent: "The kernel is free to reuse the pages between the two calls, below a device that still uses them.",
  sources: [doc("include/linux/mmu_notifier.h", "invalidate_range_start and invalidate_range_end")],
  temporal: ["T-31"],
  hints: ["Does the listener stop access in start, or does it rely on end?"],
  status: later("MMUN"),
};

export const mmun08: Rule = {
  id: "MMUN-08",
  level: "MUST",
  obliged: ["framework", "importer"],
  statement:
    "Taking away a permission is notified as an invalidation, and no mirrored entry of the range grants more than the CPU's page table once the callback has returned.",
  intent: "Otherwise the device keeps writing to memory that was just made read-only.",
  sources: [
    doc("include/linux/mmu_notifier.h", "enum mmu_notifier_event, protection events"),
    doc("Documentation/mm/hmm.rst", "invalidate callback"),
    thread("004", "bugs with access attributes, and places where mm did not notify"),
  ],
  hints: ["Does the callback skip protection events as if nothing had moved?"],
  status: later("MMUN"),
};

export const mmun09: Rule = {
  id: "MMUN-09",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "When the callback for the end of the address space returns, every secondary entry is gone and no install is accepted any more.",
  intent: "All pages of the process are freed next, whatever the device is doing.",
  sources: [
    doc("include/linux/mmu_notifier.h", "release"),
    kernel("mm/mmu_notifier.c", "mn_itree_release, mn_hlist_release", "6.12, 7.2"),
  ],
  hints: ["Can a queued fault worker install after the release?"],
  status: later("MMUN"),
};

export const mmun13: Rule = {
  id: "MMUN-13",
  level: "MUST",
  obliged: ["framework", "importer"],
  statement:
    "A device that walks the CPU's page tables is flushed under the page-table lock before a replacing page becomes visible, by a callback that does not sleep.",
  intent: "The device would read the old page from its own TLB while the CPU already writes the new one.",
  sources: [
    doc("Documentation/mm/mmu_notifier.rst", "when to notify under the page-table lock"),
    doc("include/linux/mmu_notifier.h", "arch_invalidate_secondary_tlbs"),
  ],
  hints: ["Is the flush waited for by spinning rather than by sleeping?"],
  status: later("MMUN"),
};

export const mmun14: Rule = {
  id: "MMUN-14",
  level: "MUST",
  obliged: ["importer", "fenceOwner"],
  statement:
    "A fence that a notifier callback waits for completes without any allocation that can block, and only drivers under the GPU fence contract wait there.",
  intent: "Reclaim calls the notifier, so an allocation behind the fence waits for itself.",
  sources: [doc("drivers/dma-buf/dma-fence.c", "DOC: fence cross-driver contract")],
  hints: ["Does the path that signals the fence allocate with a flag that allows reclaim?"],
  status: later("MMUN"),
};

export const mmun33: Rule = {
  id: "MMUN-33",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A mirror obeys every event in its range; only a migrate or exclusive event that names the mirror itself as owner may be skipped.",
  intent: "Skipping a stranger's migration leaves entries to pages that have moved.",
  sources: [
    doc("include/linux/mmu_notifier.h", "enum mmu_notifier_event, mmu_notifier_range_init_owner"),
    doc("Documentation/mm/hmm.rst", "migration steps"),
  ],
  hints: ["Is the owner pointer compared, or only the kind of the event?"],
  status: later("MMUN"),
};

export const rules: readonly Rule[] = [mmun03, mmun04, mmun05, mmun07, mmun08, mmun09, mmun13, mmun14, mmun33];
