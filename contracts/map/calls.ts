import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { derived, doc, kernel, run } from "../source.ts";

export const map01: Rule = {
  id: "MAP-01",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "The importer holds the buffer's reservation lock when it calls the locked map or unmap, and does not hold it when it calls the unlocked forms.",
  intent:
    "Without the lock a move can slip under the mapping; with the lock already held, the unlocked form waits for itself.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "locking convention"),
    run(
      ["6.12.117", "7.2.13"],
      "a locked call without the lock only warns, an unlocked call with the lock never returns",
    ),
  ],
  hints: [
    "Which form does each call site use, and who took the lock before it?",
    "Does an error path drop the lock before it unmaps?",
  ],
  status: later("MAP"),
};

export const map02: Rule = {
  id: "MAP-02",
  level: "MUST",
  obliged: ["framework", "exporter"],
  provokedBy: ["importer"],
  statement:
    "The exporter's map and unmap hooks always find the buffer's reservation lock taken, for static exporters too, and never ask for that lock themselves.",
  intent:
    "A hook that locks again blocks for ever, and a hook without the lock reads a location that is being changed.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "locking convention"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "lock held in both hooks for every mix of static and dynamic"),
  ],
  hints: [
    "Does the hook call a helper of your driver that takes the object lock?",
    "Was the hook written after its old kernel-doc, which promises the lock to dynamic exporters only?",
  ],
  status: later("MAP"),
};

export const map03: Rule = {
  id: "MAP-03",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Map and unmap are called from sleepable context only, never in atomic context or inside a fence-signalling section.",
  intent: "Both may allocate and wait for fences, so a fence whose signal is behind such a call may wait for itself.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment, dma_buf_unmap_attachment (might_sleep)", "6.12, 7.2"),
    doc("drivers/dma-buf/dma-fence.c", "fence signalling annotations"),
  ],
  hints: ["Do you unmap in the job-done interrupt or in a fence callback?", "Is there a spinlock around the call?"],
  status: later("MAP"),
};

export const map04: Rule = {
  id: "MAP-04",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A map without an attachment, or with an attachment that has no buffer, returns EINVAL, and such an unmap warns and does nothing.",
  intent: "An importer that lost its attachment in an error path must get an error and not a crash in the core.",
  sources: [kernel("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment, dma_buf_unmap_attachment", "6.12, 7.2")],
  hints: [
    "Are both pointers tested before the lock assertion uses the buffer?",
    "Is no exporter hook reached on this path?",
  ],
  status: later("MAP"),
};

export const map05: Rule = {
  id: "MAP-05",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["exporter"],
  statement: "If the exporter's map hook returns no table at all, the caller of map gets ENOMEM.",
  intent: "Importers test for an error value only and would use the missing table as a real one.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "ENOMEM; in 6.12 already at attach if that maps"),
  ],
  hints: [
    "Is an empty result turned into an error before anything else looks at it?",
    "Does the map made inside attach (6.12) go through the same test?",
  ],
  status: later("MAP"),
};

export const map06: Rule = {
  id: "MAP-06",
  level: "MUST",
  obliged: ["framework", "exporter"],
  provokedBy: ["importer"],
  statement: "A map succeeds only on an attachment whose attach returned success and whose detach has not begun.",
  intent:
    "Outside that span nobody tells the importer about moves, and the per-attachment data of the exporter is gone.",
  sources: [doc("include/linux/dma-buf.h", "struct dma_buf_ops, map_dma_buf")],
  hints: [
    "Can a worker or fault handler of the importer still map while its teardown detaches?",
    "Does your map hook use attachment data that the detach hook has freed?",
  ],
  status: later("MAP"),
};

export const map27: Rule = {
  id: "MAP-27",
  level: "MUST",
  obliged: ["importer", "exporter"],
  statement:
    "No importer maps with the direction none or with a value that is no direction, and an exporter asked for one answers EINVAL and maps nothing.",
  intent: "The core passes the value through, and the DMA layer of a real kernel halts the machine on it.",
  sources: [
    kernel("drivers/gpu/drm/drm_prime.c", "drm_gem_map_dma_buf", "6.12, 7.2"),
    kernel("kernel/dma/mapping.c", "valid_dma_direction", "6.12, 7.2"),
    run(
      ["6.12.117", "7.2.13"],
      "system heap and udmabuf stop the kernel, vgem refuses; a table cached by 6.12 is handed out",
    ),
  ],
  hints: [
    "Can the direction come from user input or from a job without any access?",
    "Does the map hook test the direction before it calls the DMA layer?",
  ],
  status: later("MAP"),
};

export const map34: Rule = {
  id: "MAP-34",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["exporter", "importer"],
  statement:
    "Maps of one buffer that run at the same time for different attachments take effect one after the other, and show the same storage if nothing moved it in between.",
  intent: "Two devices that see different copies of one frame corrupt it without any error.",
  sources: [
    derived("MAP-01 and MAP-25"),
    run(["6.12.117", "7.2.13"], "two blocked maps run one after the other when the lock is released"),
  ],
  hints: [
    "Does every path to the map hook hold the one reservation lock of the buffer?",
    "Does the hook drop that lock while it looks for the storage?",
  ],
  status: later("MAP"),
};

export const rules: readonly Rule[] = [map01, map02, map03, map04, map05, map06, map27, map34];
