import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { kernel, doc, proposal, run } from "../source.ts";

export const cpu18: Rule = {
  id: "CPU-18",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Mmap fails without calling the hook when the exporter has none (-EINVAL), the offset overflows (-EOVERFLOW in the kernel form) or the range passes the size rounded down to whole pages (-EINVAL).",
  intent: "A mapping past the end exposes foreign memory to user space.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_mmap", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_mmap_internal", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "lengths and offsets on sizes 100, 4096, 6000, 8192; the fd form answers -EINVAL"),
  ],
  hints: ["Is the size rounded up instead of down?", "Is the overflow test made before the addition is used?"],
  status: later("CPU"),
};

export const cpu19: Rule = {
  id: "CPU-19",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A mapping made through the kernel mmap call belongs to the dma-buf file with adjusted offset and keeps the buffer alive until it is gone.",
  intent: "Otherwise the process would go on using the memory after the buffer was released.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_mmap", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "one reference more while mapped; the file is the dma-buf's"),
  ],
  needs: ["mmap"],
  hints: ["Is the reference of the former file dropped only after the new one was taken?"],
  status: later("CPU"),
};

export const cpu20: Rule = {
  id: "CPU-20",
  level: "MUST",
  obliged: ["caller"],
  statement:
    "Users of an mmap treat it as incoherent and bracket each access with sync requests, even where it works without.",
  intent: "Code that skips them works on one machine and corrupts data on the next.",
  sources: [doc("include/linux/dma-buf.h", "dma_buf_ops mmap")],
  needs: ["mmap"],
  hints: ["Is there a platform test that decides to leave out sync?"],
  status: later("CPU"),
};

export const cpu21: Rule = {
  id: "CPU-21",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Before storage seen through mmap is reused after a move or revoke, the exporter has zapped all user mappings of it, for which the buffer has an address space of its own.",
  intent: "User space would keep reading and writing memory that belongs to someone else now.",
  sources: [doc("include/linux/dma-buf.h", "dma_buf_ops mmap")],
  needs: ["mmap"],
  hints: [
    "Does the file's mapping point at the exporter's own address space?",
    "Does the zap come before the pages are freed, and are new faults blocked meanwhile?",
  ],
  status: later("CPU"),
};

export const cpu22: Rule = {
  id: "CPU-22",
  level: "MUST",
  obliged: ["exporter"],
  statement: "A CPU fault exposes the page only after all KERNEL fences of the buffer have signaled.",
  intent: "The copy into the new place may still run, and the process would see a half-moved page.",
  sources: [kernel("drivers/gpu/drm/ttm/ttm_bo_vm.c", "ttm_bo_vm_fault_idle", "6.12, 7.2")],
  needs: ["mmap"],
  hints: ["Is the fence test made under the reservation lock that the fault takes?"],
  status: later("CPU"),
};

export const cpu23: Rule = {
  id: "CPU-23",
  level: "MUST",
  obliged: ["caller"],
  statement: "The kernel mmap call is made without the reservation lock; the exporter's hook may take it.",
  intent: "An exporter whose hook locks the buffer would wait for its own caller.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "DMA-BUF locking convention"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_mmap", "6.12, 7.2"),
  ],
  needs: ["mmap"],
  hints: ["Does the importing driver's mmap path hold the lock of the imported object?"],
  status: later("CPU"),
};

export const cpu30: Rule = {
  id: "CPU-30",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "A mapping that has to follow later changes of the storage is accepted only as shared; a private one, even read-only, is refused with -EINVAL.",
  intent: "A private mapping keeps its own copies and misses device writes and revocation; the core does not check it.",
  sources: [
    kernel("drivers/dma-buf/udmabuf.c", "mmap_udmabuf", "6.12, 7.2"),
    proposal("VFIO dma-buf mmap, 2026"),
    run(["6.12.117", "7.2.13"], "heap, udmabuf and vgem refuse; an own hook may accept"),
  ],
  needs: ["mmap"],
  hints: ["Does the mmap hook test the shared flag before anything else?"],
  status: later("CPU"),
};

export const cpu33: Rule = {
  id: "CPU-33",
  level: "MUST",
  obliged: ["framework"],
  statement: "The exporter's mmap hook is called only with a range that lies inside the buffer.",
  intent: "Hooks rely on that and map without a second check.",
  sources: [
    doc("include/linux/dma-buf.h", "dma_buf_ops mmap"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_mmap_internal", "6.12, 7.2"),
  ],
  needs: ["mmap"],
  hints: ["Can the offset be changed between the check and the hook?"],
  status: later("CPU"),
};

export const rules: readonly Rule[] = [cpu18, cpu19, cpu20, cpu21, cpu22, cpu23, cpu30, cpu33];
