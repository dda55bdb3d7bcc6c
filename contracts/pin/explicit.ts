import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { commit, derived, doc, kernel, run, thread } from "../source.ts";

const core = "drivers/dma-buf/dma-buf.c";
const umem = "drivers/infiniband/core/umem_dmabuf.c";
const iommufd = "drivers/iommu/iommufd/pages.c";
const both = ["6.12.117", "7.2.13"];

export const pin01: Rule = {
  id: "PIN-01",
  level: "MUST",
  obliged: ["importer"],
  statement: "Whoever pins or unpins holds the reservation lock of that buffer.",
  intent: "The exporter's pin count has no other guard, and a lost update leaves it pinned, or movable, for ever.",
  sources: [
    doc(core, "locking convention"),
    commit(
      "iommufd: take the lock around unpin, missing since 8c5f9645c389",
      "20260526111034.4079-1-Ankit.Soni@amd.com",
    ),
    run(both, "pin and unpin without the lock: a warning each, the call still reaches the exporter"),
  ],
  needs: ["pin"],
  hints: [
    "Is the lock taken for the unpin in release and error paths too?",
    "Do you hold the lock of this buffer and not that of your own object?",
  ],
  status: later("PIN"),
};

export const pin02: Rule = {
  id: "PIN-02",
  level: "MUST",
  obliged: ["importer"],
  statement: "Explicit pin and unpin are used only on attachments made with importer ops.",
  intent: "For the others the core pins by itself, and a second party at the same count leaves it wrong.",
  sources: [kernel(core, "dma_buf_pin", "6.12, 7.2"), doc(core, "dma_buf_pin")],
  needs: ["pin"],
  hints: ["Was the attachment made by dma_buf_attach() instead of dma_buf_dynamic_attach()?"],
  status: later("PIN"),
};

export const pin04: Rule = {
  id: "PIN-04",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Each successful pin is undone once, through the attachment it was made on and before detach, and nothing else is ever unpinned.",
  intent: "The core forwards a stray unpin unasked, and it releases memory that another importer relies on.",
  sources: [
    doc(core, "dma_buf_pin"),
    commit("RDMA umem: pin given back twice after a failed map", "40126bcbefa7"),
    run(both, "unpin without pin: forwarded, no warning, the exporter's count goes to -1"),
  ],
  needs: ["pin"],
  hints: [
    "Does a failed map after the pin unpin once, or again at release?",
    "Does the release path return early for a revoked import and forget the pin?",
  ],
  status: later("PIN"),
};

export const pin08: Rule = {
  id: "PIN-08",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "User space cannot make an importer pin more than a set amount, and explicit pins serve long uses such as scanout instead of single jobs.",
  intent: "Pinned memory cannot be evicted, so one process could take all device memory away from the others.",
  sources: [doc(core, "dma_buf_pin")],
  needs: ["pin"],
  hints: [
    "Is each pin charged to its process before it is made, and refused above a limit?",
    "Is a pin taken at submit and dropped at completion? Use map and fences for that.",
  ],
  status: later("PIN"),
};

export const pin13: Rule = {
  id: "PIN-13",
  level: "MUST",
  obliged: ["importer"],
  statement: "An importer with ops but no invalidation callback holds an explicit pin whenever it has a mapping.",
  intent: "From 7.1 the core neither pins for it nor can tell it of a move, so nothing else keeps its addresses true.",
  sources: [
    derived("no automatic pin (PIN-12), no notification (ATT-13)"),
    kernel(core, "dma_buf_pin_on_map", "7.1+"),
    kernel(umem, "ib_umem_dmabuf_get_pinned", "7.1+"),
    run(["7.2.13"], "ops without callback map a dynamic buffer: no pin, not notified of the move"),
  ],
  from: "K7.1",
  needs: ["pin"],
  hints: [
    "Is the pin taken under the same lock hold as the map, and before it?",
    "Is unpin after the last unmap, also on the error path?",
  ],
  status: later("PIN"),
};

export const pin14: Rule = {
  id: "PIN-14",
  level: "SHOULD",
  obliged: ["importer"],
  statement: "On each attachment an explicit pin comes before the first map and goes after the last unmap.",
  intent:
    "In any other order there is a moment in which the mapped storage may move under an importer that counts on it.",
  sources: [
    kernel(umem, "ib_umem_dmabuf_get_pinned", "6.12, 7.2"),
    kernel(iommufd, "iopt_map_dmabuf, iopt_release_pages", "7.2"),
  ],
  needs: ["pin"],
  temporal: ["T-12"],
  hints: ["Does teardown unmap first?", "Are pin and map in one hold of the lock?"],
  status: later("PIN"),
};

export const pin18: Rule = {
  id: "PIN-18",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A pinned importer takes its callback as the loss of the mapping: it unmaps in bounded time, does no access after the fences and that unmap, and still drops each pin once; whether it ever maps again is its own choice.",
  intent:
    "Pinned storage does not move, so the call means revoke, and the exporter is waiting to give the memory away.",
  sources: [
    doc(core, "dma_buf_invalidate_mappings", "7.2"),
    kernel(umem, "ib_umem_dmabuf_revoke_locked", "6.12 stable, 7.2"),
    kernel(iommufd, "iopt_revoke_notify", "7.2"),
    thread("revoke v2, 19 Jan 2026", "what a pinned importer is told by the callback"),
  ],
  from: "K7.1",
  needs: ["pin", "importerCallback"],
  hints: [
    "Does the callback only print a warning because the buffer is pinned?",
    "Does the teardown of a revoked import still unpin?",
    "What if the callback comes between attach and pin?",
  ],
  status: later("PIN"),
};

export const pin21: Rule = {
  id: "PIN-21",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer whose pin failed passes the error on, expects the storage to move and never unpins; if a later step fails it drops the pin it got.",
  intent: "An ignored error puts on screen, or under a long-lived translation, memory that moves at the next shortage.",
  sources: [
    derived("PIN-04"),
    kernel(iommufd, "iopt_map_dmabuf", "7.2"),
    kernel("drivers/gpu/drm/virtio/virtgpu_prime.c", "virtio_gpu_prepare_imported_obj", "7.2"),
    kernel(umem, "ib_umem_dmabuf_get_pinned_and_lock", "7.2"),
    run(["7.2.13"], "iommufd: pin error passed on without unpin; one unpin after a later failure"),
  ],
  needs: ["pin"],
  hints: [
    "Is the result of dma_buf_pin() looked at?",
    'Does the unwind tell "pin failed" from "failed after the pin"?',
  ],
  status: later("PIN"),
};

export const rules: readonly Rule[] = [pin01, pin02, pin04, pin08, pin13, pin14, pin18, pin21];
