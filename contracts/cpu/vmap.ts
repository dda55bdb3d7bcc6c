import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { kernel, doc, thread, run } from "../source.ts";

export const cpu12: Rule = {
  id: "CPU-12",
  level: "MUST",
  obliged: ["caller"],
  statement: "Callers of plain vmap and vunmap hold the reservation lock; callers of the unlocked forms do not.",
  intent: "The user count is protected by that lock, and the unlocked form would wait for its own caller.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "DMA-BUF locking convention"),
    run(["6.12.117", "7.2.13"], "warning and call still forwarded; unlocked form by the holder blocks"),
  ],
  needs: ["vmap"],
  hints: ["Which form does each caller use, and does it hold the lock there?"],
  status: later("CPU"),
};

export const cpu13: Rule = {
  id: "CPU-13",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A vmap that fails (-EINVAL without exporter support, else the hook's error) clears the result pointer and counts no user, so that the next vmap calls the hook again.",
  intent:
    "A stale pointer after an error gets dereferenced, and a counted failure makes the next caller share a mapping that does not exist.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_vmap", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "-EINVAL and -12, pointer cleared in both"),
  ],
  hints: ["Is the output cleared before the first check?"],
  status: later("CPU"),
};

export const cpu14: Rule = {
  id: "CPU-14",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Only the first user's vmap and the last user's vunmap reach the exporter; every user has the same address.",
  intent:
    "Exporters keep one mapping; a second hook call would leak it and an early unmap take it from the other users.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_vmap", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_vunmap", "6.12, 7.2"),
    doc("include/linux/dma-buf.h", "dma_buf_ops vmap"),
  ],
  needs: ["vmap"],
  hints: ["Is the counter changed only after the hook succeeded?"],
  status: later("CPU"),
};

export const cpu15: Rule = {
  id: "CPU-15",
  level: "MUST",
  obliged: ["caller"],
  statement: "Vunmap gets the address of the current vmap and is called no more often than vmap succeeded.",
  intent: "The kernel stops the machine on either mistake.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_vunmap", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "other pointer, or one call too many: kernel BUG"),
  ],
  needs: ["vmap"],
  hints: ["Is vunmap also reached when vmap had failed?"],
  status: later("CPU"),
};

export const cpu16: Rule = {
  id: "CPU-16",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "As long as a vmap exists its address shows the buffer's current content, and a pin taken for it is given back when vmap fails or with the last vunmap.",
  intent:
    "The user holds a bare address and is told of no move; a pin left behind keeps device memory blocked for ever.",
  sources: [kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_dma_buf_vmap, amdgpu_dma_buf_vunmap", "7.2")],
  needs: ["vmap"],
  hints: ["Does the vmap hook pin before it maps, and unpin on the map's error path?"],
  status: later("CPU"),
};

export const cpu26: Rule = {
  id: "CPU-26",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Secure memory is never mapped for the CPU: mmap and vmap of it are refused, and it is passed on only as an fd to importers that know about it.",
  intent: "A CPU access to protected memory faults the machine or breaks its confidentiality.",
  sources: [thread("000", "pages of secure memory are conveyed inside the kernel only")],
  hints: ["Are both hooks missing, or do they refuse, for buffers of the secure kind?"],
  status: later("CPU"),
};

export const cpu27: Rule = {
  id: "CPU-27",
  level: "MUST",
  obliged: ["exporter", "caller"],
  statement:
    "Device registers and device memory are mapped for the CPU as I/O memory (marked so in the vmap result) and touched only with I/O accessors.",
  intent: "Cached or speculative access to MMIO loses writes, triggers side effects or raises machine checks.",
  sources: [
    thread("002", "MMIO must not be treated as ordinary memory"),
    kernel("include/linux/iosys-map.h", "iosys_map is_iomem", "6.12, 7.2"),
  ],
  hints: ["Does the hook set the I/O flag of the result?", "Does the user ask that flag before a memcpy?"],
  status: later("CPU"),
};

export const cpu35: Rule = {
  id: "CPU-35",
  level: "MUST",
  obliged: ["framework", "exporter"],
  statement:
    "The exporter's begin, end and mmap hooks run unlocked, its vmap and vunmap hooks inside the reservation lock, which those two leave alone.",
  intent: "Hooks are written for one lock state and deadlock or race in the other.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "DMA-BUF locking convention"),
    run(["6.12.117", "7.2.13"], "lock state seen in all five hooks"),
  ],
  hints: ["Does a vmap hook call a helper that locks the buffer?"],
  status: later("CPU"),
};

export const rules: readonly Rule[] = [cpu12, cpu13, cpu14, cpu15, cpu16, cpu26, cpu27, cpu35];
