import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel, thread } from "../source.ts";

export const move13: Rule = {
  id: "MOVE-13",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "The old place is freed or given other data only after all fences of any usage up to BOOKKEEP that were present when the invalidate returned have signaled, or by work that is ordered behind them.",
  intent: "Importers' unmanaged and page-table work is tracked as BOOKKEEP only, and it still touches the old place.",
  sources: [
    kernel("drivers/gpu/drm/ttm/ttm_bo.c", "ttm_bo_delayed_delete", "6.12, 7.2"),
    kernel("drivers/gpu/drm/ttm/ttm_bo_util.c", "ttm_bo_pipeline_gutting", "6.12, 7.2"),
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings, first wait", "7.2"),
    thread("Thomas Hellström, January 2026", "which fences an exporter has to wait for"),
  ],
  needs: ["move"],
  temporal: ["T-03"],
  hints: [
    "With which usage do you collect the fences: does READ leave BOOKKEEP out?",
    "Does the copy job of a pipelined move depend on them, and does its fence guard the old place?",
    "Do you collect before or after the callbacks, which may add fences?",
  ],
  status: later("MOVE"),
};

export const move14: Rule = {
  id: "MOVE-14",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Where a mere read of the old place does harm (side effects, another security domain, a device without power), it is reused only after all old mappings are unmapped too.",
  intent: "Speculative reads go on until unmap and may hit a register, a secret or a dead bus.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings, both waits for a full stop", "7.2")],
  from: "K7.1",
  temporal: ["T-04"],
  hints: [
    "Do you count live mappings of the old place, and who wakes the waiter at the last unmap?",
    "Does the reset, power or release path start after the first wait already?",
  ],
  status: later("MOVE"),
};

export const move15: Rule = {
  id: "MOVE-15",
  level: "MAY",
  obliged: ["exporter"],
  statement:
    "For ordinary memory that is merely relocated, the exporter is free to wait for fences only and not for unmaps.",
  intent:
    "A late speculative read of plain memory does no harm, and waiting for importers to unmap would slow each eviction.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings, first wait is often enough", "7.2")],
  needs: ["move"],
  hints: [
    "Is the freed memory really ordinary: can it go to a protected or confidential owner?",
    "Does the address stay mapped to something harmless until the unmap?",
  ],
  status: later("MOVE"),
};

export const move27: Rule = {
  id: "MOVE-27",
  level: "MUST",
  obliged: ["exporter"],
  statement: "The exporter releases the reservation lock before it waits for an importer's unmap.",
  intent: "Unmap needs that lock, so both sides would wait for each other for ever.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "7.1+")],
  temporal: ["T-23"],
  hints: [
    "Which locks are held at the wait, and does any unmap path of an importer need one of them?",
    "Is the wait inside a loop that keeps the locks of other buffers?",
  ],
  status: later("MOVE"),
};

export const move28: Rule = {
  id: "MOVE-28",
  level: "MAY",
  obliged: ["exporter"],
  statement: "The exporter is free to wait for fences of the buffer while it holds the buffer's reservation lock.",
  intent: "Fences signal without any reservation lock, and holding it keeps new maps out during the wait.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "fence cross-driver contract"),
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "7.1+"),
    kernel("drivers/gpu/drm/ttm/ttm_bo.c", "ttm_bo_wait_ctx", "6.12, 7.2"),
  ],
  hints: [
    "If the wait never ends, which fence is it and does its signal path take a reservation lock?",
    "Is it a wait for fences only, or does an unmap hide behind it?",
  ],
  status: later("MOVE"),
};

export const move29: Rule = {
  id: "MOVE-29",
  level: "MUST",
  obliged: ["exporter"],
  statement: "The exporter does its own fence wait and never takes the return of the callbacks as the end of access.",
  intent: "Many importers only mark the mapping stale and return with jobs still running on the old place.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings: access goes on after return", "7.2"),
    kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_dma_buf_move_notify (returns at once)", "6.12, 7.2"),
  ],
  hints: [
    "What stands between the invalidate and the first change of the old place?",
    "Was the exporter tested only with importers that wait inside the callback?",
  ],
  status: later("MOVE"),
};

export const rules: readonly Rule[] = [move13, move14, move15, move27, move28, move29];
