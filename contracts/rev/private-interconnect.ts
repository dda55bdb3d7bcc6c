import { untested } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { kernel } from "../source.ts";

/** What the three rules of this file lack. */
const noQuery = untested("there is no operation that asks for an address over a private interconnect, past map");

export const rev48: Rule = {
  id: "REV-48",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer that got the address over a private interconnect is done with it when its invalidate callback returns: removed from all its domains and forgotten, so that a domain attached later sees a hole.",
  intent: "It holds no mapping that the revoke counts, so nobody waits for it after the callback.",
  sources: [
    kernel("drivers/iommu/iommufd/pages.c", "iopt_revoke_notify, iopt_area_fill_domain", "6.19, 7.2"),
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_iommufd_map", "6.19, 7.2"),
  ],
  from: "K6.19",
  needs: ["privateInterconnect", "revoke"],
  hints: [
    "Does the callback walk every domain the range was installed in?",
    "Is the stored physical address cleared as well as the page tables?",
    "Is the I/O TLB flushed before the callback returns?",
  ],
  status: noQuery,
};

export const rev49: Rule = {
  id: "REV-49",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A private address query is answered only under the reservation lock, for the exporter's own buffer, not revoked (-ENODEV) and of a shape it can describe (-EOPNOTSUPP for a foreign buffer or several ranges).",
  intent: "It hands out a raw address past the mapping checks, so it has to make them all itself.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_iommufd_map", "6.19, 7.2")],
  from: "K6.19",
  needs: ["privateInterconnect", "revoke"],
  hints: [
    "Are the buffer's ops compared before its private data is used?",
    "Is the revoked state read in the same lock hold in which the address is used?",
  ],
  status: noQuery,
};

export const rev52: Rule = {
  id: "REV-52",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer that asks for an address now and installs it later looks at its revoked mark again at every install, under the lock its callback takes.",
  intent: "A revoke in between has already swept the domains and will not see the late entry.",
  sources: [
    kernel("drivers/iommu/iommufd/pages.c", "iopt_area_fill_domain, iopt_area_fill_domains, iopt_revoke_notify", "7.2"),
  ],
  from: "K6.19",
  needs: ["privateInterconnect", "revoke"],
  hints: [
    "Which lock orders the callback against the code that fills a domain?",
    "Does filling another domain reuse an address queried earlier?",
  ],
  status: noQuery,
};

export const rules: readonly Rule[] = [rev48, rev49, rev52];
