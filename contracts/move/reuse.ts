import { resvOf } from "../shared/lookup.ts";
import type { CallEvent, HistoryEvent, RetEvent } from "../../spec/event.ts";
import { frameOf, holds, type MappingState, type State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { noCycle } from "../order/cycles.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { isMadeBy, isOver, pendingFences } from "../shared/fences.ts";
import { certainlyPending } from "../shared/possible-lists.ts";
import { doc, kernel, thread } from "../source.ts";
import { relocated } from "./callback.ts";
import { lateUnmaps, movesWithFences, revokesOfMapped } from "./situations.ts";

type Notice = RetEvent<"invalidate">;

interface Leaving {
  /** Fences that were pending at the return of the last invalidate of a buffer. */
  readonly pending: Map<string, { readonly event: HistoryEvent; readonly fences: readonly string[] }>;
  /** Storage that a buffer has moved away from. */
  readonly places: Map<
    string,
    { readonly event: HistoryEvent; readonly fences: readonly string[]; readonly buffer: string }
  >;
}

function leaving(): Leaving {
  return { pending: new Map(), places: new Map() };
}

/** An old place is given away. */
function judgeReuse(storage: string, state: State, verdict: Verdict, { places }: Leaving): void {
  const place = places.get(storage);
  if (place === undefined) return;
  places.delete(storage);
  verdict.exercised();
  const late = place.fences.find((fence) => !isOver(state, fence));
  if (late !== undefined)
    verdict.violated(
      `${storage}, the old place of ${place.buffer}, is given away while ${late} is pending, which was there when the invalidate returned`,
      place.event,
    );
}

function isInDevice(state: State, mapping: MappingState): boolean {
  return mapping.segments.some(({ storage }) => state.resources.get(storage ?? "")?.placement === "device");
}

/** A mapping of a place that its buffer has left by a move. */
function isLeft(state: State, name: string | null): boolean {
  const mapping = name === null ? undefined : state.mappings.get(name);
  const buffer = mapping === undefined ? undefined : state.buffers.get(mapping.buffer);
  return buffer !== undefined && mapping?.stale === true && mapping.epoch < buffer.epoch;
}

/** The wait for fences that a task is in with the lock of the same object held. */
function lockedWait(state: State, task: string): CallEvent<"waitFences"> | undefined {
  const frame = state.tasks.get(task)?.frames.at(-1);
  if (frame?.kind !== "call" || frame.op !== "waitFences") return undefined;
  return holds(state, task, frame.resv) ? frame : undefined;
}

interface Trust {
  /** By buffer: the last invalidate that left fences pending, and whether the exporter has looked at them since. */
  readonly waits: Map<string, { readonly event: Notice; readonly fences: readonly string[]; looked: boolean }>;
  /** The same by the place that was left. */
  readonly places: Map<string, { readonly event: Notice; readonly fences: readonly string[]; looked: boolean }>;
}

function trust(): Trust {
  return { waits: new Map(), places: new Map() };
}

/** Whether a call asks for fences of the object, or for one of these fences. */
function looksAt(event: CallEvent, resv: string, fences: readonly string[]): boolean {
  switch (event.op) {
    case "waitFences":
    case "testSignaled":
    case "getFences":
    case "getSingleton":
    case "iterateFences":
      return event.resv === resv;
    case "copyFences":
      return event.source === resv;
    case "waitFence":
    case "isSignaled":
    case "getStatus":
      return fences.includes(event.fence);
    case "addCallback":
      return event.fence !== null && fences.includes(event.fence);
    case "waitAny":
      return event.fences.some((fence) => fences.includes(fence));
    default:
      return false;
  }
}

export const move13: Rule = {
  id: "MOVE-13",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "The old place is freed or given other data only after all fences of any usage up to BOOKKEEP that were present when the invalidate returned have signaled, or by work that is ordered behind them.",
  intent: "Importers' unmanaged and page-table work is tracked as BOOKKEEP only, and it still touches the old place.",
  sources: [
    kernel("drivers/gpu/drm/ttm/ttm_bo.c", "ttm_bo_delayed_delete", "6.12, 7.2"),
    kernel("drivers/gpu/drm/ttm/ttm_bo_util.c", "ttm_bo_pipeline_gutting", "6.12, 7.2"),
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings, first wait", "7.2"),
    thread("Thomas Hellström, January 2026", "which fences an exporter has to wait for"),
  ],
  needs: ["move"],
  temporal: ["T-03"],
  hints: [
    "With which usage do you collect the fences: does READ leave BOOKKEEP out?",
    "Does the copy job of a pipelined move depend on them, and does its fence guard the old place?",
    "Do you collect before or after the callbacks, which may add fences?",
  ],
  situation: movesWithFences,
  status: checked,
  monitor: remember(leaving, {
    "ret invalidate"(event, state, _verdict, { pending }) {
      pending.set(event.buffer, {
        event,
        fences: certainlyPending(state, resvOf(state, event.buffer), "bookkeep"),
      });
    },
    epoch(event, state, verdict, memory) {
      const reused = event.storage === null ? undefined : memory.places.get(event.storage);
      if (reused !== undefined && reused.buffer !== event.buffer) judgeReuse(event.storage!, state, verdict, memory);
      const buffer = relocated(state, event);
      if (buffer === undefined) return;
      const left = memory.pending.get(event.buffer) ?? {
        event,
        fences: certainlyPending(state, buffer.resv, "bookkeep"),
      };
      memory.places.set(buffer.storage!, { ...left, buffer: event.buffer });
    },
    free(event, state, verdict, memory) {
      if (event.what === "storage") judgeReuse(event.id, state, verdict, memory);
    },
  }),
};

export const move14: Rule = {
  id: "MOVE-14",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Where a mere read of the old place does harm (side effects, another security domain, a device without power), it is reused only after all old mappings are unmapped too.",
  intent: "Speculative reads go on until unmap and may hit a register, a secret or a dead bus.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings, both waits for a full stop", "7.2")],
  from: "K7.1",
  temporal: ["T-04"],
  needsAny: ["move", "revoke"],
  hints: [
    "Do you count live mappings of the old place, and who wakes the waiter at the last unmap?",
    "Does the reset, power or release path start after the first wait already?",
  ],
  situation: revokesOfMapped,
  evidence: ["alloc"],
  status: checked,
  monitor: on({
    device(event, state, verdict) {
      if (event.change !== "memoryOff") return;
      for (const [name, mapping] of state.mappings) {
        const buffer = state.buffers.get(mapping.buffer);
        if (buffer?.exporter !== event.exporter || !mapping.stale || !isInDevice(state, mapping)) continue;
        verdict.exercised();
        if (mapping.live)
          verdict.violated(
            `the memory of ${event.exporter ?? ""} goes off while ${name}, an old mapping of it, has not been unmapped`,
            verdict.since("mappings", name, "stale"),
          );
      }
    },
  }),
};

export const move15: Rule = {
  id: "MOVE-15",
  level: "MAY",
  obliged: ["exporter"],
  statement:
    "For ordinary memory that is merely relocated, the exporter is free to wait for fences only and not for unmaps.",
  intent:
    "A late speculative read of plain memory does no harm, and waiting for importers to unmap would slow each eviction.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings, first wait is often enough", "7.2")],
  needs: ["move"],
  hints: [
    "Is the freed memory really ordinary: can it go to a protected or confidential owner?",
    "Does the address stay mapped to something harmless until the unmap?",
  ],
  situation: lateUnmaps,
  status: checked,
  monitor: on({
    "call unmap"(event, state, verdict) {
      if (isLeft(state, event.mapping)) verdict.exercised();
    },
    "call unmapUnlocked"(event, state, verdict) {
      if (isLeft(state, event.mapping)) verdict.exercised();
    },
    warn(event, state, verdict) {
      const task = state.tasks.get(event.task);
      const call = frameOf(task, "unmap") ?? frameOf(task, "unmapUnlocked");
      if (call === undefined || call.altered || !isLeft(state, call.mapping)) return;
      if (state.mappings.get(call.mapping!)?.direction !== call.direction) return;
      verdict.violated(
        `the unmap of ${call.mapping ?? ""} after its buffer has moved meets a warning: ${event.text}`,
        call,
      );
    },
  }),
};

export const move27: Rule = {
  id: "MOVE-27",
  level: "MUST",
  obliged: ["exporter"],
  statement: "The exporter releases the reservation lock before it waits for an importer's unmap.",
  intent: "Unmap needs that lock, so both sides would wait for each other for ever.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "7.1+")],
  temporal: ["T-23"],
  needsAny: ["move", "revoke"],
  // Before that nobody waits for unmaps.
  from: "K7.1",
  hints: [
    "Which locks are held at the wait, and does any unmap path of an importer need one of them?",
    "Is the wait inside a loop that keeps the locks of other buffers?",
  ],
  situation: revokesOfMapped,
  status: checked,
  monitor: on({
    blocked(event, state, verdict) {
      if (event.wait.kind !== "unmapped") return;
      verdict.exercised();
      const resv = resvOf(state, event.wait.buffer);
      if (holds(state, event.task, resv))
        verdict.violated(
          `task ${event.task} waits for the unmaps of ${event.wait.buffer} while it holds ${resv}`,
          verdict.since("reservations", resv, "owner"),
        );
    },
  }),
};

export const move28: Rule = {
  id: "MOVE-28",
  level: "MAY",
  obliged: ["exporter"],
  statement: "The exporter is free to wait for fences of the buffer while it holds the buffer's reservation lock.",
  intent: "Fences signal without any reservation lock, and holding it keeps new maps out during the wait.",
  sources: [
    doc("drivers/dma-buf/dma-fence.c", "fence cross-driver contract"),
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "7.1+"),
    kernel("drivers/gpu/drm/ttm/ttm_bo.c", "ttm_bo_wait_ctx", "6.12, 7.2"),
  ],
  hints: [
    "If the wait never ends, which fence is it and does its signal path take a reservation lock?",
    "Is it a wait for fences only, or does an unmap hide behind it?",
  ],
  status: checked,
  across: noCycle("MOVE-28"),
  monitor: on({
    "call waitFences"(event, state, verdict) {
      if (holds(state, event.task, event.resv) && pendingFences(state, event.resv).length > 0) verdict.exercised();
    },
    warn(event, state, verdict) {
      const call = lockedWait(state, event.task);
      if (call !== undefined)
        verdict.violated(`${call.by} waits for fences under ${call.resv} and meets a warning: ${event.text}`, call);
    },
    end(event, state, verdict) {
      for (const { task, wait } of event.waiting) {
        const call = lockedWait(state, task);
        if (call === undefined || wait.kind !== "fence") continue;
        const needs = event.waiting.find(
          (other) => other.wait.kind === "lock" && other.wait.lock === call.resv && signals(other.wait.by, wait.fence),
        );
        if (needs !== undefined)
          verdict.violated(
            `${call.by} waits for ${wait.fence} under ${call.resv}, and whoever signals it wants this lock in task ${needs.task}`,
            call,
          );
      }
      function signals(by: string, fence: string): boolean {
        return isMadeBy(state, fence, by);
      }
    },
  }),
};

export const move29: Rule = {
  id: "MOVE-29",
  level: "MUST",
  obliged: ["exporter"],
  statement: "The exporter does its own fence wait and never takes the return of the callbacks as the end of access.",
  intent: "Many importers only mark the mapping stale and return with jobs still running on the old place.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings: access goes on after return", "7.2"),
    kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_dma_buf_move_notify (returns at once)", "6.12, 7.2"),
  ],
  needsAny: ["move", "revoke"],
  hints: [
    "What stands between the invalidate and the first change of the old place?",
    "Was the exporter tested only with importers that wait inside the callback?",
  ],
  situation: movesWithFences,
  status: checked,
  monitor: remember(trust, {
    "ret invalidate"(event, state, _verdict, { waits }) {
      const fences = certainlyPending(state, resvOf(state, event.buffer), "bookkeep");
      if (fences.length === 0) waits.delete(event.buffer);
      else waits.set(event.buffer, { event, fences, looked: false });
    },
    call(event, state, _verdict, { waits }) {
      for (const [name, wait] of waits)
        if (event.by === state.buffers.get(name)?.exporter && looksAt(event, resvOf(state, name), wait.fences))
          wait.looked = true;
    },
    epoch(event, state, _verdict, { waits, places }) {
      const buffer = relocated(state, event);
      const wait = waits.get(event.buffer);
      if (buffer !== undefined && wait !== undefined) places.set(buffer.storage!, wait);
    },
    free(event, _state, verdict, { places }) {
      const wait = event.what === "storage" ? places.get(event.id) : undefined;
      if (wait === undefined) return;
      verdict.exercised();
      if (!wait.looked)
        verdict.violated(
          `${event.by} frees ${event.id}, the old place of ${wait.event.buffer}, and has asked for none of the fences ${wait.fences.join(", ")} that were pending when the callbacks had returned`,
          wait.event,
        );
    },
    "ret revoke"(event, _state, verdict, { waits }) {
      const wait = waits.get(event.buffer);
      if (!verdict.profile.synchronousRevoke || event.errno !== 0 || wait === undefined) return;
      if (wait.event.seq < event.call || wait.event.task !== event.task) return;
      verdict.exercised();
      if (!wait.looked)
        verdict.violated(
          `the revoke of ${event.buffer} is over and nobody has asked for the fences ${wait.fences.join(", ")} that were pending when the callbacks had returned`,
          wait.event,
        );
    },
  }),
};

export const rules: readonly Rule[] = [move13, move14, move15, move27, move28, move29];
