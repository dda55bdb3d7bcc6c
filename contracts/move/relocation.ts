import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { derived, doc, kernel, run, thread } from "../source.ts";

export const move16: Rule = {
  id: "MOVE-16",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A move makes its invalidate first and changes the storage after it, without releasing the lock in between (a revoke or unrevoke is no move).",
  intent: "If the order is reversed or the lock dropped, an importer maps the old place and is never told.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf_attach_ops, on moves and new mappings"),
    kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_object.c", "amdgpu_bo_move_notify", "6.12, 7.2"),
    kernel("drivers/gpu/drm/xe/xe_bo.c", "xe_bo_move_notify", "6.12, 7.2"),
  ],
  needs: ["move"],
  temporal: ["T-14"],
  hints: [
    "Is the lock released between notice and change, for example to allocate the new place?",
    "Does every path that changes the placement, eviction and swap included, pass the notice?",
  ],
  status: later("MOVE"),
};

export const move17: Rule = {
  id: "MOVE-17",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "While a mapping lives, neither the storage nor anything the mapping shows (address, domain, permission, memory attributes) changes without an invalidate.",
  intent: "The importer has copied these facts into its page tables and has no other way to hear of a change.",
  sources: [
    derived("MAP-11 and MAP-25"),
    thread("004", "a change of memory attributes has to reach the users of a mapping"),
  ],
  hints: [
    "Do you change cacheability, encryption state or write permission of live storage?",
    "Is the invalidate skipped where the address stays the same?",
  ],
  status: later("MOVE"),
};

export const move18: Rule = {
  id: "MOVE-18",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "If the copy or clear of a move is unfinished when the exporter unlocks, the reservation object has a KERNEL fence that ends with it.",
  intent: "The next importer maps the new place at once and would read what has not arrived yet.",
  sources: [
    doc("include/linux/dma-resv.h", "DMA_RESV_USAGE_KERNEL"),
    kernel("drivers/gpu/drm/ttm/ttm_bo_util.c", "ttm_bo_move_accel_cleanup", "6.12, 7.2"),
  ],
  needs: ["move"],
  hints: [
    "Is a fence slot reserved before the copy starts, so that adding cannot fail?",
    "Is the fence that of the last of several copy jobs, or only of the first?",
  ],
  status: later("MOVE"),
};

export const move19: Rule = {
  id: "MOVE-19",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Each map that succeeds after the invalidate of a move has returned shows the new place, even within the same lock hold.",
  intent: "The notice has been spent, so a mapping of the old place made now is never recalled.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf_attach_ops, move_notify", "6.12"),
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings", "7.2"),
  ],
  needs: ["move"],
  temporal: ["T-14"],
  hints: [
    "Does the exporter itself, or a callee, map between the invalidate and the change of placement?",
    "Does the map hook return a table cached for the old place?",
  ],
  status: later("MOVE"),
};

export const move24: Rule = {
  id: "MOVE-24",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A map that comes as soon as the lock is free after an invalidate gets the new place or a definite error, ENODEV if the buffer is revoked.",
  intent: "Importers map again right away, in parallel with the exporter's waits, and must not meet a half-done move.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings", "7.2")],
  hints: [
    "Is the placement consistent at each point where you release the lock?",
    "Can the map hook move the buffer back and so start an endless exchange?",
  ],
  status: later("MOVE"),
};

export const move25: Rule = {
  id: "MOVE-25",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "The storage of a buffer is not relocated while its pin count is above zero (a revoke or unrevoke is no relocation).",
  intent: "Whoever pins cannot follow a move: its device goes on with the old address.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf_ops, pin"),
    kernel("drivers/gpu/drm/xe/xe_bo.c", "xe_bo_move_notify", "6.12, 7.2"),
  ],
  needs: ["move", "pin"],
  hints: [
    "Do eviction, swap and defragmentation all test the pin count under the lock?",
    "Can another importer's map or pin trigger a move of a pinned buffer?",
  ],
  status: later("MOVE"),
};

export const move30: Rule = {
  id: "MOVE-30",
  level: "MUST",
  obliged: ["exporter"],
  provokedBy: ["framework", "importer"],
  statement:
    "While an attachment without the callback has a live mapping, the storage keeps its place, by a pin on its behalf or because the exporter does not move.",
  intent: "Nobody can tell such an importer, so its device would go on with the old address.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_dynamic_attach (pins a static importer)", "6.12"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_pin_on_map", "6.16+"),
    kernel("drivers/infiniband/core/umem_dmabuf.c", "pinned import, ops without callback", "7.2"),
    run(
      ["6.12.117", "7.2.13"],
      "static importers are pinned; in 7.2 ops without callback are mapped with no pin and no notice",
    ),
  ],
  needs: ["move"],
  hints: [
    "Who pins for an importer whose ops have no callback: is it the importer itself?",
    "Does the exporter look at all live mappings before a move, or at the pin count only?",
  ],
  status: later("MOVE"),
};

export const rules: readonly Rule[] = [move16, move17, move18, move19, move24, move25, move30];
