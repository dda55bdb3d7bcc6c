import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { derived, kernel } from "../source.ts";

export const rev31: Rule = {
  id: "REV-31",
  level: "MUST",
  obliged: ["exporter"],
  statement: "A revoke of a device reaches every live buffer exported from the resource concerned and no other buffer.",
  intent: "One forgotten buffer leaves a device writing into the memory during the reset.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "6.19, 7.2")],
  from: "K6.19",
  needs: ["revoke", "regionExport"],
  temporal: ["T-35"],
  hints: [
    "Is a buffer on the device's list before its fd can be used?",
    "Does the loop stop at the first buffer whose file is already dying?",
  ],
  status: later("REV"),
};

export const rev32: Rule = {
  id: "REV-32",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "The revoke has returned before the device operation that takes the memory away starts: a reset of any kind, memory decode off, D3hot, runtime low power or device close.",
  intent: "A peer that accesses a BAR in reset gets errors that can stop the machine.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_core.c", "callers of vfio_pci_dma_buf_move", "6.19, 7.2"),
    kernel("drivers/vfio/pci/vfio_pci_config.c", "callers of vfio_pci_dma_buf_move", "6.19, 7.2"),
  ],
  from: "K6.19",
  needs: ["revoke", "regionExport"],
  temporal: ["T-04", "T-35"],
  hints: [
    "Which paths to a reset or a power change do not call the revoke first?",
    "Is the config space write carried out before the revoke?",
  ],
  status: later("REV"),
};

export const rev33: Rule = {
  id: "REV-33",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "At the end of such a device operation, whether it worked or failed, its buffers are unrevoked exactly if the memory can be reached again in the sense of REV-18.",
  intent: "A missing unrevoke on an error path leaves good memory unusable, a wrong one exposes dead memory.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_core.c", "vfio_pci_dev_set_hot_reset, vfio_pci_ioctl_reset", "7.2"),
    kernel("drivers/vfio/pci/vfio_pci_config.c", "vfio_lock_and_set_power_state", "7.2"),
  ],
  from: "K6.19",
  needs: ["revoke", "unrevoke", "regionExport"],
  temporal: ["T-35"],
  hints: [
    "Which early return of the operation skips the unrevoke?",
    "Is the decision made from the present device state, or from whether the operation succeeded?",
  ],
  status: later("REV"),
};

export const rev34: Rule = {
  id: "REV-34",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A buffer exported while its memory cannot be reached starts revoked, so that map fails with -ENODEV until the first unrevoke.",
  intent: "Nothing revokes it later, since the event that took the memory away is already over.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_core_feature_dma_buf", "6.19, 7.2")],
  from: "K6.19",
  needs: ["revoke", "regionExport"],
  hints: [
    "Is the first state computed under the device lock, before the fd exists?",
    "Does it use the same test as unrevoke (REV-18)?",
  ],
  status: later("REV"),
};

export const rev39: Rule = {
  id: "REV-39",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Revoke, unrevoke, export and release for one device exclude each other through one lock of the exporter, which is always taken before the reservation lock.",
  intent: "Mixed transitions leave a buffer open on a disabled device, and mixed lock orders deadlock.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move, vfio_pci_dma_buf_release", "6.19, 7.2"),
    derived("the lock order seen there"),
  ],
  from: "K6.19",
  needs: ["revoke"],
  temporal: ["T-24"],
  hints: [
    "Is the device lock held for write over the whole transition?",
    "Does any path take the device lock while it holds a reservation lock?",
  ],
  status: later("REV"),
};

export const rules: readonly Rule[] = [rev31, rev32, rev33, rev34, rev39];
