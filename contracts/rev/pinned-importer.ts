import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { commit, derived, doc, kernel } from "../source.ts";

export const rev25: Rule = {
  id: "REV-25",
  level: "MAY",
  obliged: ["importer"],
  statement:
    "A pinned importer may take the first invalidate as final, and then it never maps again through that attachment and ignores every later notification.",
  intent: "Such importers have no restart path, and one that changes its mind half way uses addresses nobody guards.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings", "7.2"),
    kernel("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_revoke_locked", "6.12, 7.2"),
    kernel("drivers/iommu/iommufd/pages.c", "iopt_revoke_notify", "7.2"),
  ],
  needs: ["pin", "importerCallback"],
  temporal: ["T-10"],
  hints: [
    "Is the revoked mark of the attachment tested on every path that maps?",
    "Can anything clear the mark before detach?",
  ],
  status: later("REV"),
};

export const rev26: Rule = {
  id: "REV-26",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A pinned importer that accepts revoke first stops its hardware, then unmaps, then unpins, and all of it before its invalidate callback returns and under the lock the call came with.",
  intent:
    "Pinned users have no fences for the exporter to wait for: what still runs after the callback runs on lost memory.",
  sources: [
    doc("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_get_pinned_revocable_and_lock", "7.2"),
    kernel("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_revoke_locked", "6.12, 7.2"),
    kernel("drivers/infiniband/hw/irdma/verbs.c", "irdma_umem_dmabuf_revoke", "7.2"),
    commit("Pinned revocable import for RDMA drivers", "ff85a2ebacbd"),
  ],
  needs: ["pin", "importerCallback"],
  temporal: ["T-10"],
  hints: [
    "Does the stop of the hardware wait for its completion before the unmap?",
    "Is any of the three steps handed to a worker?",
    "What happens if the hardware refuses to stop: is a device reset asked for?",
  ],
  status: later("REV"),
};

export const rev27: Rule = {
  id: "REV-27",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "The driver's revoke hook runs at most once an attachment, whether the exporter's invalidate, the release of the user object or the importer itself comes first, and the reservation lock decides which.",
  intent: "Stopping or freeing the same hardware object twice corrupts it.",
  sources: [
    doc("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_get_pinned_revocable_and_lock", "7.2"),
    kernel(
      "drivers/infiniband/core/umem_dmabuf.c",
      "ib_umem_dmabuf_revoke_locked, ib_umem_dmabuf_release",
      "6.12, 7.2",
    ),
  ],
  needs: ["pin", "importerCallback"],
  temporal: ["T-10"],
  hints: [
    "Is the mark tested and set under the reservation lock on all three paths?",
    "Does release call the hook again after an invalidate has already run it?",
  ],
  status: later("REV"),
};

export const rev28: Rule = {
  id: "REV-28",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "The driver's revoke hook is set before the lock held since creation is released, and after everything the hook uses is ready.",
  intent:
    "An invalidate in the gap finds no hook and leaves the hardware running, or a hook that walks half built objects.",
  sources: [
    doc("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_get_pinned_revocable_and_lock", "7.2"),
    kernel("drivers/infiniband/hw/irdma/verbs.c", "irdma_reg_user_mr_dmabuf", "7.2"),
  ],
  needs: ["pin", "importerCallback"],
  temporal: ["T-10", "T-11"],
  hints: [
    "Is the lock dropped between creation and setting the hook?",
    "Is the hardware object programmed only after the hook is set?",
  ],
  status: later("REV"),
};

export const rev53: Rule = {
  id: "REV-53",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An invalidate that comes after attach but before the first pin or map leaves a pinned importer either started normally or failed with no pin, no mapping and no attachment.",
  intent:
    "The creation path and the revoked mark disagree about who has to undo the pin, and the memory stays pinned for ever.",
  sources: [
    derived("balanced pins (PIN-04) and a complete importer at attach (ATT-12)"),
    kernel("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_get_pinned_revocable_and_lock", "6.12, 7.2"),
    kernel("drivers/iommu/iommufd/pages.c", "iopt_revoke_notify", "7.2"),
  ],
  needs: ["pin", "importerCallback"],
  hints: [
    "Does release return early because the mark is set although a pin was taken afterwards?",
    "Is the mark looked at under the lock before pin is called?",
    "Does the callback use a stored attachment pointer that is not yet assigned?",
  ],
  status: later("REV"),
};

export const rules: readonly Rule[] = [rev25, rev26, rev27, rev28, rev53];
