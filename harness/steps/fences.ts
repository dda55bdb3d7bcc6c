import type { fenceOperations } from "../../spec/operations/fence.ts";
import type { Fence, FenceCallback, FenceOps } from "../../spec/roles/handles.ts";
import { equip, type Mutable } from "../mutable.ts";
import type { RunContext, StepHandlers } from "../run-context.ts";

function fenceOf(run: RunContext, name: string): Fence {
  return run.world.names.object<Fence>(name)!;
}

function callbackOf(run: RunContext, name: string): FenceCallback {
  let callback = run.callbacks.get(name);
  if (callback === undefined) {
    callback = { run: () => undefined };
    run.callbacks.set(name, callback);
    run.world.names.bind(callback, name);
  }
  return callback;
}

/** The owner operations a step asks for. */
function opsFor(run: RunContext, hooks: readonly string[], seqno64: boolean): FenceOps {
  const ops: Mutable<FenceOps> = {};
  const fails = hooks.includes("enableFails");
  if (fails || hooks.includes("enableSignaling")) equip(ops, "enableSignaling", () => !fails);
  if (hooks.includes("signaled")) equip(ops, "signaled", (fence) => run.finished.has(fence));
  if (hooks.includes("wait")) equip(ops, "wait", (_fence, _interruptible, timeout) => Math.max(1, timeout));
  if (hooks.includes("release")) equip(ops, "release", () => undefined);
  if (hooks.includes("setDeadline")) equip(ops, "setDeadline", () => undefined);
  if (seqno64) ops.seqno64 = true;
  return ops;
}

/** Fences, callbacks, waits, containers. */
export const fenceSteps: StepHandlers<keyof typeof fenceOperations> = {
  *fenceInit(run, step) {
    yield* run.world.at("init");
    run.world.names.want(step.id, "fence", step.fence);
    // Up to 7.0 the width of a number belongs to the ops table.
    const byOps = step.seqno64 && run.world.profile.seqno64 === "ops";
    const ops = opsFor(run, step.hooks, byOps);
    run.program.fenceInit(ops, run.timeline(step.timeline), BigInt(step.seqno), step.seqno64 && !byOps);
  },
  *fenceGet(run, step) {
    yield* run.world.at("get");
    run.program.fenceGet(fenceOf(run, step.fence));
  },
  *fenceGetLive(run, step) {
    yield* run.world.at("get");
    run.program.fenceGetLive(fenceOf(run, step.fence));
  },
  *fencePut(run, step) {
    yield* run.world.at("fence-put");
    run.program.fencePut(fenceOf(run, step.fence));
  },
  *finishWork(run, step) {
    yield* run.world.at("finish");
    run.finished.add(fenceOf(run, step.fence));
  },
  *signal(run, step) {
    yield* run.world.at("fence-signal");
    run.program.signal(fenceOf(run, step.fence));
  },
  *signalTimestamp(run, step) {
    yield* run.world.at("fence-signal");
    run.program.signalTimestamp(fenceOf(run, step.fence), step.timestamp);
  },
  *checkAndSignal(run, step) {
    yield* run.world.at("fence-signal");
    run.program.checkAndSignal(fenceOf(run, step.fence));
  },
  *setError(run, step) {
    yield* run.world.at("error");
    // Too late, if something has signaled the fence meanwhile: its owner knows that.
    const signaled = run.world.state().fences.get(step.fence)?.signaled === true;
    if (step.misuse === true || !signaled) run.program.setError(fenceOf(run, step.fence), step.error);
  },
  *getStatus(run, step) {
    yield* run.world.at("status");
    run.program.getStatus(fenceOf(run, step.fence));
  },
  *isSignaled(run, step) {
    yield* run.world.at("status");
    run.program.isSignaled(fenceOf(run, step.fence));
  },
  *timestamp(run, step) {
    yield* run.world.at("status");
    run.program.timestamp(fenceOf(run, step.fence));
  },
  *isLater(run, step) {
    yield* run.world.at("compare");
    run.program.isLater(fenceOf(run, step.first), fenceOf(run, step.second));
  },
  *addCallback(run, step) {
    yield* run.world.at("callback");
    const fence = step.fence === null ? null : fenceOf(run, step.fence);
    run.program.addCallback(fence, callbackOf(run, step.callback));
  },
  *removeCallback(run, step) {
    yield* run.world.at("callback");
    run.program.removeCallback(fenceOf(run, step.fence), callbackOf(run, step.callback));
  },
  *enableSignaling(run, step) {
    yield* run.world.at("enable");
    run.program.enableSignaling(fenceOf(run, step.fence));
  },
  *setFenceDeadline(run, step) {
    yield* run.world.at("deadline");
    run.program.setFenceDeadline(fenceOf(run, step.fence), step.deadline);
  },
  *waitFence(run, step) {
    yield* run.program.waitFence(fenceOf(run, step.fence), step.interruptible, step.timeout);
  },
  *waitAny(run, step) {
    const fences = step.fences.map((name) => fenceOf(run, name));
    yield* run.program.waitAny(fences, step.interruptible, step.timeout);
  },
  *beginSignalling(run, step) {
    yield* run.world.at("section");
    const open = run.sections.get(step.task) ?? [];
    run.sections.set(step.task, [...open, { name: step.section, cookie: run.program.beginSignalling() }]);
  },
  *endSignalling(run, step) {
    yield* run.world.at("section");
    const innermost = run.sections.get(step.task)?.at(-1);
    // Where a program lost the begin or the end of another section, ending this one would be the program's own mistake.
    if (innermost?.name !== step.section) return;
    run.sections.get(step.task)!.pop();
    run.program.endSignalling(innermost.cookie);
  },
  *createArray(run, step) {
    yield* run.world.at("array");
    run.world.names.want(step.id, "fence", step.fence);
    const members = step.members.map((name) => fenceOf(run, name));
    const context = run.timeline(step.timeline);
    run.program.createArray(members, context, BigInt(step.seqno), step.signalOnAny);
  },
  *createChain(run, step) {
    yield* run.world.at("chain");
    run.world.names.want(step.id, "fence", step.fence);
    const previous = step.previous === null ? null : fenceOf(run, step.previous);
    run.program.createChain(previous, fenceOf(run, step.contained), BigInt(step.seqno));
  },
  *findSeqno(run, step) {
    yield* run.world.at("find");
    const found = run.program.findSeqno(fenceOf(run, step.fence), BigInt(step.seqno));
    if (found !== null && typeof found !== "number") run.program.fencePut(found);
  },
  *merge(run, step) {
    yield* run.world.at("merge");
    run.world.names.want(step.id, "fence", step.fence);
    run.program.merge(step.fences.map((name) => fenceOf(run, name)));
  },
};
