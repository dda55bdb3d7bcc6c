import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { doc, kernel, run } from "../source.ts";

const core = "drivers/dma-buf/dma-buf.c";
const both = ["6.12.117", "7.2.13"];

export const att01: Rule = {
  id: "ATT-01",
  level: "MUST",
  obliged: ["framework"],
  statement: "Attach without a buffer or without a device answers EINVAL and changes nothing.",
  intent: "An attachment with no device has no address space that a mapping could be made for.",
  sources: [kernel(core, "dma_buf_dynamic_attach", "6.12, 7.2")],
  hints: ["Are both arguments checked before the allocation and before the exporter's hook?"],
  status: later("ATT"),
};

export const att02: Rule = {
  id: "ATT-02",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Up to 7.0 attach answers EINVAL to importer ops that lack the move callback; from 7.1 on it accepts them.",
  intent:
    "Before 7.1 the core calls the callback unasked, and since then its absence is how an importer says it cannot be interrupted.",
  sources: [
    kernel(core, "dma_buf_dynamic_attach", "6.12, 7.2"),
    run(
      both,
      "ops without callback on a dynamic exporter: EINVAL with a warning on 6.12, accepted and not revocable on 7.2",
    ),
  ],
  hints: [
    'Does the check ask the profile, not the kernel-doc? The 6.12 text already says "optional".',
    "Does the callback loop skip attachments without one?",
  ],
  status: later("ATT"),
};

export const att03: Rule = {
  id: "ATT-03",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["caller"],
  statement:
    "Each attach runs the exporter's attach hook once, without the reservation lock, and before the attachment is on the list.",
  intent:
    "The hook may sleep, wake the device or refuse, which cannot be done under the lock or to an attachment others already see.",
  sources: [
    kernel(core, "dma_buf_dynamic_attach", "6.12, 7.2"),
    doc(core, "locking convention"),
    run(both, "hook runs unlocked and off the list; a move made meanwhile skips the new attachment"),
  ],
  hints: ["Does the hook come first and the lock after it?", "Did the caller hold the lock across attach (ATT-11)?"],
  status: later("ATT"),
};

export const att04: Rule = {
  id: "ATT-04",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "When the attach hook fails, attach answers with its very error and the attachment is gone: not listed, never called back, no detach hook.",
  intent: "A detach hook without its attach gives back a power or page count that was never taken.",
  sources: [
    kernel(core, "dma_buf_dynamic_attach (err_attach)", "6.12, 7.2"),
    run(both, "hook fails with 5 and 16: same error, list unchanged, no detach hook"),
  ],
  hints: ["Does the error path skip the detach hook?", "Does the hook itself undo what it did before it fails?"],
  status: later("ATT"),
};

export const att11: Rule = {
  id: "ATT-11",
  level: "MUST",
  obliged: ["importer"],
  statement: "Attach, dynamic attach and detach are called without holding the reservation lock of the buffer.",
  intent: "All three take that lock themselves, so the caller would wait for itself for ever.",
  sources: [
    doc(core, "locking convention"),
    run(both, "detach with the lock held: lockdep report, the call never returns"),
  ],
  hints: [
    "Is detach reached from an invalidate callback or another path that runs under the lock?",
    "Is the unlock before detach in the error paths too?",
  ],
  status: later("ATT"),
};

export const att27: Rule = {
  id: "ATT-27",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "From 6.16 attach itself calls neither the pin nor the map hook; 6.12 does so, BIDIRECTIONAL, in two cases only: pin and map for a static importer of a dynamic exporter, map alone for a dynamic importer of a static exporter.",
  intent: "Storage that is mapped while nobody uses it can neither move nor be reclaimed.",
  sources: [
    kernel(core, "dma_buf_dynamic_attach", "6.12, 7.2"),
    run(both, "hooks seen inside attach in the four mixes of static and dynamic: two mixes on 6.12, none on 7.2"),
  ],
  hints: [
    "Does the framework map early to save work at the first map?",
    "Is the call made by the exporter's own attach hook? That is allowed.",
  ],
  status: later("ATT"),
};

export const att32: Rule = {
  id: "ATT-32",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "When the pin or map that 6.12 makes inside attach fails, attach unpins if it had pinned, takes the attachment off the list, runs the detach hook once and answers with that error (ENOMEM for a null table).",
  intent: "What stays behind is an attachment nobody can detach, or a pin that holds memory in place for ever.",
  sources: [
    kernel(core, "dma_buf_dynamic_attach (err_unpin, err_unlock)", "6.12"),
    run(["6.12.117"], "pin fails, map fails, map returns null: undone each time, with one detach hook"),
  ],
  until: "K6.12",
  needs: ["dynamicExporter"],
  hints: [
    "Does the unwind unpin only when the pin itself succeeded?",
    "Is the detach hook run here, unlike after a failed attach hook (ATT-04)?",
  ],
  status: later("ATT"),
};

export const rules: readonly Rule[] = [att01, att02, att03, att04, att11, att27, att32];
