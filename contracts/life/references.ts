import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { derived, doc, kernel, run } from "../source.ts";

const core = "drivers/dma-buf/dma-buf.c";
const both = ["6.12.117", "7.2.13"];

export const life09: Rule = {
  id: "LIFE-09",
  level: "MUST",
  obliged: ["caller"],
  statement:
    "Each reference, whether it came from export, get, an explicit ref, an fd, an armed poll or a live mmap, is dropped exactly once.",
  intent: "One drop too few pins the memory until reboot; one too many frees it under another user.",
  sources: [
    doc(core, "dma_buf_get, dma_buf_put"),
    kernel(core, "dma_buf_poll", "6.12, 7.2"),
    run(both, "export, fd, poll arm and mmap each add one; close, signal and munmap each drop one"),
  ],
  hints: [
    "Does every error path after get put the buffer?",
    "Is the reference of an fd you created counted as no longer yours (LIFE-06)?",
  ],
  status: later("LIFE"),
};

export const life10: Rule = {
  id: "LIFE-10",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "The release hook runs exactly once, not before the last reference is gone, and possibly only after the last put has returned.",
  intent: "Released early or twice the storage is a use after free; never released it is a leak no one can repair.",
  sources: [
    kernel(core, "dma_buf_release", "6.12, 7.2"),
    doc("include/linux/dma-buf.h", "struct dma_buf_ops, release"),
    run(both, "put from a kernel thread returns before release, which runs once at the next flush"),
  ],
  hints: [
    "Do armed polls and live mmaps count as references?",
    "Does your code rely on release having run when put returns?",
  ],
  status: later("LIFE"),
};

export const life11: Rule = {
  id: "LIFE-11",
  level: "MUST",
  obliged: ["caller", "framework"],
  statement:
    "Once the last reference is dropped nobody starts an operation on the buffer, and its exporter gets no call but release.",
  intent: "The exporter may be freeing the private data that any such call would read.",
  sources: [derived("LIFE-09, LIFE-10")],
  hints: [
    "Does the caller still use the buffer after its own put?",
    "Is deferred work that touches the buffer holding its own reference?",
  ],
  status: later("LIFE"),
};

export const life12: Rule = {
  id: "LIFE-12",
  level: "MUST",
  obliged: ["importer"],
  statement: "An importer detaches before it drops its buffer reference, so that no attachment is left at release.",
  intent: "A forgotten attachment still points at the freed buffer, and its later detach writes there.",
  sources: [
    kernel(core, "dma_buf_release", "6.12, 7.2"),
    run(both, "put with an attachment left: release runs, one kernel warning"),
  ],
  temporal: ["T-12"],
  hints: ["Is put called before detach anywhere, error paths included?", "Does every attach have a detach?"],
  status: later("LIFE"),
};

export const life35: Rule = {
  id: "LIFE-35",
  level: "MUST",
  obliged: ["caller"],
  statement: "Export, fd creation, get and put are called without holding the reservation lock of that buffer.",
  intent: "The last put can run a release hook that takes this lock, or destroy the lock while it is held.",
  sources: [
    doc(core, "locking convention"),
    kernel("drivers/gpu/drm/xe/xe_dma_buf.c", "xe_dma_buf_release", "7.2"),
    run(both, "last put with the lock held: release runs inside it, lock-debug warning about a destroyed held lock"),
  ],
  hints: [
    "Is the put after the unlock in every error path?",
    "Can a fence callback or list walk under the lock drop the last reference?",
  ],
  status: later("LIFE"),
};

export const life36: Rule = {
  id: "LIFE-36",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["caller"],
  statement:
    "The release hook is entered without the buffer's reservation lock, so that the exporter can take it there.",
  intent:
    "Exporters lock their object while they take it apart; entered with the lock held they would wait for themselves.",
  sources: [
    doc(core, "locking convention"),
    run(both, "a hook that locks is granted the lock; normally the lock is free at entry"),
  ],
  hints: ["Does the framework drop its own hold first?", "Did a caller put the buffer under the lock (LIFE-35)?"],
  status: later("LIFE"),
};

export const rules: readonly Rule[] = [life09, life10, life11, life12, life35, life36];
