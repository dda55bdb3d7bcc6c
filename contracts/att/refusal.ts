import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { commit, derived, doc, kernel, proposal, thread } from "../source.ts";

const vfio = "drivers/vfio/pci/vfio_pci_dmabuf.c";

export const att05: Rule = {
  id: "ATT-05",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "Attach fails when the device can neither reach the storage nor any place it could move to, or cannot be served within its DMA constraints (EBUSY if already allocated elsewhere and fixed, else EOPNOTSUPP or EINVAL).",
  intent: "User space can choose another buffer at attach; at the first job it is too late.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf_ops, attach"),
    thread("001", "an exporter has to judge the importer's device"),
  ],
  hints: [
    "Does the attach hook look at mask, segment limits and place of the importer's device?",
    "Is EBUSY used only where the storage already exists and cannot move?",
  ],
  status: later("ATT"),
};

export const att06: Rule = {
  id: "ATT-06",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "An exporter of storage at a fixed address rejects, best with EOPNOTSUPP, a device whose DMA mask can never contain that address.",
  intent: "Every map would fail for ever, which looks like a passing shortage to an importer that retries.",
  sources: [thread("001", "MMIO beyond the importer's DMA mask")],
  hints: ["Is the last byte of the storage compared with the importer's mask in the attach hook?"],
  status: later("ATT"),
};

export const att23: Rule = {
  id: "ATT-23",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Attach to a revoked buffer should fail with ENODEV, and since that test is made without the lock, map repeats it and fails if the attach slipped through.",
  intent: "A revoke can fall between the test and the list insertion, and such an importer never gets its callback.",
  sources: [kernel(vfio, "vfio_pci_dma_buf_attach", "6.19+"), kernel(vfio, "vfio_pci_dma_buf_map", "6.19+")],
  from: "K6.19",
  needs: ["revoke"],
  hints: [
    "Does map read the flag under the reservation lock although attach read it before?",
    "Is another refusal in front, such as the missing peer-to-peer flag, hiding this one?",
  ],
  status: later("ATT"),
};

export const att24: Rule = {
  id: "ATT-24",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An exporter that has to finish a revoke in bounded time answers EOPNOTSUPP to the attach of an importer without the invalidation callback.",
  intent: "Such an importer is never asked to let go, so a device reset could wait for its unmap for ever.",
  sources: [
    kernel(vfio, "vfio_pci_dma_buf_attach", "7.1+"),
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_attach_revocable", "7.1+"),
    derived("bounded revoke: the kernel-doc only says that the query can be used for this"),
    commit("VFIO refuses importers that cannot be revoked", "20260131-dmabuf-revoke-v7-7-463d956bd527@nvidia.com"),
  ],
  from: "K7.1",
  needs: ["revoke"],
  hints: [
    "Does the attach hook ask dma_buf_attach_revocable()?",
    "Are static importers refused as well, not only ops without callback?",
  ],
  status: later("ATT"),
};

export const att25: Rule = {
  id: "ATT-25",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A device in shared state cannot attach to BAR memory of a device in private state; the attach fails, best with EOPNOTSUPP, and no access is tried.",
  intent: "The platform answers such an access with a fault that can take down the machine, not just the job.",
  sources: [thread("001", "shared importer and locked exporter under confidential computing")],
  needs: ["peer2peer"],
  hints: [
    "Are the confidential states of both devices compared in the attach hook?",
    "Is the shared bit set or cleared in an address to make the access seem to work?",
  ],
  status: later("ATT"),
};

export const att26: Rule = {
  id: "ATT-26",
  level: "MUST",
  obliged: ["importer", "framework"],
  statement:
    "An importer that cannot handle a kind of memory ends with EOPNOTSUPP, or EINVAL when nothing matches, at attach or negotiation, before anything touches the memory.",
  intent: "Reading secure memory by the wrong way is a machine check, so trying is not an option.",
  sources: [
    thread("000", "memory of a special provider fails cleanly"),
    proposal("mapping-type negotiation, match step (2026)"),
  ],
  needs: ["negotiation"],
  hints: [
    "Does the importer list the kinds it accepts instead of the ones it rejects?",
    "Is there a fallback that maps the memory as ordinary pages?",
  ],
  status: later("ATT"),
};

export const att29: Rule = {
  id: "ATT-29",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An exporter that cannot build a mapping says so with an error (ENOSYS) at attach, or at the latest at map.",
  intent: "An importer given an empty or garbage table programs its device with random addresses.",
  sources: [
    kernel("drivers/gpu/drm/drm_prime.c", "drm_gem_map_attach", "6.12, 7.2"),
    kernel("drivers/gpu/drm/drm_prime.c", "drm_gem_map_dma_buf", "7.2"),
    commit("drm prime: ask for the table helper only where the default map hook is used", "207395da5a97"),
  ],
  hints: [
    "Does the default map hook check that the object can give a table?",
    "Is the refusal limited to exporters that use the default hook?",
  ],
  status: later("ATT"),
};

export const rules: readonly Rule[] = [att05, att06, att23, att24, att25, att26, att29];
