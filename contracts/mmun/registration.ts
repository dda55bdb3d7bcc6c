import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { doc, kernel } from "../source.ts";

export const mmun06: Rule = {
  id: "MMUN-06",
  level: "MUST",
  obliged: ["importer"],
  statement: "A range listener whose start may refuse has no end callback.",
  intent: "It cannot tell whether the end it gets belongs to a start of its own that succeeded.",
  sources: [
    doc("include/linux/mmu_notifier.h", "invalidate_range_start"),
    kernel("mm/mmu_notifier.c", "mn_hlist_invalidate_range_start", "6.12, 7.2"),
  ],
  hints: ["Does start return an error while the ops also have an end?"],
  status: later("MMUN"),
};

export const mmun10: Rule = {
  id: "MMUN-10",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Remove and unregister are called neither from a callback nor with a lock that callbacks take, and after they return no callback comes.",
  intent: "Both wait for running callbacks to end, so the caller would wait for itself.",
  sources: [doc("mm/mmu_notifier.c", "kernel-doc of mmu_interval_notifier_remove, mmu_notifier_unregister")],
  hints: ["Which locks are held at the removal?", "Is the last reference ever dropped inside a callback?"],
  status: later("MMUN"),
};

export const mmun26: Rule = {
  id: "MMUN-26",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Each first pass that succeeded and left a finish record gets exactly one finish, after all first passes of the event and also when another listener refused; no other gets any.",
  intent: "A missing finish leaves a flush unwaited, and a doubled one uses freed state.",
  sources: [
    kernel("mm/mmu_notifier.c", "mn_itree_invalidate, mn_itree_release, mn_itree_finish_pass", "7.2"),
    doc("include/linux/mmu_notifier.h", "mmu_interval_notifier_finish", "7.2"),
  ],
  from: "K7.1",
  hints: ["Is the list of records walked on the refusal path too?", "Does every event use a record of its own?"],
  status: later("MMUN"),
};

export const mmun27: Rule = {
  id: "MMUN-27",
  level: "MUST",
  obliged: ["framework", "caller"],
  statement:
    "After a refused non-blocking start the requester calls no end; the framework itself ends all range listeners that have an end and closes the interval sequence.",
  intent: "A range left active blocks every later reader of the sequence for ever.",
  sources: [kernel("mm/mmu_notifier.c", "mn_itree_invalidate, mn_hlist_invalidate_range_start", "6.12, 7.2")],
  hints: ["If interval listeners agreed and a range listener then refuses, who lowers the active count?"],
  status: later("MMUN"),
};

export const mmun28: Rule = {
  id: "MMUN-28",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Before the last put of a shared notifier all secondary entries are gone and new ones blocked, and the module goes only after the synchronize call.",
  intent: "Put is asynchronous: release may never run, and the free callback may run after the put has returned.",
  sources: [doc("mm/mmu_notifier.c", "kernel-doc of mmu_notifier_put, mmu_notifier_synchronize")],
  hints: ["Is the teardown left to the release callback?", "Does module exit call mmu_notifier_synchronize?"],
  status: later("MMUN"),
};

export const mmun29: Rule = {
  id: "MMUN-29",
  level: "MUST",
  obliged: ["framework", "importer"],
  statement:
    "The caller holds the address space alive during registration, and an empty or wrapping range fails with EOVERFLOW, a dead address space with EINVAL, without leaving a listener.",
  intent: "A listener on a dying address space misses the release and keeps entries to freed pages.",
  sources: [kernel("mm/mmu_notifier.c", "__mmu_interval_notifier_insert, __mmu_notifier_register", "6.12, 7.2")],
  hints: ["Can the length come from user space unchecked?"],
  status: later("MMUN"),
};

export const mmun35: Rule = {
  id: "MMUN-35",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A range listener offers the start and end callbacks or the flush callback for shared page tables; with both the registration fails with EINVAL.",
  intent: "The two protocols give different guarantees, and a mix obeys neither.",
  sources: [kernel("mm/mmu_notifier.c", "__mmu_notifier_register", "6.12, 7.2")],
  hints: ["Is one ops table used for devices with and without shared page tables?"],
  status: later("MMUN"),
};

export const rules: readonly Rule[] = [mmun06, mmun10, mmun26, mmun27, mmun28, mmun29, mmun35];
