import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { doc, kernel, thread } from "../source.ts";

export const p2p10: Rule = {
  id: "P2P-10",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Only a mappable memory BAR of a device whose driver has initialised peer support has a provider; asking for any other gives none, and an export without provider fails with EINVAL.",
  intent: "I/O ports and absent BARs have no bus window that a peer could address.",
  sources: [
    kernel("drivers/pci/p2pdma.c", "pcim_p2pdma_init", "6.19+"),
    kernel("drivers/pci/p2pdma.c", "pcim_p2pdma_provider", "6.19+"),
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_core_get_dmabuf_phys", "6.19+"),
  ],
  from: "K6.19",
  needs: ["peer2peer"],
  hints: ["Is a null provider tested at export?", "Is init called before the first provider is asked for?"],
  status: later("P2P"),
};

export const p2p11: Rule = {
  id: "P2P-11",
  level: "MUST",
  obliged: ["exporter"],
  provokedBy: ["importer"],
  statement:
    "When the unbind of a provider's driver completes, all DMA mappings through it are undone and no vmap or page-table entry of the CPU points at it.",
  intent: "Hot-unplug gives the window to the next device, and a forgotten mapping then writes into that one.",
  sources: [
    doc("drivers/pci/p2pdma.c", "kernel-doc of pcim_p2pdma_provider", "6.19+"),
    doc("Documentation/driver-api/pci/p2pdma.rst", "provider lifetime", "7.2"),
  ],
  from: "K6.19",
  needs: ["peer2peer"],
  temporal: ["T-29"],
  hints: ["Does the remove path revoke and wait for the last unmap?", "Are the mmap entries zapped as well?"],
  status: later("P2P"),
};

export const p2p25: Rule = {
  id: "P2P-25",
  level: "MUST",
  obliged: ["exporter"],
  statement: "All ranges passed to one call of the range helper belong to a single provider.",
  intent: "The helper takes one provider and one map type, so a foreign range gets the wrong offset or route.",
  sources: [kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "6.19+")],
  from: "K6.19",
  needs: ["peer2peer"],
  hints: ["Can the buffer span two BARs or two devices?"],
  status: later("P2P"),
};

export const p2p26: Rule = {
  id: "P2P-26",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "The range helper is called with the reservation lock held, an attachment, a provider and some range that is not empty, and only for MMIO; without attachment, provider or segment it fails with EINVAL.",
  intent: "Outside the lock a revoke can pass the map, and RAM treated as MMIO loses its cache handling.",
  sources: [kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "6.19+")],
  from: "K6.19",
  needs: ["peer2peer"],
  hints: ["Who takes the reservation lock on this path?", "Can the range list be empty after trimming?"],
  status: later("P2P"),
};

export const p2p27: Rule = {
  id: "P2P-27",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "What the range helper mapped is released exactly once by its own free function, and after a failure at any step neither a DMA mapping nor IOVA space remains.",
  intent: "Leaked IOVA space runs the importer's domain dry and stale entries keep device memory reachable.",
  sources: [
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_free_sgt", "6.19+"),
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "6.19+"),
  ],
  from: "K6.19",
  needs: ["peer2peer"],
  hints: [
    "Is the space freed when the table allocation or the first link fails?",
    "Does the error path skip entries that were never mapped?",
  ],
  status: later("P2P"),
};

export const p2p28: Rule = {
  id: "P2P-28",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An exporter whose memory is reachable only directly asks for the map type itself and refuses HOST with EOPNOTSUPP before it calls the range helper.",
  intent: "The helper takes both routes silently, so the importer would get an address that cannot work.",
  sources: [doc("drivers/dma-buf/dma-buf-mapping.c", "kernel-doc of dma_buf_phys_vec_to_sgt", "6.19+")],
  from: "K6.19",
  needs: ["peer2peer"],
  hints: ["Is the query repeated for each importer device?"],
  status: later("P2P"),
};

export const p2p29: Rule = {
  id: "P2P-29",
  level: "MUST",
  obliged: ["exporter"],
  provokedBy: ["importer"],
  statement:
    "As long as peers can use mappings of it, the exporting device is powered and decodes its memory; otherwise it revokes first.",
  intent: "Reads from a sleeping device return all ones or raise a fatal bus error.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_core.c", "runtime power management calls", "6.19+"),
    kernel("drivers/gpu/drm/xe/xe_dma_buf.c", "xe_dma_buf_attach", "6.12, 7.2"),
  ],
  needs: ["peer2peer"],
  hints: [
    "Does an attachment or mapping hold a power reference?",
    "Does clearing the decode bit revoke before the write?",
  ],
  status: later("P2P"),
};

export const p2p32: Rule = {
  id: "P2P-32",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Secure memory has a provider of its own kind, and each importer that does not understand that kind fails cleanly at match, attach or map.",
  intent: "An unaware access to such memory ends in a machine check.",
  sources: [thread("000", "secure memory as a p2p_provider that fits nothing else")],
  needs: ["peer2peer"],
  hints: ["What does an ordinary DMA-only importer get for this buffer?"],
  status: later("P2P"),
};

export const rules: readonly Rule[] = [p2p10, p2p11, p2p25, p2p26, p2p27, p2p28, p2p29, p2p32];
