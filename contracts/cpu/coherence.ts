import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { kernel, doc, thread, derived, run } from "../source.ts";

export const cpu08: Rule = {
  id: "CPU-08",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "An open bracket excludes nobody: further brackets of the buffer can be opened, and later device work is neither refused nor delayed.",
  intent: "Brackets are about caches; a process that forgets its end must not lock out the device.",
  sources: [doc("include/uapi/linux/dma-buf.h", "struct dma_buf_sync")],
  hints: ["Is a lock or a busy mark held from begin to end?"],
  status: later("CPU"),
};

export const cpu09: Rule = {
  id: "CPU-09",
  level: "MUST",
  obliged: ["caller"],
  statement:
    "Before CPU access the caller itself waits for explicitly synchronised work, since a successful begin covers only fences of KERNEL, WRITE and READ usage.",
  intent: "BOOKKEEP work may be writing while begin has long returned.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_begin_cpu_access"),
    run(["6.12.117", "7.2.13"], "begin never waits for BOOKKEEP"),
  ],
  hints: ["Is the job's own fence or sync file waited for before begin?"],
  status: later("CPU"),
};

export const cpu11: Rule = {
  id: "CPU-11",
  level: "MAY",
  obliged: ["caller"],
  statement:
    "An access in a direction other than the announced one may see stale or fresh data, so nobody relies on its content.",
  intent: "The exporter did only the cache operations of the announced direction.",
  sources: [doc("include/linux/dma-buf.h", "dma_buf_ops begin_cpu_access")],
  hints: ["Does a read-modify-write run inside a write-only bracket?"],
  status: later("CPU"),
};

export const cpu17: Rule = {
  id: "CPU-17",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer never maps the buffer's pages for the CPU by itself, only through the exporter's vmap or mmap.",
  intent: "The pages may move, be device memory or need other cache attributes, and only the exporter knows.",
  sources: [thread("003", "König, 15 Jan 2025, PFN sharing RFC")],
  hints: ["Does the driver take a page or PFN out of the mapped table and map it?"],
  status: later("CPU"),
};

export const cpu24: Rule = {
  id: "CPU-24",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "Begin for read moves the data to where the CPU reads it well, if it can, and does not fail when the move fails but the present place is accessible.",
  intent: "Reading device memory over the bus is very slow, yet still better than an error.",
  sources: [
    kernel("drivers/gpu/drm/xe/xe_dma_buf.c", "xe_dma_buf_begin_cpu_access", "6.12, 7.2"),
    kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_dma_buf_begin_cpu_access", "6.12, 7.2"),
  ],
  needs: ["move"],
  hints: ["Is a failed migration returned although the memory can be read in place?"],
  status: later("CPU"),
};

export const cpu25: Rule = {
  id: "CPU-25",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "On an exporter of cached memory, begin and end bring the CPU caches in line for every device with a live mapping, in the direction of the bracket.",
  intent: "A device that was forgotten reads old lines from memory or has its data overwritten by a late write-back.",
  sources: [
    kernel("drivers/dma-buf/heaps/system_heap.c", "system_heap_dma_buf_begin_cpu_access", "6.12, 7.2"),
    kernel("drivers/dma-buf/heaps/cma_heap.c", "cma_heap_dma_buf_begin_cpu_access", "6.12, 7.2"),
    kernel("drivers/dma-buf/udmabuf.c", "begin_cpu_udmabuf (syncs its own device only)", "6.12, 7.2"),
  ],
  hints: [
    "Does the hook walk all mapped attachments, under the lock that map and unmap take?",
    "Is an attachment that mapped after begin synced at its map?",
  ],
  status: later("CPU"),
};

export const cpu29: Rule = {
  id: "CPU-29",
  level: "MUST",
  obliged: ["caller"],
  provokedBy: ["exporter"],
  statement:
    "The CPU writes nothing between end and the device's access; a device that writes inside a bracket makes the content undefined but causes no other harm.",
  intent:
    "An overlapping writer loses data to a cache line write-back, and broken user code must not become a broken kernel.",
  sources: [derived("CPU-01 and the DMA API ownership rules")],
  hints: ["Does a helper thread still write when the buffer is submitted?"],
  status: later("CPU"),
};

export const cpu32: Rule = {
  id: "CPU-32",
  level: "MUST",
  obliged: ["exporter"],
  statement: "A byte of the buffer is found at its own offset in every vmap, every mmap and every device mapping.",
  intent: "Views that disagree by an offset read somebody else's data and scribble over it.",
  sources: [
    derived("the meaning of a shared buffer"),
    kernel("drivers/dma-buf/udmabuf.c", "vmap_udmabuf (ignores the offset inside a large folio)", "6.12"),
    run(["6.12.117", "7.2.13"], "mmap and vmap agree on heap, udmabuf, vgem with small pages"),
  ],
  hints: [
    "Is the offset inside a large folio added in every view?",
    "Does each view walk the pages in the same order?",
  ],
  status: later("CPU"),
};

export const rules: readonly Rule[] = [cpu08, cpu09, cpu11, cpu17, cpu24, cpu25, cpu29, cpu32];
