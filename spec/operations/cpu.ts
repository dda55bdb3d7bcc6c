import { create, flag, integer, oneOf, operation, refer } from "./define.ts";

const direction = oneOf(["bidirectional", "toDevice", "fromDevice", "none"]);
/** Page offsets have 53 bits here; a sum beyond them overflows as one beyond 64 bits does in a kernel. */
const page = integer(0, 2 ** 53 - 1);

function onView(summary: string, kernel: string, lock: "held" | "notHeld") {
  return operation({ level: "contract", side: "cpu", lock, summary, kernel, fields: { view: refer("view") } });
}

function mapping(summary: string, kernel: string) {
  return operation({
    level: "contract",
    side: "cpu",
    lock: "notHeld",
    summary,
    kernel,
    fields: { buffer: refer("buffer"), view: create("view"), offset: page, pages: integer(1, 2 ** 40), shared: flag },
  });
}

/** What the CPU does with a buffer: brackets, kernel addresses, user mappings, and the requests on its descriptor. */
export const cpuOperations = {
  beginCpu: operation({
    level: "contract",
    side: "cpu",
    lock: "notHeld",
    summary: "Opens a bracket of CPU access: the exporter's hook, then a wait for implicit fences.",
    kernel: "dma_buf_begin_cpu_access",
    fields: { buffer: refer("buffer"), direction },
  }),
  endCpu: operation({
    level: "contract",
    side: "cpu",
    lock: "notHeld",
    summary: "Closes a bracket; one that nobody opened is a reported misuse.",
    kernel: "dma_buf_end_cpu_access",
    fields: { buffer: refer("buffer"), direction },
  }),
  ioctlSync: operation({
    level: "contract",
    side: "cpu",
    lock: "notHeld",
    summary: "The sync request: bit 0 read, bit 1 write, bit 2 end; `unreadable` hands in a pointer that faults.",
    kernel: "DMA_BUF_IOCTL_SYNC",
    fields: { buffer: refer("buffer"), flags: integer(0, 2 ** 33), unreadable: flag },
  }),
  ioctl: operation({
    level: "contract",
    side: "cpu",
    lock: "notHeld",
    summary: "A request that no dma-buf knows.",
    kernel: "dma_buf_ioctl",
    fields: { buffer: refer("buffer"), command: integer(0, 255) },
  }),
  vmap: operation({
    level: "contract",
    side: "cpu",
    lock: "held",
    summary: "Maps the buffer into the kernel's address space.",
    kernel: "dma_buf_vmap",
    fields: { buffer: refer("buffer"), view: create("view") },
  }),
  vmapUnlocked: operation({
    level: "contract",
    side: "cpu",
    lock: "notHeld",
    summary: "As vmap, taking the lock itself.",
    kernel: "dma_buf_vmap_unlocked",
    fields: { buffer: refer("buffer"), view: create("view") },
  }),
  vunmap: onView("Ends one use of the kernel address.", "dma_buf_vunmap", "held"),
  vunmapUnlocked: onView("As vunmap, taking the lock itself.", "dma_buf_vunmap_unlocked", "notHeld"),
  mmap: mapping("A driver maps the buffer for a user, offset and length in pages.", "dma_buf_mmap"),
  mmapFd: mapping("A user maps the descriptor, offset and length in pages.", "dma_buf_mmap_internal"),
  munmap: onView("Ends a user mapping.", "munmap", "notHeld"),
  cpuAccess: operation({
    level: "contract",
    side: "cpu",
    lock: "notHeld",
    summary: "The CPU touches a byte of a view; `io`: with the accessors for I/O memory.",
    kernel: "",
    fields: { view: refer("view"), kind: oneOf(["read", "write"]), offset: integer(0, 2 ** 40), io: flag },
  }),
} as const;
