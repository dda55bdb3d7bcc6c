import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { derived, doc, kernel, run } from "../source.ts";

const core = "drivers/dma-buf/dma-buf.c";
const both = ["6.12.117", "7.2.13"];

export const att15: Rule = {
  id: "ATT-15",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Detach first takes the attachment off the list and then runs the exporter's detach hook, once for each successful attach and without the reservation lock.",
  intent: "The hook frees what the exporter kept for this importer, so no callback loop may still find it.",
  sources: [
    kernel(core, "dma_buf_detach", "6.12, 7.2"),
    doc(core, "locking convention"),
    run(both, "detach hook seen unlocked and off the list, also after the cached unmap of 6.12"),
  ],
  hints: ["Is the lock dropped between list removal and hook?", "Does the hook run also when nothing was ever mapped?"],
  status: later("ATT"),
};

export const att17: Rule = {
  id: "ATT-17",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Detach is called only with no mapping and no explicit pin left on the attachment (a table that the 6.12 core caches does not count).",
  intent: "The core says nothing and forgets both: the device keeps its access, and the memory stays pinned for good.",
  sources: [
    doc("Documentation/driver-api/dma-buf.rst", "basic operation and device DMA access"),
    derived("MAP and PIN balances"),
    run(both, "detach with a live map and pin: silent, no unmap, no unpin, pin count stays 1"),
  ],
  temporal: ["T-12"],
  hints: [
    "Does every failure after map go through unmap before detach?",
    "Is the pin dropped also when the importer was revoked meanwhile?",
  ],
  status: later("ATT"),
};

export const att18: Rule = {
  id: "ATT-18",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["importer"],
  statement: "Detach given nothing, or an attachment that belongs elsewhere, warns and changes nothing.",
  intent: "Removing it anyway edits one buffer's list under the lock of another.",
  sources: [
    kernel(core, "dma_buf_detach", "6.12, 7.2"),
    run(both, "null, and an attachment of another buffer: one warning each, no change"),
  ],
  hints: ["Is the attachment's buffer compared with the argument before the lock is taken?"],
  status: later("ATT"),
};

export const att19: Rule = {
  id: "ATT-19",
  level: "MUST",
  obliged: ["importer"],
  statement: "From the call of detach on, nobody uses that attachment again.",
  intent: "The core frees it there, so even reading a field is a use after free.",
  sources: [derived("detach frees the attachment")],
  hints: [
    "Can a second teardown path, such as a revoke handler, detach the same attachment?",
    "Is the stored pointer cleared under the lock that its other users take?",
  ],
  status: later("ATT"),
};

export const att20: Rule = {
  id: "ATT-20",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "What the attach hook takes for an attachment (power, private data) the detach hook gives back exactly once, decided by what was taken and not by a flag that may have changed.",
  intent:
    "A leaked power reference keeps the device awake for ever; one given back twice lets it sleep under its users.",
  sources: [
    kernel("drivers/gpu/drm/xe/xe_dma_buf.c", "xe_dma_buf_attach, xe_dma_buf_detach", "6.12, 7.2"),
    kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_dma_buf_attach, amdgpu_dma_buf_detach", "6.12, 7.2"),
  ],
  hints: [
    "Is the peer-to-peer flag, if it decides, read in both hooks with the same value?",
    "Does an attach hook that fails half-way give back what it took?",
  ],
  status: later("ATT"),
};

export const rules: readonly Rule[] = [att15, att17, att18, att19, att20];
