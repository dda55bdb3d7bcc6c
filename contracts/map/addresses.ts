import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { commit, derived, doc, kernel, run, thread } from "../source.ts";

export const map09: Rule = {
  id: "MAP-09",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Every segment of a mapping starts at a multiple of the page size and is a multiple of the page size long.",
  intent: "Importers program page tables from the segments and would expose or miss the rest of a page.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment")],
  hints: [
    "Do you cut segments at a limit that is no multiple of a page?",
    "Does the first segment carry an offset into its page?",
  ],
  status: later("MAP"),
};

export const map10: Rule = {
  id: "MAP-10",
  level: "MUST",
  obliged: ["exporter"],
  statement: "The DMA lengths of a mapping add up to the buffer size rounded up to whole pages, no more and no less.",
  intent: "A device given less faults at the end of the buffer; given more, it reaches memory of somebody else.",
  sources: [
    derived("the constant buffer size (LIFE-04)"),
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "7.2"),
    run(["6.12.117", "7.2.13"], "12288 for a buffer of three pages, 4096 for one of 100 bytes"),
  ],
  hints: [
    "Do you add up DMA lengths, or CPU lengths that the mapping may have merged?",
    "What happens to the last page of a size that is no page multiple?",
  ],
  status: later("MAP"),
};

export const map11: Rule = {
  id: "MAP-11",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "For the device it was made for, every address of a live mapping leads to this buffer's storage only, and equal addresses in two mappings lead to the same memory.",
  intent: "An address that also reaches foreign memory lets one process read or overwrite another one's data.",
  sources: [
    derived("DMA API: an address in use belongs to one mapping of the device"),
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "validate_dmabuf_input", "6.19+"),
  ],
  hints: [
    "Is an address range given out again while an older mapping still holds it?",
    "With several ranges: is each linked at its own offset of the reserved space?",
  ],
  status: later("MAP"),
};

export const map12: Rule = {
  id: "MAP-12",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer reads only DMA addresses and DMA lengths of a table, never its page pointers or CPU-side lengths.",
  intent: "Device memory has no pages behind it, so an importer that looks for them crashes or maps the wrong memory.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_wrap_sg_table; before 7.0 mangle_sg_table", "debug builds, all"),
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "7.2"),
    doc("include/linux/dma-buf.h", "struct dma_buf_attach_ops, allow_peer2peer"),
    thread("003", "page structures and frame numbers are no business of importers"),
  ],
  hints: [
    "Do you walk the table by CPU entries where you need the DMA entries?",
    "Does a helper turn the table into a page array?",
    "Do you use the CPU length of an entry where the DMA length is meant?",
  ],
  status: later("MAP"),
};

export const map31: Rule = {
  id: "MAP-31",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Where a buffer is shared by DMA address, every address the importer's device uses comes from a mapping made by the exporter, never from the importer's own DMA mapping of pages or frames.",
  intent: "Only the exporter knows by which way, through which bus or IOMMU, its memory can be reached.",
  sources: [thread("003", "the exporter maps, because it alone knows how its buffer is reached")],
  hints: [
    "Does the importer call the DMA mapping functions on memory of the buffer?",
    "Is there a fast path that starts from a CPU address of the buffer?",
  ],
  status: later("MAP"),
};

export const map32: Rule = {
  id: "MAP-32",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer works with segments that have neither a frame number nor a page structure, or refuses the buffer cleanly at attach.",
  intent: "BAR windows and memory that no CPU can see are legal storage, and code that expects pages dies on them.",
  sources: [
    thread("003", "some buffers can be reached by devices only"),
    doc("include/linux/dma-buf.h", "struct dma_buf_attach_ops, allow_peer2peer"),
  ],
  hints: [
    "Was the importer ever run against an exporter of device memory?",
    "If it cannot do without pages, does attach say so, or does the failure come later?",
  ],
  status: later("MAP"),
};

export const map33: Rule = {
  id: "MAP-33",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "Where addresses of more than one kind are possible (host or IOMMU, PCI bus, private link), each segment of a mapping names its kind, and an unknown kind is refused with EOPNOTSUPP.",
  intent: "The same number means another place in each address space, so a device that guesses hits the wrong target.",
  sources: [
    thread("003", "several ways to reach a buffer and how to tell them apart"),
    thread("000", "address and description of memory beyond page structures"),
  ],
  hints: [
    "Is the kind decided for the pair of devices, or once for the whole buffer?",
    "Can a bus address get into a table that is read as IOMMU addresses?",
  ],
  status: later("MAP"),
};

export const map35: Rule = {
  id: "MAP-35",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A mapping larger than one segment can describe is split and its lengths are summed in a type wide enough for the whole size, or the map fails with EINVAL.",
  intent: "A sum kept in 32 bits turns a buffer of 4 GiB and more into a mapping of nearly nothing.",
  sources: [
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "7.2"),
    commit("widen the sum of mapped lengths (2026)", "fixes 3aa31a8bb11e"),
  ],
  hints: [
    "Which integer types hold lengths, offsets and entry counts on the way?",
    "Is the split point page aligned, and is a split range unmapped the way it was mapped?",
  ],
  status: later("MAP"),
};

export const rules: readonly Rule[] = [map09, map10, map11, map12, map31, map32, map33, map35];
