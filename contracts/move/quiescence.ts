import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { derived, kernel, thread } from "../source.ts";

export const move31: Rule = {
  id: "MOVE-31",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer that stops its device by invalidating page or translation tables has finished that, or has a fence for it in the reservation object, when the callback returns.",
  intent: "There are no job fences in fault mode, so an invalidate still under way is access nobody waits for.",
  sources: [
    kernel("drivers/gpu/drm/xe/xe_bo.c", "xe_bo_trigger_rebind, fault-mode branch", "6.12, 7.2"),
    kernel("drivers/infiniband/hw/mlx5/odp.c", "mlx5_ib_dmabuf_invalidate_cb", "6.12, 7.2"),
  ],
  needs: ["importerCallback"],
  hints: [
    "Do you wait for the answer of the device to the flush, or only send it?",
    "Can a page fault in flight install the old address after the flush?",
  ],
  status: later("MOVE"),
};

export const move32: Rule = {
  id: "MOVE-32",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "If the callback cannot update all contexts that use the attachment, each one left out is marked and is updated before its next job.",
  intent: "One forgotten page table goes on with the old address after the memory has a new owner.",
  sources: [kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_dma_buf_move_notify", "6.12, 7.2")],
  needs: ["importerCallback"],
  hints: [
    "Is the mark set before the attempt to update, so that a skipped context keeps it?",
    "Does every submit path test the mark, those without an explicit buffer list included?",
  ],
  status: later("MOVE"),
};

export const move33: Rule = {
  id: "MOVE-33",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer that passes the mapping on (re-export, second-level tables, a guest) has stopped or fenced its own users before it unmaps or lets its fence signal.",
  intent: "The exporter sees the first importer only and takes his word for everyone behind him.",
  sources: [
    thread("004", "dma-buf defines its rules and users such as KVM adapt to them"),
    derived("MOVE-09 and MAP-16, applied to each link of the chain"),
  ],
  needs: ["importerCallback"],
  hints: [
    "Does the callback invalidate the inner buffer too, before the outer unmap?",
    "Are fences of inner users copied to the outer reservation object?",
  ],
  status: later("MOVE"),
};

export const move36: Rule = {
  id: "MOVE-36",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Whatever fails inside the callback, be it memory or the device, the importer still brings its access to an end (by waiting, resetting the device or publishing a fence) and does not unmap before.",
  intent: "The callback cannot report an error, so an ignored one becomes device access to freed memory.",
  sources: [
    derived("MOVE-07: the callback has no result"),
    kernel("drivers/infiniband/hw/irdma/verbs.c", "irdma_umem_dmabuf_revoke (requests a reset)", "7.2"),
  ],
  needs: ["importerCallback"],
  hints: [
    "What does the callback do if it cannot allocate the fence?",
    "Is the result of the flush or detach command looked at before unmap?",
  ],
  status: later("MOVE"),
};

export const rules: readonly Rule[] = [move31, move32, move33, move36];
