import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { proposal } from "../source.ts";

export const rev44: Rule = {
  id: "REV-44",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A buffer whose user can revoke it is usable, temporarily revoked or permanently revoked, and nothing leads out of the permanent state.",
  intent: "The owner gives the memory to someone else and relies on this buffer never opening again.",
  sources: [proposal("2026 RFC, VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE")],
  needs: ["revoke", "permanentRevoke"],
  hints: [
    "Does the unrevoke after a reset skip permanently revoked buffers?",
    "Are the two kinds of revoke kept in one flag?",
  ],
  status: later("REV"),
};

export const rev45: Rule = {
  id: "REV-45",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A user's request for a permanent revoke fails with -ENODEV for a buffer of another device and with -EBADFD for one that is permanently revoked already.",
  intent:
    "Accepted, it would let one device's owner cut off a buffer that is not his, or hide that the call had no effect.",
  sources: [proposal("2026 RFC, VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE")],
  needs: ["revoke", "permanentRevoke"],
  hints: [
    "Is the buffer's exporter compared before its private data is read?",
    "Is the device compared as well as the driver?",
  ],
  status: later("REV"),
};

export const rev46: Rule = {
  id: "REV-46",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Making a temporary revoke permanent neither notifies nor waits again, and a temporary revoke of a permanently revoked buffer changes nothing.",
  intent: "No mapping is left to be told or waited for, and a second drain breaks the count.",
  sources: [proposal("2026 RFC, VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE")],
  needs: ["revoke", "permanentRevoke"],
  hints: ["Does the upgrade only change the state, under the lock, when the buffer is already revoked?"],
  status: later("REV"),
};

export const rev47: Rule = {
  id: "REV-47",
  level: "MUST",
  obliged: ["exporter"],
  statement: "On a permanently revoked buffer attach, map and mmap fail with -ENODEV for ever.",
  intent: "Any of them that still works hands out memory that has a new owner.",
  sources: [proposal("2026 RFC, VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE")],
  needs: ["revoke", "permanentRevoke"],
  hints: ["Do attach and mmap test the state too, or only map?"],
  status: later("REV"),
};

export const rules: readonly Rule[] = [rev44, rev45, rev46, rev47];
