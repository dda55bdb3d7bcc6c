import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel, run } from "../source.ts";

export const map23: Rule = {
  id: "MAP-23",
  level: "MUST",
  obliged: ["exporter", "framework"],
  statement: "After a map that failed, DMA mappings, pins and counters are what they were before the call.",
  intent: "Each failure would otherwise leak address space or pin memory, and a retry loop uses it all up.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment, error paths", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt, error path", "7.2"),
    run(["6.12.117", "7.2.13"], "nothing left after a failing hook, the next map works"),
  ],
  hints: [
    "Which entries does the error path unmap: those mapped so far, or all that were allocated?",
    "Is reserved address space given back if the very first step fails?",
    "Is the automatic pin dropped on every error after it?",
  ],
  status: later("MAP"),
};

export const map24: Rule = {
  id: "MAP-24",
  level: "MUST",
  obliged: ["exporter"],
  statement: "Map of a revoked buffer fails with ENODEV and does not wait for an unrevoke.",
  intent: "A map that waits holds the lock that the unrevoke needs, and the importer hangs instead of giving up.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_map", "6.19+"),
    kernel(
      "drivers/infiniband/core/umem_dmabuf.c",
      "ib_umem_dmabuf_map_pages (EINVAL if the importer itself is revoked)",
      "6.12, 7.2",
    ),
    run(["7.2.13"], "iommufd test exporter: ENODEV at once, attachment count unchanged"),
  ],
  from: "K6.19",
  needs: ["revoke"],
  hints: ["Does the hook test the flag before it waits for anything?", "Does it wake or resume the device first?"],
  status: later("MAP"),
};

export const map28: Rule = {
  id: "MAP-28",
  level: "MUST",
  obliged: ["exporter", "importer"],
  statement: "A map ended by a signal returns EINTR and changes nothing, and the caller is able to repeat it.",
  intent: "Signals come at any time; an importer that takes one for a broken buffer fails healthy jobs.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment")],
  hints: [
    "Does the importer pass the interruption up, or does it mark the buffer as bad?",
    "Does the exporter undo a half-finished move or allocation before it returns?",
  ],
  status: later("MAP"),
};

export const map29: Rule = {
  id: "MAP-29",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer of a part of a buffer refuses an empty range and a range not inside the buffer, with arithmetic that cannot wrap (EINVAL; EOVERFLOW where start plus length wraps is accepted too).",
  intent: "A wrapped sum passes the check and gives user space device access beyond the buffer.",
  sources: [
    kernel("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_get_with_dma_device", "6.12, 7.2"),
    kernel("drivers/iommu/iommufd/io_pagetable.c", "iopt_map_file_pages", "7.2"),
    kernel("drivers/iommu/iommufd/pages.c", "iopt_alloc_dmabuf_pages", "7.2"),
  ],
  hints: [
    "Is offset plus length computed with an overflow check?",
    "Is the sum compared with the buffer size, or with the size a user claimed?",
    "What does a length of 0 do?",
  ],
  status: later("MAP"),
};

export const rules: readonly Rule[] = [map23, map24, map28, map29];
