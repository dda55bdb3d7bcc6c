import { ENOMEM, errnoName } from "../../spec/errno.ts";
import { bracketCovers } from "../../spec/state/observe/cpu.ts";
import { on, remember } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { resvOf } from "../shared/lookup.ts";
import { doc, kernel, run } from "../source.ts";
import {
  endsOwn,
  handsOn,
  hasWaited,
  isImportedTwice,
  isInterruption,
  isUnlocked,
  noteAbandoned,
  noteRetry,
  noteWait,
  ranHook,
  ranHookAndWaited,
  repeats,
  retryOf,
  type BracketRet,
  type Retries,
  type Waits,
} from "./bracket-checks.ts";
import { bracketOf, callAround, cpuHooksIn, isWeaker, openBracketCall, pendingForCpu } from "./frames.ts";
import { bracketing, interrupting, looking, waiting } from "./situations.ts";

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
  status: checked,
  situation: looking,
  monitor: on({
    cpu(event, state, verdict) {
      verdict.exercised();
      const open = state.buffers.get(event.buffer)?.brackets ?? [];
      if (open.some(({ by, direction }) => by === event.by && bracketCovers(direction, event.access))) return;
      verdict.violated(
        `the CPU ${event.access === "read" ? "reads" : "writes"} ${event.buffer} for ${event.by} outside any bracket that covers it`,
        verdict.since("buffers", event.buffer, "brackets"),
      );
    },
  }),
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
  status: checked,
  situation: bracketing,
  monitor: on({ "call beginCpu": isUnlocked, "call endCpu": isUnlocked, "call ioctlSync": isUnlocked }),
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
  status: checked,
  situation: waiting,
  monitor: remember((): Waits => new Map(), {
    "call beginCpu": (event, state, _verdict, waits) => noteWait(event, state, waits),
    "call ioctlSync": (event, state, _verdict, waits) => noteWait(event, state, waits),
    "cbret beginCpu": (event, state, _verdict, waits) => {
      const call = callAround(state, event.task);
      if (call !== undefined) waits.set(call.seq, pendingForCpu(state, event.buffer, event.direction));
    },
    lock: (event, state, verdict) => {
      const call = openBracketCall(state, event.task);
      if (event.lockClass !== "reservation" || call === undefined) return;
      verdict.violated(`begin or end on ${call.buffer} asks for the lock of ${event.lock}`, call);
    },
    blocked: (event, state, verdict) => {
      const call = openBracketCall(state, event.task);
      const bracket = bracketOf(call);
      if (call === undefined || bracket?.end !== false || event.wait.kind !== "fence") return;
      verdict.exercised();
      const { fence } = event.wait;
      if (!event.interruptible)
        verdict.violated(`begin on ${call.buffer} waits for ${fence} and cannot be interrupted`);
      else if (isWeaker(state, call.buffer, bracket.direction, fence))
        verdict.violated(
          `begin on ${call.buffer} ${bracket.direction} waits for ${fence}, whose usage is not asked for`,
          verdict.since("reservations", resvOf(state, call.buffer), "entries"),
        );
    },
    "ret beginCpu": hasWaited,
    "ret ioctlSync": hasWaited,
  }),
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
  status: checked,
  situation: {
    ...bracketing,
    failures: [{ site: "hook:beginCpu", errno: ENOMEM }],
  },
  monitor: remember(() => new Map<number, number>(), {
    "cbret beginCpu": (event, state, verdict, failed) => {
      const call = callAround(state, event.task);
      if (event.errno === 0 || bracketOf(call)?.end !== false) return;
      verdict.exercised();
      failed.set(call!.seq, event.errno);
    },
    blocked: (event, state, verdict, failed) => {
      const call = openBracketCall(state, event.task);
      if (call !== undefined && failed.has(call.seq))
        verdict.violated(`begin on ${call.buffer} goes on to wait although the exporter's hook failed`, call);
    },
    ret: (event, _state, verdict, failed) => {
      const errno = failed.get(event.call);
      if (errno === undefined) return;
      failed.delete(event.call);
      if (event.errno !== errno)
        verdict.violated(`begin answers ${errnoName(event.errno)} where the exporter's hook said ${errnoName(errno)}`);
    },
  }),
};

export const cpu05: Rule = {
  id: "CPU-05",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "After a begin that failed in the exporter's hook or was interrupted behind it, the exporter works on without ever seeing the matching end.",
  intent: "Nobody undoes the hook after the interruption, so a nesting counter would be off for good.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_begin_cpu_access", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "-ERESTARTSYS in the wait: no end hook, next begin works"),
  ],
  needs: ["cpuSync"],
  hints: ["Does the begin hook count brackets or take a reference that only end releases?"],
  status: checked,
  situation: interrupting,
  evidence: ["alloc", "free"],
  monitor: remember(() => ({ abandoned: new Map<string, BracketRet>(), taken: new Map<string, string>() }), {
    alloc: (event, state, _verdict, { taken }) => {
      const hook = state.tasks.get(event.task)?.frames.findLast((frame) => frame.kind === "cb");
      if (hook?.kind !== "cb" || hook.hook !== "beginCpu" || event.what === "storage" || event.errno !== 0) return;
      taken.set(event.id, hook.buffer);
    },
    free: (event, _state, _verdict, { taken }) => void taken.delete(event.id),
    "ret beginCpu": (event, state, _verdict, { abandoned }) => noteAbandoned(event, state, abandoned),
    "ret ioctlSync": (event, state, _verdict, { abandoned }) => noteAbandoned(event, state, abandoned),
    warn: (event, state, verdict, { abandoned }) => {
      const hook = state.tasks.get(event.task)?.frames.findLast((frame) => frame.kind === "cb");
      if (hook?.kind !== "cb" || hook.hook !== "release" || !event.text.startsWith("kernel stops")) return;
      const begun = abandoned.get(hook.buffer);
      if (begun !== undefined)
        verdict.violated(`the release of ${hook.buffer} meets what a begin that failed has left: ${event.text}`, begun);
    },
    "cbret release": (event, _state, verdict, { abandoned, taken }) => {
      const interrupted = abandoned.get(event.buffer);
      if (interrupted === undefined) return;
      verdict.exercised();
      for (const [id, buffer] of taken)
        if (buffer === event.buffer)
          verdict.violated(
            `${id}, taken in a begin that never gets its end, is not given back with ${buffer}`,
            interrupted,
          );
    },
  }),
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
  needs: ["cpuSync"],
  hints: ["Does the second begin hook call find state that the first one left half done?"],
  status: checked,
  situation: interrupting,
  monitor: remember(() => new Map<string, BracketRet>(), {
    "cbret beginCpu": (event, state, verdict, interrupted) => {
      const call = callAround(state, event.task);
      if (call === undefined || !("by" in call) || event.injected) return;
      const earlier = interrupted.get(retryOf({ buffer: event.buffer, by: call.by }, event.direction));
      if (earlier === undefined || state.buffers.get(event.buffer)?.access !== "accessible") return;
      verdict.exercised();
      if (event.errno === 0 || event.errno === ENOMEM || isInterruption(event.errno)) return;
      verdict.violated(
        `the hook refuses a begin that is repeated after an interruption: ${errnoName(event.errno)}`,
        earlier,
      );
    },
    "ret beginCpu": repeats,
    "ret ioctlSync": repeats,
  }),
};

export const cpu07: Rule = {
  id: "CPU-07",
  level: "MUST",
  obliged: ["caller"],
  statement: "Each successful begin is followed by exactly one end with the same direction.",
  intent: "End writes back or invalidates for one direction, and a wrong or missing one leaves dirty lines behind.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_end_cpu_access")],
  hints: ["Is end called on the error paths between the two?"],
  status: checked,
  situation: bracketing,
  monitor: remember((): Retries => new Set(), {
    "call endCpu": endsOwn,
    "call ioctlSync": endsOwn,
    "ret endCpu": (event, _state, _verdict, retries) => noteRetry(event, retries),
    "ret ioctlSync": (event, _state, _verdict, retries) => noteRetry(event, retries),
    "ret release": (event, state, verdict) => {
      const imported = state.imports.get(event.import);
      if (imported === undefined) return;
      const open = state.buffers.get(imported.buffer)?.brackets.find(({ by }) => by === imported.importer);
      if (open === undefined || isImportedTwice(state, event.import)) return;
      verdict.exercised();
      verdict.violated(
        `${imported.importer} gives ${imported.buffer} back with its bracket ${open.direction} still open`,
        verdict.since("buffers", imported.buffer, "brackets"),
      );
    },
  }),
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
  status: checked,
  situation: waiting,
  monitor: on({
    blocked: (event, state, verdict) => {
      const call = openBracketCall(state, event.task);
      if (bracketOf(call)?.end !== true || event.wait.kind !== "fence") return;
      verdict.violated(`end on ${call!.buffer} waits for ${event.wait.fence}`, call);
    },
    "ret endCpu": handsOn,
    "ret ioctlSync": handsOn,
  }),
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
  status: checked,
  situation: { ...bracketing, misuse: ["endCpu"] },
  monitor: on({
    "ret endCpu": (event, state, verdict) => {
      const offered = state.buffers.get(event.buffer)?.cpuHooks ?? [];
      if (!verdict.misuse || !offered.includes("endCpu")) return;
      verdict.exercised();
      if (cpuHooksIn(state, event.task, event.call).length === 0)
        verdict.violated(`an end on ${event.buffer} does not reach its exporter`);
    },
    warn: (event, state, verdict) => {
      const frame = state.tasks.get(event.task)?.frames.at(-1);
      if (frame?.kind !== "cb" || (frame.hook !== "endCpu" && frame.hook !== "beginCpu")) return;
      verdict.violated(`the ${frame.hook} hook for ${frame.buffer} meets a warning: ${event.text}`, frame);
    },
  }),
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
  status: checked,
  situation: waiting,
  monitor: remember((): Waits => new Map(), {
    "call beginCpu": (event, state, _verdict, waits) => noteWait(event, state, waits),
    "call ioctlSync": (event, state, _verdict, waits) => noteWait(event, state, waits),
    "ret endCpu": ranHook,
    "ret beginCpu": (event, state, verdict, waits) => ranHookAndWaited(event, state, verdict, waits),
    "ret ioctlSync": (event, state, verdict, waits) => ranHookAndWaited(event, state, verdict, waits),
  }),
};

export const rules: readonly Rule[] = [cpu01, cpu02, cpu03, cpu04, cpu05, cpu06, cpu07, cpu31, cpu34, cpu36];
