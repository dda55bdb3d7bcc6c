import type { CallEvent, HistoryEvent, LockRequest, WaitFor } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { noCycle } from "../order/cycles.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { isMadeBy } from "../shared/fences.ts";
import { resvOf } from "../shared/lookup.ts";
import { derived, doc, kernel, run } from "../source.ts";
import { callbackIn, lockRequest, ownCallback } from "./callback.ts";
import { manyAttachments, pageTables } from "./situations.ts";

/** The reservation object whose lock a call expects to find free; null where it expects nothing. */
function wantsFree(state: State, event: CallEvent): string | null {
  switch (event.op) {
    case "export":
      return event.resv;
    case "exportFd":
    case "put":
      return resvOf(state, event.buffer);
    case "attach":
    case "detach":
      return event.buffer === null ? null : resvOf(state, event.buffer);
    case "get":
    case "close":
      return resvOf(state, state.fds.get(event.fd)?.buffer ?? "");
    case "mapUnlocked":
    case "unmapUnlocked":
      return resvOf(state, state.attachments.get(event.attachment ?? "")?.buffer ?? "");
    default:
      return null;
  }
}

/** What an importer is free to call in its callback. */
function isOffered(event: HistoryEvent): boolean {
  if (event.kind !== "call") return false;
  return event.op === "unmap" || event.op === "unpin" || event.op === "reserveFences" || event.op === "addFence";
}

/** The call of that kind that the importer has made in its callback and that has not returned. */
function offeredCall(state: State, task: string): HistoryEvent | undefined {
  const callback = callbackIn(state, task);
  const call = callback === undefined ? undefined : state.tasks.get(task)?.frames[callback.depth + 1];
  return call !== undefined && isOffered(call) ? call : undefined;
}

/** Whether the importer was entitled to the call, as far as the state before it had begun tells. */
function isInOrder(state: State, call: CallEvent): boolean {
  switch (call.op) {
    case "unmap":
      return call.mapping !== null && !call.altered && state.mappings.get(call.mapping)?.direction === call.direction;
    case "unpin":
      return (state.attachments.get(call.attachment)?.pins ?? -1) >= 0;
    case "reserveFences":
      return call.count > 0;
    default:
      return false;
  }
}

/** Private locks: taken inside a callback, and held at a request for a reservation lock. */
interface LockOrder {
  readonly inside: Map<string, HistoryEvent>;
  readonly outside: Map<string, HistoryEvent>;
}

function lockOrder(): LockOrder {
  return { inside: new Map(), outside: new Map() };
}

/** A request for a reservation lock, by a task that may hold private ones. */
function noteRequest(event: HistoryEvent, task: string, state: State, verdict: Verdict, order: LockOrder): void {
  for (const { lock, lockClass } of state.tasks.get(task)?.held ?? []) {
    if (lockClass === "reservation") continue;
    if (!order.outside.has(lock)) order.outside.set(lock, event);
    if (!order.inside.has(lock)) continue;
    verdict.exercised();
    verdict.violated(
      `task ${task} asks for a reservation lock while it holds ${lock}, which is also taken inside a callback`,
      order.inside.get(lock),
    );
  }
}

/** A lock of another reservation object inside a callback: without waiting, or as one transaction with the first. */
function judgeSecondLock(request: LockRequest, task: string, state: State, verdict: Verdict): void {
  const callback = ownCallback(state, { task, by: request.by });
  if (callback === undefined || request.lockClass !== "reservation" || request.lock === callback.resv) return;
  verdict.exercised();
  if (request.form === "try") return;
  const context = state.reservations.get(callback.resv)?.acquire ?? null;
  const backsOff = request.form === "slow" || request.form === "slowInterruptible";
  if (backsOff || request.acquire === null || request.acquire !== context)
    verdict.violated(
      `${request.by} asks for ${request.lock} inside its callback, ${context === null ? `and ${callback.resv} is held without an acquire context` : `not with ${context}, which holds ${callback.resv}`}`,
      callback.event,
      verdict.since("reservations", callback.resv, "acquire"),
    );
}

/** The task waits in a hook that was called from the callback: whose wait that is, other rules say. */
function isInsideHook(state: State, task: string, depth: number): boolean {
  return state.tasks.get(task)?.frames.some((frame, index) => index > depth && frame.kind === "cb") === true;
}

function waited(wait: WaitFor): string {
  switch (wait.kind) {
    case "lock":
      return wait.lock;
    case "fence":
      return `its own ${wait.fence}`;
    case "unmapped":
      return `the unmaps of ${wait.buffer}`;
    case "other":
      return wait.what;
  }
}

export const move04: Rule = {
  id: "MOVE-04",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Inside the callback the importer makes neither a blocking request for this buffer's reservation lock nor any call that expects it free: export, fd creation, get, put, attach, detach, mmap, CPU access, and the unlocked map, unmap, vmap and vunmap.",
  intent: "The exporter holds that lock, so each of these calls waits for its own caller.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "locking convention"),
    doc("include/linux/dma-buf.h", "struct dma_buf_attach_ops"),
  ],
  needs: ["importerCallback"],
  hints: [
    "Can the callback drop the last reference of a wrapper, which then detaches and puts?",
    "Is a helper shared with user calls that locks by itself?",
  ],
  situation: manyAttachments,
  status: checked,
  monitor: on({
    "cb invalidate"(_event, _state, verdict) {
      verdict.exercised();
    },
    call(event, state, verdict) {
      const callback = ownCallback(state, event);
      if (callback !== undefined && wantsFree(state, event) === callback.resv)
        verdict.violated(
          `${event.by} calls ${event.op} inside the callback of ${callback.event.attachment}, where ${callback.resv} is held`,
          callback.event,
        );
    },
    lock(event, state, verdict) {
      const callback = ownCallback(state, event);
      if (callback?.resv === event.lock && event.form !== "try")
        verdict.violated(`${event.by} asks for ${event.lock} inside its callback, under this lock`, callback.event);
    },
    blocked(event, state, verdict) {
      const request = lockRequest(event);
      const callback = request === undefined ? undefined : ownCallback(state, { task: event.task, by: request.by });
      if (callback !== undefined && callback.resv === request?.lock)
        verdict.violated(
          `${request.by} waits for ${request.lock} inside its callback, under this lock`,
          callback.event,
        );
    },
  }),
};

export const move05: Rule = {
  id: "MOVE-05",
  level: "MAY",
  obliged: ["framework", "exporter"],
  statement:
    "From inside its callback an importer is free to call the locked unmap and unpin and to reserve slots and add fences, and framework and exporter accept this.",
  intent:
    "Importers that can stop their device at once drop the mapping there, and others have to publish a fence there.",
  sources: [
    kernel("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_revoke_locked", "7.2"),
    kernel("drivers/infiniband/hw/mlx5/odp.c", "mlx5_ib_dmabuf_invalidate_cb", "6.12, 7.2"),
    kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_dma_buf_move_notify", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "unmap of everything and unpin in the callback, no lockdep report"),
  ],
  needs: ["importerCallback"],
  hints: [
    "Does your unmap or unpin hook take a private lock that your invalidate path holds?",
    "Does your exporter go on with a list of mappings it collected before the callbacks?",
  ],
  situation: manyAttachments,
  status: checked,
  monitor: on({
    call(event, state, verdict) {
      if (isOffered(event) && ownCallback(state, event) !== undefined) verdict.exercised();
    },
    "ret unmap"(event, state, verdict) {
      const callback = ownCallback(state, event);
      const mapping = event.mapping === null ? undefined : state.mappings.get(event.mapping);
      if (callback === undefined || mapping === undefined || verdict.profile.cacheSgtMapping) return;
      if (state.attachments.get(mapping.attachment)?.hookMaps.some(({ table }) => table === mapping.table) === true)
        verdict.violated(
          `the unmap of ${event.mapping ?? ""} inside the callback of ${callback.event.attachment} never reached the exporter`,
          callback.event,
        );
    },
    warn(event, state, verdict) {
      const call = offeredCall(state, event.task);
      if (call?.kind !== "call" || !isInOrder(state, call)) return;
      verdict.violated(`${call.op} inside the callback of an importer is answered by a warning: ${event.text}`, call);
    },
    end(event, state, verdict) {
      for (const { task } of event.waiting) {
        const call = offeredCall(state, task);
        if (call?.kind === "call")
          verdict.violated(`${call.op}, which ${call.by} made inside its callback, never returned`, call);
      }
    },
  }),
};

export const move06: Rule = {
  id: "MOVE-06",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A lock the importer takes inside the callback is everywhere taken after the reservation lock: no path takes a reservation lock while holding it.",
  intent: "One path with the opposite order is a deadlock between an eviction and a user call.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "locking convention"),
    kernel("drivers/iommu/iommufd/pages.c", "reservation lock before the mutex of the pages", "7.2"),
  ],
  needs: ["importerCallback"],
  temporal: ["T-24"],
  hints: [
    "Which of your paths map, unmap or unpin while they hold that lock?",
    "Is the lock also held where an allocation can start reclaim and with it an eviction?",
  ],
  situation: pageTables,
  status: checked,
  across: noCycle("MOVE-06"),
  monitor: remember(lockOrder, {
    lock(event, state, verdict, order) {
      if (event.lockClass === "reservation") {
        if (event.form !== "try") noteRequest(event, event.task, state, verdict, order);
        return;
      }
      if (ownCallback(state, event) === undefined) return;
      verdict.exercised();
      if (!order.inside.has(event.lock)) order.inside.set(event.lock, event);
      if (order.outside.has(event.lock))
        verdict.violated(
          `${event.by} takes ${event.lock} inside its callback, and has asked for a reservation lock while holding it`,
          order.outside.get(event.lock),
        );
    },
    blocked(event, state, verdict, order) {
      if (lockRequest(event)?.lockClass === "reservation") noteRequest(event, event.task, state, verdict, order);
    },
  }),
};

export const move07: Rule = {
  id: "MOVE-07",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "The callback always comes to its end, never waits for anyone who needs this reservation lock, and should not block without bound.",
  intent:
    "It has no way to fail and the exporter stands behind it with the lock, so a stuck callback stops every user of the buffer.",
  sources: [
    kernel("include/linux/dma-buf.h", "struct dma_buf_attach_ops, callback without result", "6.12, 7.2"),
    derived("MOVE-01: the exporter keeps the lock for the whole call"),
  ],
  needs: ["importerCallback"],
  temporal: ["T-23"],
  hints: [
    "Do you flush a worker there that itself maps or locks the buffer?",
    "Do you wait for a job that is not submitted yet?",
  ],
  situation: manyAttachments,
  status: checked,
  monitor: on({
    "cb invalidate"(_event, _state, verdict) {
      verdict.exercised();
    },
    drain(_event, state, verdict) {
      for (const [task, row] of state.tasks) {
        const callback = callbackIn(state, task);
        if (callback !== undefined && row.waiting?.kind === "other" && row.frames.length === callback.depth + 1)
          verdict.violated(
            `the callback of ${callback.event.attachment} waits for "${row.waiting.what}", which nothing on its way brings`,
            callback.event,
          );
      }
    },
    end(event, state, verdict) {
      for (const { task, wait } of event.waiting) {
        const callback = callbackIn(state, task);
        if (callback === undefined || isInsideHook(state, task, callback.depth)) continue;
        const own = wait.kind !== "fence" || isMadeBy(state, wait.fence, callback.event.to);
        if (own)
          verdict.violated(
            `the callback of ${callback.event.attachment} never comes to its end: it waits for ${waited(wait)}`,
            callback.event,
          );
      }
    },
  }),
};

export const move34: Rule = {
  id: "MOVE-34",
  level: "MUST",
  obliged: ["importer"],
  statement: "The importer makes no mapping of the buffer inside the callback for it.",
  intent: "The storage has not moved yet, so such a mapping is of the old place and stale when the callback returns.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf_attach_ops, move_notify: new mappings after it returned", "6.12"),
    doc("include/linux/dma-buf.h", "struct dma_buf_attach_ops", "7.2"),
  ],
  needs: ["importerCallback"],
  hints: [
    "Does the callback run your usual validate step, which maps?",
    "Could the new mapping be made at the next job or fault, or by a worker after the lock is free?",
  ],
  situation: manyAttachments,
  status: checked,
  monitor: on({
    "cb invalidate"(_event, _state, verdict) {
      verdict.exercised();
    },
    call(event, state, verdict) {
      if (event.op !== "map" && event.op !== "mapUnlocked") return;
      const callback = ownCallback(state, event);
      if (callback !== undefined && state.attachments.get(event.attachment ?? "")?.buffer === callback.buffer)
        verdict.violated(
          `${event.by} maps ${callback.buffer} inside the callback of ${callback.event.attachment}, before it has moved`,
          callback.event,
        );
    },
  }),
};

export const move35: Rule = {
  id: "MOVE-35",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Inside the callback another reservation lock is taken only by trylock or with the acquire context that holds this one; on contention the importer skips it and leaves that user marked (MOVE-32).",
  intent: "A blocking second lock without the context cannot be resolved by back-off and deadlocks two evictions.",
  sources: [kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_dma_buf_move_notify", "6.12, 7.2")],
  needs: ["importerCallback"],
  hints: [
    "Where does the acquire context come from if the exporter locked without one?",
    "Is EDEADLK treated as contention and skipped, not retried in the callback?",
  ],
  situation: pageTables,
  status: checked,
  monitor: on({
    lock(event, state, verdict) {
      judgeSecondLock(event, event.task, state, verdict);
    },
    blocked(event, state, verdict) {
      const request = lockRequest(event);
      if (request !== undefined) judgeSecondLock(request, event.task, state, verdict);
    },
  }),
};

export const rules: readonly Rule[] = [move04, move05, move06, move07, move34, move35];
