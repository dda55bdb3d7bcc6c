import { EFAULT, ENOTTY, errnoName } from "../../spec/errno.ts";
import { on } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { kernel, run } from "../source.ts";
import { syncAnswer, syncDirection } from "./bracket-checks.ts";
import { cpuHooksIn } from "./frames.ts";

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
  status: checked,
  situation: { weights: { ioctlSync: 20 } },
  monitor: on({
    "ret ioctlSync": syncAnswer,
    "cb beginCpu": syncDirection,
    "cb endCpu": syncDirection,
  }),
};

export const cpu28: Rule = {
  id: "CPU-28",
  level: "MUST",
  obliged: ["framework"],
  statement: "An unknown buffer request gives -ENOTTY and an unreadable argument -EFAULT, without side effects.",
  intent: "User space probes for features by these two codes.",
  sources: [kernel("drivers/dma-buf/dma-buf.c", "dma_buf_ioctl", "6.12, 7.2")],
  hints: ["Is the argument copied before any hook runs?"],
  status: checked,
  situation: { weights: { ioctl: 10, ioctlSync: 10 } },
  monitor: on({
    "ret ioctl": (event, state, verdict) => {
      verdict.exercised();
      if (event.errno !== ENOTTY || cpuHooksIn(state, event.task, event.call).length > 0)
        verdict.violated(`request ${event.command} on ${event.buffer} answers ${errnoName(event.errno)}, not ENOTTY`);
    },
    "ret ioctlSync": (event, state, verdict) => {
      if (event.flags !== null) return;
      verdict.exercised();
      if (event.errno !== EFAULT || cpuHooksIn(state, event.task, event.call).length > 0)
        verdict.violated(`a sync request that cannot be read answers ${errnoName(event.errno)}, not EFAULT`);
    },
  }),
};

export const rules: readonly Rule[] = [cpu10, cpu28];
