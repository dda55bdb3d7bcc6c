import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { derived, doc, kernel } from "../source.ts";

export const move20: Rule = {
  id: "MOVE-20",
  level: "MUST",
  obliged: ["importer", "exporter"],
  statement:
    "An old mapping stays the importer's after an invalidate: he unmaps it exactly once with its own table and direction, and the exporter accepts that.",
  intent: "If either side thinks the invalidate ended the mapping, it leaks or is torn down twice.",
  sources: [
    doc(
      "include/linux/dma-buf.h",
      "struct dma_buf_attach_ops, move_notify: mappings stay and are to be destroyed",
      "6.12",
    ),
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings", "7.2"),
  ],
  needs: ["importerCallback"],
  hints: [
    "Is the old table still known after the new map has overwritten the pointer?",
    "Does the exporter free or unmap tables by itself when it moves?",
  ],
  status: later("MOVE"),
};

export const move21: Rule = {
  id: "MOVE-21",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Once the callback has returned, the fences have signaled and the lock can be had, an importer with the callback has unmapped every old mapping within bounded time.",
  intent: "A revoke waits for that unmap before the device may be reset or powered down.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings", "7.2")],
  from: "K7.1",
  needs: ["importerCallback"],
  temporal: ["T-08"],
  hints: [
    "Which event makes you unmap, and is it sure to come?",
    "Does the callback only mark or warn?",
    "If unmap is left to a worker, is the worker always queued?",
  ],
  status: later("MOVE"),
};

export const move22: Rule = {
  id: "MOVE-22",
  level: "MUST",
  obliged: ["importer"],
  statement: "The unmap after an invalidate happens without any new user action such as a job, a fault or a close.",
  intent:
    "A process that sleeps with the buffer open could otherwise hold up the reset of someone else's device for ever.",
  sources: [
    derived("MOVE-21"),
    kernel("drivers/gpu/drm/xe/xe_bo.c", "xe_bo_move_dmabuf (the contrast: defers to the next map)", "6.12, 7.2"),
  ],
  from: "K7.1",
  needs: ["importerCallback"],
  hints: [
    "Is the old mapping dropped only by the next validate or by the destruction of the object?",
    "If you depend on fences alone, do you offer yourself to exporters that wait for unmaps?",
  ],
  status: later("MOVE"),
};

export const move37: Rule = {
  id: "MOVE-37",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer that normally leaves the unmap to its next use waits for the fences and unmaps inside the callback if its own device is gone.",
  intent: "After an unplug there is no next use, and the mapping would outlive the device it was made for.",
  sources: [kernel("drivers/gpu/drm/xe/xe_bo.c", "xe_bo_move_dmabuf, unplugged branch", "7.2")],
  from: "K7.1",
  needs: ["importerCallback"],
  hints: [
    "Does the callback ask whether the device was removed?",
    "Are all pointers to the dropped table cleared, so that destruction does not unmap it again?",
  ],
  status: later("MOVE"),
};

export const rules: readonly Rule[] = [move20, move21, move22, move37];
