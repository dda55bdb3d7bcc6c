import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { derived, doc, kernel } from "../source.ts";

export const rev06: Rule = {
  id: "REV-06",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A synchronous revoke waits, uninterruptibly and without time limit, for all fences up to BOOKKEEP, in the same reservation lock hold in which it set the flag and issued the invalidate.",
  intent:
    "Explicitly synchronised and page table work has only BOOKKEEP fences, and with the lock open somebody adds one more.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "7.2"),
    kernel("drivers/infiniband/core/uverbs_std_types_dmabuf.c", "uverbs_dmabuf_fd_destroy_uobj", "7.2"),
    kernel("drivers/infiniband/core/ib_core_uverbs.c", "rdma_user_mmap_entry_remove", "7.2"),
  ],
  from: "K7.1",
  needs: ["revoke"],
  temporal: ["T-04"],
  hints: [
    "Is the wait made with DMA_RESV_USAGE_BOOKKEEP, or with a stronger usage that sees fewer fences?",
    "Is the lock released between the invalidate and the wait?",
    "Can a signal end the wait early?",
  ],
  status: later("REV"),
};

export const rev07: Rule = {
  id: "REV-07",
  level: "MUST",
  obliged: ["exporter"],
  provokedBy: ["importer"],
  statement: "A synchronous revoke returns only after every mapping that existed at its invalidate has been unmapped.",
  intent:
    "Until the unmap a device may still read ahead through the old addresses, and a read from a disabled BAR can bring the machine down.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "7.2"),
    kernel("drivers/infiniband/core/ib_core_uverbs.c", "rdma_user_mmap_entry_remove", "7.2"),
  ],
  from: "K7.1",
  needs: ["revoke"],
  temporal: ["T-04", "T-06"],
  hints: [
    "Is every successful map counted, and is the wait for the count and not for the callbacks to return?",
    "Does the wait have a timeout that is taken as success?",
  ],
  status: later("REV"),
};

export const rev08: Rule = {
  id: "REV-08",
  level: "MUST",
  obliged: ["exporter"],
  statement: "A revoking exporter does not hold the reservation lock while it waits for the unmaps.",
  intent: "An unmap needs this lock, so the two would wait for each other.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "7.2")],
  from: "K7.1",
  needs: ["revoke"],
  temporal: ["T-23"],
  hints: ["Is dma_resv_unlock called before wait_for_completion?"],
  status: later("REV"),
};

export const rev09: Rule = {
  id: "REV-09",
  level: "MUST",
  obliged: ["importer"],
  provokedBy: ["exporter"],
  statement:
    "After a synchronous revoke has returned no device reads, writes or reads ahead through a mapping made before it.",
  intent:
    "The caller goes on to reset the device, and what is behind these addresses is then undefined or someone else's.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings", "7.2"),
    derived("the device operations that follow a revoke (REV-32)"),
  ],
  from: "K7.1",
  needs: ["revoke"],
  temporal: ["T-04"],
  hints: [
    "Does the importer unmap before its hardware has dropped the addresses, for example from a TLB?",
    "Did the revoke return while mappings were still alive (REV-07)?",
  ],
  status: later("REV"),
};

export const rev10: Rule = {
  id: "REV-10",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Through an invalidated mapping an importer may work normally until its fences have signaled, and from then until its unmap it only reads ahead and throws the result away.",
  intent: "Once the fences are done the exporter treats the content as its own, and a late write corrupts it.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings", "7.2")],
  from: "K7.1",
  needs: ["revoke"],
  temporal: ["T-01"],
  hints: [
    "Is the job's fence signaled before the last write has reached memory?",
    "Can new work start on the old mapping after the callback?",
  ],
  status: later("REV"),
};

export const rev11: Rule = {
  id: "REV-11",
  level: "fact",
  obliged: ["exporter"],
  statement:
    "In these series a revoke waits for nothing, so mappings and accesses may outlive its return and an exporter must not take the return for silence.",
  intent: "Code written for the later synchronous revoke is unsafe on them.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "6.19")],
  from: "K6.19",
  until: "K7.0",
  needs: ["revoke"],
  hints: ["Does code after the revoke rely on importers having unmapped?"],
  status: later("REV"),
};

export const rev13: Rule = {
  id: "REV-13",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A synchronous revoke of a buffer without mappings waits for fences only and needs no action of any importer.",
  intent: "With nobody left to unmap, a wait for an unmap would never end.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "7.2"),
    kernel("drivers/infiniband/core/ib_core_uverbs.c", "rdma_user_mmap_entry_remove", "7.2"),
  ],
  from: "K7.1",
  needs: ["revoke"],
  hints: ["Does the exporter hold one count of its own and drop it before it waits?"],
  status: later("REV"),
};

export const rev40: Rule = {
  id: "REV-40",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A synchronous revoke is started where sleeping is allowed, and its caller holds neither the reservation lock nor any lock an importer needs in order to unmap.",
  intent: "The wait for the unmap would otherwise wait for its own caller.",
  sources: [derived("REV-08 for the locks around the revoke")],
  from: "K7.1",
  needs: ["revoke"],
  temporal: ["T-23"],
  hints: [
    "Which locks does the caller of the revoke hold, and which of them does an importer's unmap path take?",
    "Is the revoke reachable from a fence callback or from another atomic context?",
  ],
  status: later("REV"),
};

export const rules: readonly Rule[] = [rev06, rev07, rev08, rev09, rev10, rev11, rev13, rev40];
