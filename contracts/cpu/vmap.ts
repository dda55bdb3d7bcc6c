import { EBUSY, EINVAL, ENOMEM, errnoName } from "../../spec/errno.ts";
import type { CallEvent, RetEvent } from "../../spec/event.ts";
import { promisesRest } from "../../spec/state/promises.ts";
import { holds, type State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { rememberHolds, type Holds } from "../shared/holds.ts";
import { resvOf } from "../shared/lookup.ts";
import { doc, kernel, run } from "../source.ts";
import { cpuHooksIn } from "./frames.ts";
import { looking, vmapping } from "./situations.ts";

type VmapCall = CallEvent<"vmap" | "vmapUnlocked" | "vunmap" | "vunmapUnlocked">;
type VmapRet = RetEvent<"vmap" | "vmapUnlocked">;
type VunmapRet = RetEvent<"vunmap" | "vunmapUnlocked">;

/** CPU-12. */
function hasItsLock(event: VmapCall, state: State, verdict: Verdict): void {
  verdict.exercised();
  const resv = resvOf(state, event.buffer);
  const wanted = event.op === "vmap" || event.op === "vunmap";
  if (holds(state, event.task, resv) !== wanted)
    verdict.violated(
      `${event.by} calls ${event.op} on ${event.buffer} ${wanted ? "without" : "while it holds"} ${resv}`,
      verdict.since("reservations", resv, "owner"),
    );
}

/** CPU-13. */
function failsCleanly(event: VmapRet, state: State, verdict: Verdict, failed: Map<string, VmapRet>): void {
  const buffer = state.buffers.get(event.buffer);
  if (buffer === undefined) return;
  const hook = cpuHooksIn(state, event.task, event.call).at(-1);
  const earlier = failed.get(event.buffer);
  if (earlier !== undefined && hook === undefined && !buffer.vmapHooked && event.errno === 0)
    verdict.violated(`${event.op} of ${event.buffer} after one that failed does not reach the exporter`, earlier);
  if (event.errno === 0) {
    if (!buffer.cpuHooks.includes("vmap"))
      verdict.violated(`${event.op} of ${event.buffer} succeeds although its exporter has no vmap`);
    return void failed.delete(event.buffer);
  }
  verdict.exercised();
  failed.set(event.buffer, event);
  const right = buffer.cpuHooks.includes("vmap") ? hook?.errno : EINVAL;
  if (event.address !== null || event.iomem)
    verdict.violated(`${event.op} of ${event.buffer} fails and leaves an address in the result`, hook);
  else if (event.errno !== right)
    verdict.violated(
      `${event.op} of ${event.buffer} answers ${errnoName(event.errno)}, not ${right === undefined ? "what the exporter says" : errnoName(right)}`,
      hook,
    );
}

/** CPU-14: whether somebody else is just about to change the count. */
function isCounting(state: State, own: string, buffer: string): boolean {
  for (const [task, { frames }] of state.tasks)
    if (task !== own && frames.some((frame) => frame.kind === "call" && isVmapCall(frame) && frame.buffer === buffer))
      return true;
  return false;
}

function isVmapCall(frame: CallEvent): frame is VmapCall {
  return ["vmap", "vmapUnlocked", "vunmap", "vunmapUnlocked"].includes(frame.op);
}

/** The address that the exporter gave last, by buffer. */
type Addresses = Map<string, string | null>;

function shares(event: VmapRet, state: State, verdict: Verdict, addresses: Addresses): void {
  const buffer = state.buffers.get(event.buffer);
  if (event.errno !== 0 || buffer === undefined || !buffer.cpuHooks.includes("vmap")) return;
  const own = cpuHooksIn(state, event.task, event.call).length > 0;
  if (!own) verdict.exercised();
  const current = addresses.get(event.buffer);
  if (!own && !buffer.vmapHooked && !isCounting(state, event.task, event.buffer))
    verdict.violated(`${event.op} of ${event.buffer} succeeds while the exporter has no mapping for the kernel`);
  else if (current !== undefined && buffer.vmapHooked && event.address !== current)
    verdict.violated(`${event.op} of ${event.buffer} gives another address than the one in use`);
}

function endsLast(event: VunmapRet, state: State, verdict: Verdict): void {
  const buffer = state.buffers.get(event.buffer);
  if (buffer === undefined || event.view === null || !buffer.cpuHooks.includes("vunmap")) return;
  if (isCounting(state, event.task, event.buffer)) return;
  verdict.exercised();
  if (buffer.vmaps === 0 && buffer.vmapHooked)
    verdict.violated(`the last vunmap of ${event.buffer} does not reach the exporter`);
}

/** CPU-15. */
function isBalanced(event: CallEvent<"vunmap" | "vunmapUnlocked">, _state: State, verdict: Verdict): void {
  verdict.exercised();
  if (event.view === null)
    verdict.violated(`${event.by} gives an address of ${event.buffer} to ${event.op} that it has not, or no longer`);
}

/** CPU-16: nothing is left of a vmap that failed or has ended, so nothing keeps the memory in its place. */
function isFreeAgain(
  event: RetEvent<"move" | "evict">,
  state: State,
  verdict: Verdict,
  { tried, holds }: { readonly tried: ReadonlyMap<string, number>; readonly holds: Holds },
): void {
  const buffer = state.buffers.get(event.buffer);
  // The move may have looked before the last of it went.
  if ((tried.get(event.buffer) ?? event.call) >= event.call || holds.endedIn(event)) return;
  if (buffer === undefined || buffer.vmapHooked || buffer.access !== "accessible") return;
  for (const [task, { frames }] of state.tasks) if (task !== event.task && frames.length > 0) return;
  for (const row of state.attachments.values())
    if (row.buffer === event.buffer && (row.hookPins > 0 || row.hookMaps.length > 0)) return;
  if (promisesRest(state, event.buffer)) return;
  verdict.exercised();
  if (event.errno === EBUSY)
    verdict.violated(
      `${event.buffer} cannot be moved although nobody has pinned or mapped it any more`,
      verdict.since("buffers", event.buffer, "vmapHooked"),
    );
}

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
  status: checked,
  situation: vmapping,
  monitor: on({
    "call vmap": hasItsLock,
    "call vmapUnlocked": hasItsLock,
    "call vunmap": hasItsLock,
    "call vunmapUnlocked": hasItsLock,
  }),
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
  status: checked,
  situation: { ...vmapping, failures: [{ site: "hook:vmap", errno: ENOMEM }] },
  monitor: remember(() => new Map<string, VmapRet>(), { "ret vmap": failsCleanly, "ret vmapUnlocked": failsCleanly }),
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
  status: checked,
  situation: vmapping,
  monitor: remember((): Addresses => new Map(), {
    "cb vmap"(event, state, verdict) {
      if (state.buffers.get(event.buffer)?.vmapHooked === true)
        verdict.violated(
          `the vmap hook for ${event.buffer} runs again although the kernel has an address of it`,
          verdict.since("buffers", event.buffer, "vmapHooked"),
        );
    },
    "cbret vmap"(event, _state, _verdict, addresses) {
      if (event.errno === 0) addresses.set(event.buffer, event.address);
    },
    "cb vunmap"(event, state, verdict) {
      const buffer = state.buffers.get(event.buffer);
      if (buffer === undefined) return;
      verdict.exercised();
      if (!buffer.vmapHooked)
        verdict.violated(`the vunmap hook for ${event.buffer} runs without a mapping for the kernel`);
      else if (buffer.vmaps > 0)
        verdict.violated(
          `the vunmap hook for ${event.buffer} runs while ${buffer.vmaps} users are left`,
          verdict.since("buffers", event.buffer, "vmaps"),
        );
    },
    "ret vmap": shares,
    "ret vmapUnlocked": shares,
    "ret vunmap": (event, state, verdict) => endsLast(event, state, verdict),
    "ret vunmapUnlocked": (event, state, verdict) => endsLast(event, state, verdict),
  }),
};

export const cpu15: Rule = {
  id: "CPU-15",
  level: "MUST",
  obliged: ["caller"],
  statement:
    "Vunmap gets the address of the current vmap and is called exactly as often as vmap succeeded, also where the caller has no use for what it got.",
  intent: "The kernel stops the machine on either mistake.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_vunmap", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "other pointer, or one call too many: kernel BUG"),
  ],
  needs: ["vmap"],
  hints: ["Is vunmap also reached when vmap had failed?"],
  status: checked,
  situation: vmapping,
  monitor: on({
    "call vunmap": isBalanced,
    "call vunmapUnlocked": isBalanced,
    "cb release"(event, state, verdict) {
      for (const [name, view] of state.views)
        if (view.buffer === event.buffer && view.kind === "vmap" && view.live)
          verdict.violated(
            `${event.buffer} is released while ${view.by} has ${name}, which it never gave to vunmap`,
            verdict.since("views", name, "live"),
          );
    },
  }),
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
  status: checked,
  situation: {
    ...looking,
    weights: { ...looking.weights, move: 8, vunmapUnlocked: 4 },
    failures: [{ site: "kernel-mapping", errno: ENOMEM }],
    exporters: ["subject", "dynamic"],
  },
  monitor: rememberHolds(() => ({ tried: new Map<string, number>() }), {
    "cbret vmap"(event, _state, _verdict, { tried }) {
      tried.set(event.buffer, event.seq);
    },
    "cbret vunmap"(event, _state, _verdict, { tried }) {
      tried.set(event.buffer, event.seq);
    },
    cpu(event, state, verdict) {
      const buffer = state.buffers.get(event.buffer);
      if (state.views.get(event.view)?.kind !== "vmap" || buffer?.access !== "accessible") return;
      verdict.exercised();
      const since = verdict.since("buffers", event.buffer, "storage");
      if (event.answer !== "ok") verdict.violated(`the kernel's address of ${event.buffer} reaches nothing`, since);
      else if (event.storage !== buffer.storage)
        verdict.violated(
          `the kernel's address of ${event.buffer} shows ${event.storage ?? "nothing"}, which is not where it is`,
          since,
        );
    },
    "ret move": isFreeAgain,
    "ret evict": isFreeAgain,
  }),
};

export const rules: readonly Rule[] = [cpu12, cpu13, cpu14, cpu15, cpu16];
