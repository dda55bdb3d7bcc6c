import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { derived, kernel, run, thread } from "../source.ts";

export const rev18: Rule = {
  id: "REV-18",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An unrevoke is made only while the memory can be reached: memory decode is on, the device is in D0, no reset is under way and no low power state is requested.",
  intent: "A map granted earlier leads devices to addresses that do not answer.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_core.c", "callers of vfio_pci_dma_buf_move", "7.2"),
    kernel("drivers/vfio/pci/vfio_pci_config.c", "callers of vfio_pci_dma_buf_move", "7.2"),
    derived("the low power test of the CPU fault path, vfio_pci_vmf_insert_pfn"),
  ],
  from: "K6.19",
  needs: ["revoke", "unrevoke"],
  hints: [
    "Does the caller test memory decode and the power state after the operation, or only its own success?",
    "Can a config space write unrevoke while runtime low power is still requested?",
  ],
  status: later("REV"),
};

export const rev19: Rule = {
  id: "REV-19",
  level: "MUST",
  obliged: ["exporter"],
  statement: "Unrevoking a revoked buffer calls the invalidate callback of every attachment that has one, once.",
  intent: "An importer that remembers the failed map has no other sign that a retry makes sense.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "6.19, 7.2")],
  from: "K6.19",
  needs: ["revoke", "unrevoke"],
  hints: ["Is the invalidate issued for both directions of the state change?"],
  status: later("REV"),
};

export const rev20: Rule = {
  id: "REV-20",
  level: "MUST",
  obliged: ["exporter", "importer"],
  statement:
    "After an unrevoke has returned map works again under the same size and rules, and importers use only tables from new maps, whose addresses may differ.",
  intent: "A table kept from before the revoke may point to where the memory used to be.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_map", "6.19, 7.2"),
    derived("the end of a mapping at its unmap (MAP-16)"),
  ],
  from: "K6.19",
  needs: ["revoke", "unrevoke"],
  hints: [
    "Does the importer keep the old table and reprogram it instead of mapping again?",
    "Is the revoked flag really cleared on every path of unrevoke?",
  ],
  status: later("REV"),
};

export const rev21: Rule = {
  id: "REV-21",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An importer that maps at its first chance after the notification of an unrevoke succeeds: the flag is cleared before the notification or in the same lock hold.",
  intent:
    "The retry fails with -ENODEV, no further notification comes, and the importer stays without memory for ever.",
  sources: [
    derived("REV-19 and the retry duty of REV-24"),
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move (one hold in 6.19, two in 7.2)", "6.19, 7.2"),
  ],
  from: "K6.19",
  needs: ["revoke", "unrevoke"],
  temporal: ["T-07"],
  hints: [
    "Is the reservation lock released between the invalidate and the clearing of the flag?",
    "Is the flag cleared before the invalidate when it goes back to accessible?",
  ],
  status: later("REV"),
};

export const rev22: Rule = {
  id: "REV-22",
  level: "MUST",
  obliged: ["exporter"],
  statement: "An unrevoke does not wait for unmaps; it may wait for fences up to BOOKKEEP.",
  intent: "While revoked there is no mapping whose unmap could end such a wait.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "7.2")],
  from: "K7.1",
  needs: ["revoke", "unrevoke"],
  hints: ["Is the wait for the mapping count limited to the revoke direction?"],
  status: later("REV"),
};

export const rev23: Rule = {
  id: "REV-23",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "With synchronous revoke, unrevoking a buffer that is not revoked calls nobody and changes nothing; other exporters should do the same.",
  intent: "Importers would drop good mappings each time a driver confirms that the memory is enabled.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "6.19, 7.2"),
    run(["7.2.13"], "the iommufd test exporter notifies again"),
  ],
  from: "K6.19",
  needs: ["revoke", "unrevoke"],
  temporal: ["T-33"],
  hints: ["Is the present state compared with the wanted one before the invalidate?"],
  status: later("REV"),
};

export const rev24: Rule = {
  id: "REV-24",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "After the next invalidate the first job of a dynamic importer tries to map again, even if an earlier map was refused because of a revoke and the importer remembers that.",
  intent: "Otherwise one reset of the exporting device kills the importer's use of the buffer for good.",
  sources: [thread("revoke series v2, 19 January 2026", "Gunthorpe on failed maps of dynamic importers")],
  from: "K6.19",
  needs: ["revoke", "unrevoke", "importerCallback"],
  temporal: ["T-09"],
  hints: [
    "Does the callback clear the remembered failure even when there is no mapping to drop?",
    "Is the callback ignored while the importer believes the buffer is dead?",
  ],
  status: later("REV"),
};

export const rules: readonly Rule[] = [rev18, rev19, rev20, rev21, rev22, rev23, rev24];
