import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { doc, kernel, thread } from "../source.ts";

const amdgpu = "drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c";
const xe = "drivers/gpu/drm/xe/xe_dma_buf.c";

export const att07: Rule = {
  id: "ATT-07",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "When the attach hook runs, the attachment's peer-to-peer flag already has the importer's value, which is false for an importer without ops.",
  intent: "The exporter decides about placement in that hook, from a flag that must not be a leftover.",
  sources: [kernel("drivers/dma-buf/dma-buf.c", "dma_buf_dynamic_attach", "6.12, 7.2")],
  hints: ["Is the flag copied from the ops before the exporter's hook is called?"],
  status: later("ATT"),
};

export const att08: Rule = {
  id: "ATT-08",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "The attach hook may take peer-to-peer away from an attachment but never turns it on where the importer left it off.",
  intent: "The importer would be given bus addresses that its device or its code cannot use.",
  sources: [
    kernel(amdgpu, "amdgpu_dma_buf_attach", "6.12, 7.2"),
    kernel(xe, "xe_dma_buf_attach", "6.12, 7.2"),
    doc("include/linux/dma-buf.h", "struct dma_buf_attachment, peer2peer"),
  ],
  needs: ["peer2peer"],
  hints: ["Is the result of the distance query assigned to the flag instead of only clearing it?"],
  status: later("ATT"),
};

export const att09: Rule = {
  id: "ATT-09",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Where peer access is the only way to the storage, an attachment without the peer-to-peer flag gets EOPNOTSUPP.",
  intent: "There is no other place to move to, so this importer could only be given addresses it must not use.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_attach", "6.19+"),
    kernel(xe, "xe_dma_buf_attach", "6.12, 7.2"),
  ],
  needs: ["peer2peer"],
  hints: [
    "Is the flag tested after the topology check that may have cleared it?",
    "Is a static importer refused here as well?",
  ],
  status: later("ATT"),
};

export const att10: Rule = {
  id: "ATT-10",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "After clearing the peer-to-peer flag of an attachment the exporter maps for it only storage that is no peer memory, or fails with EBUSY or EOPNOTSUPP.",
  intent:
    "The flag was cleared because there is no path; addresses of the other device end in lost or misrouted writes.",
  sources: [kernel(amdgpu, "amdgpu_dma_buf_map", "6.12, 7.2"), kernel(xe, "xe_dma_buf_map", "6.12, 7.2")],
  needs: ["peer2peer"],
  hints: [
    "Does map look at the attachment's flag when the buffer is already pinned in device memory (PIN-19)?",
    "Is the migration to system memory finished before its addresses are returned?",
  ],
  status: later("ATT"),
};

export const att22: Rule = {
  id: "ATT-22",
  level: "MUST",
  obliged: ["exporter", "importer"],
  statement: "A mapping is made for the device named in its attachment, and no other device uses its addresses.",
  intent: "Behind an IOMMU each device has its own addresses, and those of another one name foreign memory or nothing.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf_ops, map_dma_buf"),
    thread("001", "the exporter maps for the importer's device"),
  ],
  hints: [
    "Does the map hook pass the attachment's device, not the exporter's, to the DMA API?",
    "Does an importer with several devices attach once for each?",
  ],
  status: later("ATT"),
};

export const att31: Rule = {
  id: "ATT-31",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An exporter that powers its device for an attachment keeps it on from attach to detach, and clears peer-to-peer or fails where it cannot.",
  intent: "An access to memory of a sleeping device returns all ones or hangs the bus.",
  sources: [
    kernel(xe, "xe_dma_buf_attach, xe_dma_buf_detach", "6.12, 7.2"),
    kernel(amdgpu, "amdgpu_dma_buf_attach, amdgpu_dma_buf_detach", "6.12, 7.2"),
  ],
  hints: [
    "Is the result of the power-up checked in the attach hook?",
    "Is the power reference held for mapped attachments only, or really until detach?",
  ],
  status: later("ATT"),
};

export const rules: readonly Rule[] = [att07, att08, att09, att10, att22, att31];
