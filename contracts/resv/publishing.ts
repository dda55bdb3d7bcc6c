import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel, run } from "../source.ts";

const both = ["6.12.117", "7.2.13"];

export const resv30: Rule = {
  id: "RESV-30",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer whose API is purely synchronous may add no fences, but then no device access of its own outlasts the API call.",
  intent: "Access without a fence after the return is invisible to everyone who wants to move or reuse the memory.",
  sources: [doc("include/linux/dma-buf.h", "dma_buf.resv, implicit synchronization rules")],
  hints: ["Does the call return when the work is queued, or when the hardware is idle?"],
  status: later("RESV"),
};

export const resv31: Rule = {
  id: "RESV-31",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Device access that a dynamic importer cannot stop inside its invalidate callback has a fence in the object that stays unsignaled until the access is over.",
  intent: "The exporter waits for these fences and then reuses the storage.",
  sources: [
    doc("include/linux/dma-buf.h", "dynamic importer rules"),
    doc("include/linux/dma-resv.h", "DMA_RESV_USAGE_BOOKKEEP"),
  ],
  needs: ["importerCallback"],
  temporal: ["T-21"],
  hints: [
    "Do page table or TLB updates of the mapping have a fence of their own?",
    "Is the job's fence in the object before the job can reach the hardware?",
  ],
  status: later("RESV"),
};

export const resv32: Rule = {
  id: "RESV-32",
  level: "MUST",
  obliged: ["importer"],
  statement: "A job that uses several buffers adds its fence to all of them while it holds all their locks at once.",
  intent: "Two jobs published buffer by buffer can each end up waiting for the other.",
  sources: [
    doc("Documentation/locking/ww-mutex-design.rst", "Motivation"),
    kernel("drivers/gpu/drm/drm_exec.c", "drm_exec_lock_obj and its users", "6.12, 7.2"),
  ],
  hints: [
    "Is a buffer unlocked before the fence is added to the last one?",
    "Is the fence added only to the buffers named in this call, and not to those always in use?",
  ],
  status: later("RESV"),
};

export const resv33: Rule = {
  id: "RESV-33",
  level: "MUST",
  obliged: ["importer"],
  provokedBy: ["fenceOwner"],
  statement:
    "A fence can already complete without the reservation lock when it is added, because others see it and wait for it from then on.",
  intent: "A waiter that holds the lock and a fence that needs the lock never let each other go.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "DOC: fence signalling annotation"),
    run(both, "lockless readers see and wait for a fence before the unlock"),
  ],
  hints: [
    "Does anything between the add and the start of the job lock, allocate or fail?",
    "Does the path that signals the fence take a reservation lock?",
  ],
  status: later("RESV"),
};

export const resv41: Rule = {
  id: "RESV-41",
  level: "MUST",
  obliged: ["importer"],
  statement: "An object that wraps an imported buffer uses the exporter's reservation object and has none of its own.",
  intent: "Fences and locks in a second object are seen by no other user of the same memory.",
  sources: [
    kernel("drivers/gpu/drm/drm_prime.c", "drm_gem_prime_import_dev", "6.12, 7.2"),
    kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_dma_buf_create_obj", "6.12, 7.2"),
    kernel("drivers/gpu/drm/xe/xe_dma_buf.c", "xe_gem_prime_import", "6.12, 7.2"),
  ],
  hints: ["Is the wrapper's resv pointer set to that of the dma-buf before anything locks the wrapper?"],
  status: later("RESV"),
};

export const rules: readonly Rule[] = [resv30, resv31, resv32, resv33, resv41];
