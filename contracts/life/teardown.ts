import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { kernel } from "../source.ts";

const core = "drivers/dma-buf/dma-buf.c";
const vfio = "drivers/vfio/pci/vfio_pci_dmabuf.c";

export const life16: Rule = {
  id: "LIFE-16",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "The exporter keeps the backing storage until release, or first completes a revoke after which maps fail with ENODEV and nothing crashes.",
  intent: "Importers cannot notice that memory behind a valid mapping is gone; they keep writing to it.",
  sources: [
    kernel("drivers/gpu/drm/drm_prime.c", "drm_gem_dmabuf_export, drm_gem_dmabuf_release", "6.12, 7.2"),
    kernel(vfio, "vfio_pci_dma_buf_cleanup", "6.19+"),
  ],
  hints: [
    "Does the buffer hold a reference on the exported object from export to release?",
    "If storage can go earlier, has the revoke returned before it is freed?",
  ],
  status: later("LIFE"),
};

export const life17: Rule = {
  id: "LIFE-17",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "When the device goes before the buffer, the exporter revokes, unlinks buffer and device, answers later attaches and maps with ENODEV, and runs release without touching the device.",
  intent: "Buffers live as long as some process keeps an fd, often long after an unplug or unbind.",
  sources: [kernel(vfio, "vfio_pci_dma_buf_cleanup", "6.19+"), kernel(vfio, "vfio_pci_dma_buf_release", "6.19+")],
  from: "K6.19",
  needs: ["revoke"],
  hints: [
    "Is the device pointer of the buffer cleared during cleanup, and does release check it?",
    "Do attach and map test the revoked flag before they use the device?",
  ],
  status: later("LIFE"),
};

export const life18: Rule = {
  id: "LIFE-18",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A teardown that walks its exported buffers takes a reference only where one is still left, and passes over a buffer whose last one is gone.",
  intent: "A plain increment on a dying buffer brings it back for a moment, and its second end frees it twice.",
  sources: [
    kernel(vfio, "vfio_pci_dma_buf_move (get_file_active)", "6.19+"),
    kernel(vfio, "vfio_pci_dma_buf_cleanup (get_file_active)", "6.19+"),
  ],
  needs: ["revoke"],
  hints: [
    "Is the reference taken with a form that fails at zero?",
    "Is a skipped buffer also left alone, without a callback or unlink?",
  ],
  status: later("LIFE"),
};

export const life19: Rule = {
  id: "LIFE-19",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "For each buffer either release or device teardown, never both and never neither, takes it off the exporter's list and drops its device reference.",
  intent: "Done twice it corrupts the list and frees the device early; not done, the device can never be removed.",
  sources: [kernel(vfio, "vfio_pci_dma_buf_release", "6.19+"), kernel(vfio, "vfio_pci_dma_buf_cleanup", "6.19+")],
  needs: ["revoke"],
  hints: [
    'Is "already unlinked" tested and set under one lock in both paths?',
    "Is the device reference dropped in the same branch that unlinks?",
  ],
  status: later("LIFE"),
};

export const life21: Rule = {
  id: "LIFE-21",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An exporter of device memory takes a device registration before each export, fails the export with ENODEV if there is none, and keeps it until release or cleanup.",
  intent: "Without it the device can be freed with no one there to revoke the buffers that point into it.",
  sources: [kernel(vfio, "vfio_pci_core_feature_dma_buf (vfio_device_try_get_registration)", "6.19+")],
  needs: ["revoke"],
  hints: [
    "Is the registration given back on every failed export after it was taken?",
    "Is there one registration for each buffer, not one for each device?",
  ],
  status: later("LIFE"),
};

export const life37: Rule = {
  id: "LIFE-37",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A walk over live buffers passes over those without references and returns each other one with a reference, which the walker drops exactly once.",
  intent:
    "Monitoring tools walk while buffers die; an unguarded entry is freed memory or a buffer raised from the dead.",
  sources: [kernel(core, "dma_buf_iter_begin, dma_buf_iter_next", "6.16+")],
  from: "K6.16",
  hints: [
    "Is the reference taken, with failure at zero, while the list lock is still held?",
    "Is the previous entry put when the walk stops early?",
  ],
  status: later("LIFE"),
};

export const rules: readonly Rule[] = [life16, life17, life18, life19, life21, life37];
