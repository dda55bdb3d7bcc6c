import type { Suspension } from "../spec/roles/suspendable.ts";
import type { Step } from "../spec/program.ts";
import type { Fence } from "../spec/roles/handles.ts";
import type { FenceState, State } from "../spec/state/state.ts";
import type { RunContext } from "./run-context.ts";
import { bufferSteps } from "./steps/buffers.ts";
import { cpuSteps } from "./steps/cpu.ts";
import { faultSteps } from "./steps/faults.ts";
import { importerSteps } from "./steps/importers.ts";
import { syncSteps } from "./steps/sync.ts";
import { unmapOwn } from "./steps/platform.ts";
import { spaceSteps } from "./steps/spaces.ts";

/** Something the drain does to let the world come to rest. */
export interface DrainAction {
  /** Done once. */
  readonly key: string;
  readonly task: string;
  activity(stepId: string): Generator<Suspension, void, unknown>;
}

// oxlint-disable-next-line require-yield -- an activity that happens not to block
function* plainly(body: () => void): Generator<Suspension, void, unknown> {
  body();
}

/**
 * What the drain does next: first what lets others go on (sections, locks, jobs, fences), then what the program's own
 * objects still hold (imports, mappings, pins, attachments, fences, descriptors, references).
 * Subjects are only told to release; what they leak then stays visible.
 */
export function* drainActions(run: RunContext): Generator<DrainAction, void, unknown> {
  yield* unblock(run);
  yield* giveBack(run);
}

function* unblock(run: RunContext): Generator<DrainAction, void, unknown> {
  const { scheduler } = run.world;
  const state = run.world.state();
  for (const [name, task] of state.tasks) {
    if ((scheduler.tasks.get(name)?.activity ?? null) !== null || task.frames.length > 0) continue;
    const cookie = task.signalling.at(-1);
    if (cookie !== undefined)
      yield {
        key: `section ${name} ${task.signalling.length}`,
        task: name,
        activity: () => plainly(() => run.program.endSignalling(cookie)),
      };
    for (const held of task.held.toReversed())
      if (held.lockClass === "reservation")
        yield {
          key: `unlock ${held.lock} ${state.reservations.get(held.lock)?.hold ?? 0}`,
          task: name,
          activity: () => plainly(() => void run.program.unlock(run.reservation(held.lock))),
        };
  }
  for (const [name, acquire] of state.acquires) {
    const idle = (scheduler.tasks.get(acquire.task)?.activity ?? null) === null;
    if (acquire.phase !== "fini" && acquire.held.length === 0 && idle)
      yield {
        key: `fini ${name}`,
        task: acquire.task,
        activity: () => plainly(() => run.program.acquireFini(run.world.names.object(name)!)),
      };
  }
  for (const job of run.world.jobs.pending())
    yield { key: `job ${job.name}`, task: "drain", activity: () => plainly(() => run.world.jobs.finish(job)) };
  const unsignaled = unsignaledOfProgram(state);
  if (unsignaled.length > 0)
    yield {
      key: `signal ${unsignaled.length}`,
      task: "drain",
      activity: () => signalAll(run, state, unsignaled),
    };
}

function* signalAll(run: RunContext, state: State, names: readonly string[]): Generator<Suspension, void, unknown> {
  for (const name of names) {
    yield* run.world.at("fence-signal");
    if (!state.fences.get(name)!.signaled) run.program.signal(run.world.names.object<Fence>(name)!);
  }
}

function* putAll(
  run: RunContext,
  owned: readonly (readonly [string, FenceState])[],
): Generator<Suspension, void, unknown> {
  for (const [name, fence] of owned)
    while (fence.programRefs > 0 && !fence.released) {
      yield* run.world.at("fence-put");
      run.program.fencePut(run.world.names.object<Fence>(name)!);
    }
}

/** Plain fences of the program, in the order of their timelines. */
function unsignaledOfProgram(state: State): readonly string[] {
  const found: [string, FenceState][] = [];
  for (const [name, fence] of state.fences)
    if (!fence.signaled && fence.by === "program" && fence.kind === "plain" && !fence.released)
      found.push([name, fence]);
  return found.toSorted(([, first], [, second]) => first.seqno - second.seqno).map(([name]) => name);
}

function* giveBack(run: RunContext): Generator<DrainAction, void, unknown> {
  const state = run.world.state();
  yield* giveBackAdded(run, state);
  for (const [name, imported] of state.imports)
    if (imported.phase === "live")
      yield {
        key: `release ${name}`,
        task: "drain",
        activity: (id) => importerSteps.release(run, { id, task: "drain", op: "release", import: name }),
      };
  for (const [name, mirror] of state.mirrors)
    if (mirror.phase === "live")
      yield {
        key: `unmirror ${name}`,
        task: "drain",
        activity: (id) => spaceSteps.unmirror(run, { id, task: "drain", op: "unmirror", mirror: name }),
      };
  for (const [name, slot] of state.slots)
    if (slot.phase === "live")
      yield {
        key: `unbind ${name}`,
        task: "drain",
        activity: (id) => faultSteps.unbindSlot(run, { id, task: "drain", op: "unbindSlot", slot: name }),
      };
  for (const attachment of state.physicalLists.keys())
    if (state.attachments.get(attachment)?.import === null)
      yield { key: `unmap list ${attachment}`, task: "drain", activity: () => unmapList(run, attachment) };
  for (const [name, space] of state.spaces)
    if (!space.exited)
      yield {
        key: `exit ${name}`,
        task: "drain",
        activity: (id) => spaceSteps.exitSpace(run, { id, task: "drain", op: "exitSpace", space: name }),
      };
  for (const [name, mapping] of state.mappings)
    if (mapping.live && state.attachments.get(mapping.attachment)?.import === null)
      yield {
        key: `unmap ${name}`,
        task: "drain",
        activity: (id) =>
          importerSteps.unmapUnlocked(run, {
            id,
            task: "drain",
            op: "unmapUnlocked",
            mapping: name,
            direction: mapping.direction,
          }),
      };
  for (const [buffer, { brackets }] of state.buffers)
    for (const { by, direction, since } of brackets)
      if (by === "program")
        yield {
          key: `endCpu ${buffer} ${since}`,
          task: "drain",
          activity: (id) => cpuSteps.endCpu(run, { id, task: "drain", op: "endCpu", buffer, direction }),
        };
  for (const [name, view] of state.views)
    if (view.live && view.by === "program")
      yield {
        key: `view ${name}`,
        task: "drain",
        activity: (id) =>
          view.kind === "mmap"
            ? cpuSteps.munmap(run, { id, task: "drain", op: "munmap", view: name })
            : cpuSteps.vunmapUnlocked(run, { id, task: "drain", op: "vunmapUnlocked", view: name }),
      };
  for (const [name, { open, by }] of state.syncFiles)
    if (open && by === "program")
      yield {
        key: `syncFile ${name}`,
        task: "drain",
        activity: (id) => syncSteps.closeSyncFile(run, { id, task: "drain", op: "closeSyncFile", syncFile: name }),
      };
  for (const [name, attachment] of state.attachments) {
    if (attachment.import !== null || attachment.phase !== "attached") continue;
    if (attachment.pins > 0)
      yield { key: `unpin ${name} ${attachment.pins}`, task: "drain", activity: () => unpin(run, name) };
    yield {
      key: `detach ${name}`,
      task: "drain",
      activity: (id) =>
        importerSteps.detach(run, { id, task: "drain", op: "detach", attachment: name, buffer: attachment.buffer }),
    };
  }
  for (const name of run.ownMappings.keys())
    yield { key: `dma ${name}`, task: "drain", activity: () => plainly(() => unmapOwn(run, name)) };
  const owned: [string, FenceState][] = [];
  for (const [name, fence] of state.fences) if (fence.programRefs > 0 && !fence.released) owned.push([name, fence]);
  if (owned.length > 0)
    yield {
      key: `fencePut ${owned.length}`,
      task: "drain",
      activity: () => putAll(run, owned),
    };
  for (const [name, fd] of state.fds)
    if (fd.open)
      yield {
        key: `close ${name}`,
        task: "drain",
        activity: (id) => bufferSteps.close(run, { id, task: "drain", op: "close", fd: name }),
      };
  for (const [buffer, { programRefs }] of state.buffers)
    if (programRefs > 0)
      yield {
        key: `put ${buffer} ${programRefs}`,
        task: "drain",
        activity: (id) => bufferSteps.put(run, { id, task: "drain", op: "put", buffer }),
      };
}

/** What a contract beside the core makes rests on what the core's operations make. */
function* giveBackAdded(run: RunContext, state: State): Generator<DrainAction, void, unknown> {
  const { added } = run.system;
  for (const { op, args } of added?.giveBack(state) ?? []) {
    const step = (id: string) => ({ id, task: "drain", op, ...args }) as unknown as Step;
    yield { key: `${op} ${JSON.stringify(args)}`, task: "drain", activity: (id) => added!.steps[op]!(run, step(id)) };
  }
}

function* unpin(run: RunContext, name: string): Generator<Suspension, void, unknown> {
  const attachment = run.attachment(name);
  const env = run.env(run.importerOfAttachment(name));
  yield* env.lock(attachment.buffer.resv);
  yield* env.unpin(attachment);
  yield* env.unlock(attachment.buffer.resv);
}

function* unmapList(run: RunContext, name: string): Generator<Suspension, void, unknown> {
  const attachment = run.attachment(name);
  const env = run.env(run.importerOfAttachment(name));
  yield* env.lock(attachment.buffer.resv);
  if (run.world.state().physicalLists.has(name)) yield* env.unmapPhysical(attachment);
  yield* env.unlock(attachment.buffer.resv);
}
