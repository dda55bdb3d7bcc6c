import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel } from "../source.ts";

export const rev29: Rule = {
  id: "REV-29",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A handle such as an RDMA key whose memory was revoked is not issued again until its user has deregistered it, and access through it fails; an asynchronous event should tell the user.",
  intent: "A remote peer that still uses the old key would reach memory of somebody else.",
  sources: [
    doc("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_get_pinned_revocable_and_lock", "7.2"),
    kernel("drivers/infiniband/hw/irdma/verbs.c", "irdma_dereg_mr", "7.2"),
  ],
  needs: ["pin", "importerCallback"],
  temporal: ["T-10"],
  hints: [
    "Is the key returned to the allocator by the revoke, or only by the deregistration?",
    "Does the hardware reject the key at once after the revoke?",
  ],
  status: later("REV"),
};

export const rev54: Rule = {
  id: "REV-54",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Tearing down a revoked importer leaves alone the ranges the revoke already removed, and still drops the pin, the attachment and the buffer reference exactly once.",
  intent:
    "A second unmap hits addresses that may have a new owner, and a forgotten reference keeps the exporting driver alive.",
  sources: [
    kernel("drivers/iommu/iommufd/pages.c", "iopt_area_unfill_domain, iopt_unfill_domain, iopt_release_pages", "7.2"),
    kernel("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_revoke_locked", "6.12, 7.2"),
  ],
  needs: ["pin", "importerCallback"],
  hints: [
    "Does teardown test the revoked mark before it unmaps, and only there?",
    "Who drops the pin, the callback or release, and does the other one know?",
  ],
  status: later("REV"),
};

export const rev55: Rule = {
  id: "REV-55",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer that ends its use by itself stops its hardware first, unmaps and unpins in one hold of the reservation lock, refuses later maps with -EINVAL and ignores later invalidates.",
  intent: "Without the lock its own end races with a revoke of the exporter and both undo the same mapping.",
  sources: [
    kernel("drivers/infiniband/hw/mlx5/mr.c", "mlx5_ib_revoke_data_direct_mr", "6.12, 7.2"),
    kernel("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_revoke", "6.12, 7.2"),
  ],
  needs: ["pin", "importerCallback"],
  hints: [
    "Does the importer's own revoke use the same marked path as the callback?",
    "Is the lock released between unmap and unpin?",
  ],
  status: later("REV"),
};

export const rev56: Rule = {
  id: "REV-56",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A revoked handle comes back to life only with a new buffer or translation: re-registering it on the old mapping fails with -EINVAL, decided under the reservation lock.",
  intent: "A change of access rights alone would put the lost addresses back into the hardware.",
  sources: [kernel("drivers/infiniband/hw/irdma/verbs.c", "re-registration of a memory region", "7.2")],
  from: "K7.1",
  needs: ["pin", "importerCallback"],
  hints: [
    "Does re-registration test the revoked mark when only flags or the protection domain change?",
    "Is the test made under the reservation lock?",
  ],
  status: later("REV"),
};

export const rules: readonly Rule[] = [rev29, rev54, rev55, rev56];
