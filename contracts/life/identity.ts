import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { doc, kernel, run } from "../source.ts";

const core = "drivers/dma-buf/dma-buf.c";
const prime = "drivers/gpu/drm/drm_prime.c";
const both = ["6.12.117", "7.2.13"];

export const life04: Rule = {
  id: "LIFE-04",
  level: "MUST",
  obliged: ["exporter", "framework"],
  statement: "The size given at export, page multiple or not, is the buffer's size until release.",
  intent: "Importers check offsets against the size once; a buffer that shrinks afterwards lets them run past its end.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf, size"),
    run(both, "100 bytes stay 100 in the core; the system heap rounds its request up to 4096"),
  ],
  hints: [
    "Is the size rounded before export rather than after it?",
    "Does a resize of the exported object get refused while a buffer exists?",
  ],
  status: later("LIFE"),
};

export const life05: Rule = {
  id: "LIFE-05",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["importer"],
  statement:
    "A buffer has one reservation object from export to release, the exporter's if it gave one and else its own, and every attachment and import wrapper uses that same object.",
  intent:
    "Two parties that lock different objects, or look for fences in different ones, do not exclude each other at all.",
  sources: [
    kernel(core, "dma_buf_export", "6.12, 7.2"),
    kernel(core, "dma_buf_release", "6.12, 7.2"),
    doc("include/linux/dma-buf.h", "struct dma_buf_export_info, resv"),
    run(both, "a second export with the first one's object shares its lock; default objects are distinct"),
  ],
  hints: [
    "Does the import wrapper point at the buffer's object instead of one embedded in itself?",
    "Does a supplied object outlive every buffer that was exported with it?",
  ],
  status: later("LIFE"),
};

export const life22: Rule = {
  id: "LIFE-22",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An import wrapper keeps its buffer, the buffer keeps the exported object, and only the wrapper's death runs detach and then put.",
  intent:
    "Torn down in another order, the wrapper's last user still works with an attachment or memory that is already gone.",
  sources: [kernel(prime, "drm_prime_gem_destroy", "6.12, 7.2"), doc(prime, "overview and lifetime rules")],
  hints: [
    "Does closing a handle leave attachment and reference alone while another user of the wrapper exists?",
    "Does the destructor detach before it puts?",
  ],
  status: later("LIFE"),
};

export const life23: Rule = {
  id: "LIFE-23",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Importing a buffer into the device that exported it takes no buffer reference for itself, and should give back the original object with one more object reference and no attachment.",
  intent: "An object that holds a buffer which holds the object is a cycle that is never freed.",
  sources: [
    kernel(prime, "drm_gem_prime_import_dev", "6.12, 7.2"),
    kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_gem_prime_import", "6.12, 7.2"),
    kernel("drivers/gpu/drm/xe/xe_dma_buf.c", "xe_gem_prime_import", "6.12, 7.2"),
    run(both, "vgem imports its own buffer: no attachment, and only the test's reference left after all closes"),
  ],
  hints: [
    "Are ops table and device of the buffer compared with your own before attach?",
    "Is a reference kept for a handle or export cache dropped with that handle?",
  ],
  status: later("LIFE"),
};

export const life24: Rule = {
  id: "LIFE-24",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "Exporting an object whose earlier buffer still lives (in practice: that still has a handle) gives that buffer again, with one more reference.",
  intent:
    "A second buffer over the same memory splits attachments into two lists, and a move announced on one is missed on the other.",
  sources: [kernel(prime, "drm_gem_prime_handle_to_dmabuf", "6.12, 7.2")],
  hints: [
    "Is the cached buffer looked up under the lock that also guards its removal?",
    "Is the reference of the cache dropped when the last handle goes?",
  ],
  status: later("LIFE"),
};

export const life34: Rule = {
  id: "LIFE-34",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Export of an imported object returns the buffer it came from, with a reference added, and makes no new one.",
  intent: "A wrapping buffer would give out memory whose moves and revokes its own importers never hear of.",
  sources: [kernel(prime, "drm_gem_prime_handle_to_dmabuf", "6.12, 7.2")],
  hints: ["Does the export path look for an import attachment on the object before it builds a buffer?"],
  status: later("LIFE"),
};

export const rules: readonly Rule[] = [life04, life05, life22, life23, life24, life34];
