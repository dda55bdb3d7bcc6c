import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { kernel, doc, run } from "../source.ts";

export const cpu01: Rule = {
  id: "CPU-01",
  level: "MUST",
  obliged: ["caller"],
  statement:
    "Every CPU access through vmap or mmap lies between a successful begin and its end, both covering the direction of the access.",
  intent: "Outside the bracket caches and in-flight device work make what the CPU reads or leaves behind arbitrary.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_begin_cpu_access")],
  temporal: ["T-25"],
  hints: [
    "Is the begin result checked before the first load or store?",
    "Is there an access after end, for example in a deferred copy?",
  ],
  status: later("CPU"),
};

export const cpu02: Rule = {
  id: "CPU-02",
  level: "MUST",
  obliged: ["caller"],
  statement: "Begin and end are called by actors that do not hold the buffer's reservation lock.",
  intent:
    "The exporter's hook may take that lock, and the wait in begin would keep it for as long as the device works.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "DMA-BUF locking convention"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_begin_cpu_access", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "begin or end by the holder: lockdep reports, result 0"),
  ],
  hints: ["Is begin called from a path that already locked the buffer for submission?"],
  status: later("CPU"),
};

export const cpu03: Rule = {
  id: "CPU-03",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Begin runs the exporter's hook and then waits, interruptibly, without time limit or lock, for all present fences of WRITE level (read-only access) or READ level (access that writes), and takes failed fences as done.",
  intent: "A CPU that reads before the device has written, or writes while it still reads, sees or produces torn data.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_begin_cpu_access", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-buf.c", "__dma_buf_begin_cpu_access", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "12 usage and direction cases; hook first; waits without a hook too"),
  ],
  temporal: ["T-25"],
  hints: [
    "Is the level chosen by 'will the CPU write', not by the DMA direction seen from the device?",
    "Is the reservation lock taken for the wait?",
  ],
  status: later("CPU"),
};

export const cpu04: Rule = {
  id: "CPU-04",
  level: "MUST",
  obliged: ["framework"],
  statement: "If the begin hook fails, begin returns its error at once without waiting for fences.",
  intent: "A caller told to give up must not first be stalled behind device work.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_begin_cpu_access", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "-12 at once with a fence pending"),
  ],
  hints: ["Is the hook's result checked before the wait?"],
  status: later("CPU"),
};

export const cpu05: Rule = {
  id: "CPU-05",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "After a begin whose wait was interrupted behind a successful hook, the exporter works on without ever seeing the matching end.",
  intent: "Nobody undoes the hook after the interruption, so a nesting counter would be off for good.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_begin_cpu_access", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "-ERESTARTSYS in the wait: no end hook, next begin works"),
  ],
  hints: ["Does the begin hook count brackets or take a reference that only end releases?"],
  status: later("CPU"),
};

export const cpu06: Rule = {
  id: "CPU-06",
  level: "MUST",
  obliged: ["framework", "exporter"],
  statement:
    "A begin or sync request that ended with -EINTR, -EAGAIN or -ERESTARTSYS succeeds when simply repeated, and the hook accepts being run several times for one bracket.",
  intent: "Signals hit user space at any time, and the kernel restarts the request without telling it.",
  sources: [
    doc("Documentation/driver-api/dma-buf.rst", "CPU Access to DMA Buffer Objects"),
    run(["6.12.117", "7.2.13"], "restartable signal handler: hook runs a second time"),
  ],
  hints: ["Does the second begin hook call find state that the first one left half done?"],
  status: later("CPU"),
};

export const cpu07: Rule = {
  id: "CPU-07",
  level: "MUST",
  obliged: ["caller"],
  statement: "Each successful begin is followed by exactly one end with the same direction.",
  intent: "End writes back or invalidates for one direction, and a wrong or missing one leaves dirty lines behind.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_end_cpu_access")],
  hints: ["Is end called on the error paths between the two?"],
  status: later("CPU"),
};

export const cpu10: Rule = {
  id: "CPU-10",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "The sync request accepts only start or end with read, write or both (else -EINVAL) and passes read as from-device, write as to-device, both as bidirectional.",
  intent:
    "A flag that is silently ignored today cannot get a meaning tomorrow, and a swapped direction loses the cache operation.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_ioctl", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "flags 0 to 9, bit 31 and a high bit, on own, heap, udmabuf and vgem buffers"),
  ],
  hints: ["Is a request without read and write refused?", "Are bits above the low three refused?"],
  status: later("CPU"),
};

export const cpu28: Rule = {
  id: "CPU-28",
  level: "MUST",
  obliged: ["framework"],
  statement: "An unknown buffer request gives -ENOTTY and an unreadable argument -EFAULT, without side effects.",
  intent: "User space probes for features by these two codes.",
  sources: [kernel("drivers/dma-buf/dma-buf.c", "dma_buf_ioctl", "6.12, 7.2")],
  hints: ["Is the argument copied before any hook runs?"],
  status: later("CPU"),
};

export const cpu31: Rule = {
  id: "CPU-31",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "End only runs the exporter's hook, if there is one, and hands on its result, without any wait for fences.",
  intent: "A bracket's end is on the path of the next submission and must not stall behind older work.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_end_cpu_access", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "end with a fence pending: hook only, error passed on"),
  ],
  hints: ["Does the end path share code with begin that waits?"],
  status: later("CPU"),
};

export const cpu34: Rule = {
  id: "CPU-34",
  level: "MAY",
  obliged: ["framework", "exporter"],
  statement:
    "An end without begin or a repeated begin reaches the exporter, which may accept or refuse it (for example -EINVAL) but keeps its state sound.",
  intent: "The framework counts no brackets, so any user of the fd can send them unbalanced.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_end_cpu_access", "6.12, 7.2"),
    kernel("drivers/dma-buf/udmabuf.c", "end_cpu_udmabuf", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "heap and vgem accept; udmabuf refuses only before its first begin"),
  ],
  hints: ["What does the end hook touch if begin never ran?"],
  status: later("CPU"),
};

export const cpu36: Rule = {
  id: "CPU-36",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Every begin or end call runs the matching hook, if there is one, exactly once with the caller's direction, and a begin without a hook still waits for fences.",
  intent: "A hook that is skipped or called with another direction does the wrong cache operation.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_begin_cpu_access", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_end_cpu_access", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "kernel form and request; direction NONE passed through"),
  ],
  hints: ["Does the absence of a begin hook return early, before the wait?"],
  status: later("CPU"),
};

export const rules: readonly Rule[] = [
  cpu01,
  cpu02,
  cpu03,
  cpu04,
  cpu05,
  cpu06,
  cpu07,
  cpu10,
  cpu28,
  cpu31,
  cpu34,
  cpu36,
];
