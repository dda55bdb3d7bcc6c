import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { commit, derived, doc, kernel, run } from "../source.ts";

export const rev03: Rule = {
  id: "REV-03",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A revoke sets the exporter's revoked state under the reservation lock and issues the invalidate later in the same hold.",
  intent: "An importer that maps again right after the notification would get the memory that is being taken away.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "6.19, 7.2")],
  from: "K6.19",
  needs: ["revoke"],
  temporal: ["T-05"],
  hints: [
    "Is the flag written before dma_buf_invalidate_mappings is called?",
    "Is the lock dropped anywhere between the two?",
  ],
  status: later("REV"),
};

export const rev04: Rule = {
  id: "REV-04",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "From the invalidate of a revoke on, every map and every private address query fails with -ENODEV until an unrevoke has cleared the revoked state.",
  intent: "After a revoke the exporter powers the device down or gives the memory to someone else.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_map, vfio_pci_dma_buf_iommufd_map", "6.19, 7.2"),
  ],
  from: "K6.19",
  needs: ["revoke"],
  temporal: ["T-05"],
  hints: [
    "Is the flag read under the reservation lock in map?",
    "Is it set before the invalidate (REV-03)?",
    "Does the private query test the same flag as map?",
  ],
  status: later("REV"),
};

export const rev05: Rule = {
  id: "REV-05",
  level: "MUST",
  obliged: ["exporter", "framework"],
  statement:
    "A map that races with a revoke either ends before the revoked state is set and is then notified and, with synchronous revoke, waited for, or it fails with -ENODEV.",
  intent: "A mapping that slips in between is neither notified nor waited for and keeps its device on dead memory.",
  sources: [
    derived("the reservation lock is held over map and over flag and invalidate"),
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_map", "7.2"),
  ],
  from: "K6.19",
  needs: ["revoke"],
  temporal: ["T-05"],
  hints: [
    "Does map count the new mapping before it lets go of the reservation lock?",
    "Is the revoked state tested early in map and the lock dropped before the table is built?",
  ],
  status: later("REV"),
};

export const rev12: Rule = {
  id: "REV-12",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "With synchronous revoke, revoking a revoked buffer does nothing: no callback, no wait and no change of the mapping count; other exporters should do the same and must at least keep refusing maps.",
  intent:
    "Several events revoke the same device in a row, and a second pass through the count takes away a reference that is not there.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "6.19, 7.2"),
    commit("Fix the mapping count that underflowed after a revoke", "c64a647c84f3"),
    run(["7.2.13"], "the iommufd test exporter notifies again on every call"),
  ],
  from: "K6.19",
  needs: ["revoke"],
  temporal: ["T-33"],
  hints: [
    "Is the wanted state compared with the present one before anything else is done?",
    "Does device close run the same drain again without asking?",
  ],
  status: later("REV"),
};

export const rev16: Rule = {
  id: "REV-16",
  level: "MUST",
  obliged: ["importer", "exporter"],
  statement:
    "A mapping made before a revoke is still given back by an ordinary unmap of its importer, and the exporter accepts that unmap while the buffer is revoked.",
  intent: "The unmap is what the revoke waits for: refused or left out, it never ends.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_unmap", "6.19, 7.2")],
  from: "K6.19",
  needs: ["revoke"],
  hints: [
    "Does the unmap hook leave early when the buffer is revoked?",
    "Does the importer take the notification for an unmap that already happened?",
  ],
  status: later("REV"),
};

export const rev17: Rule = {
  id: "REV-17",
  level: "MUST",
  obliged: ["exporter"],
  statement: "Detaching from a revoked buffer succeeds and does not block.",
  intent: "The importer must be able to clean up, or the buffer and its device are never released.",
  sources: [
    derived("detach returns nothing and the detach hooks test no revoked state"),
    run(["7.2.13"], "detach of every kind of attachment from a revoked buffer"),
  ],
  from: "K6.19",
  needs: ["revoke"],
  hints: ["Does the detach hook touch device state that the revoke has already torn down?"],
  status: later("REV"),
};

export const rev41: Rule = {
  id: "REV-41",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An exporter announces a revoke by the callback and by failing maps, and never lets an address that is still mapped lead to other memory.",
  intent: "A late speculative read would otherwise see the data of another owner.",
  sources: [
    derived("the two waits of a revoke"),
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings", "7.2"),
  ],
  from: "K6.19",
  needs: ["revoke"],
  hints: [
    "Is the range reused or remapped before the last old mapping is gone?",
    "Does the exporter swap a dummy page in behind a live mapping?",
  ],
  status: later("REV"),
};

export const rules: readonly Rule[] = [rev03, rev04, rev05, rev12, rev16, rev17, rev41];
