import type { reservationOperations } from "../../spec/operations/reservation.ts";
import type { AcquireContext, Fence } from "../../spec/roles/handles.ts";
import type { RunContext, StepHandlers } from "../run-context.ts";

function contextOf(run: RunContext, name: string | null): AcquireContext | null {
  return name === null ? null : (run.world.names.object<AcquireContext>(name) ?? null);
}

function fenceOf(run: RunContext, name: string): Fence {
  return run.world.names.object<Fence>(name)!;
}

/** Reservation objects and acquire contexts. */
export const reservationSteps: StepHandlers<keyof typeof reservationOperations> = {
  *acquireInit(run, step) {
    yield* run.world.at("context");
    run.world.names.want(step.id, "acquire", step.acquire);
    run.program.acquireInit();
  },
  *acquireDone(run, step) {
    yield* run.world.at("context");
    run.program.acquireDone(contextOf(run, step.acquire)!);
  },
  *acquireFini(run, step) {
    yield* run.world.at("context");
    run.program.acquireFini(contextOf(run, step.acquire)!);
  },
  *lock(run, step) {
    yield* run.program.lock(run.reservation(step.resv), contextOf(run, step.acquire));
  },
  *lockInterruptible(run, step) {
    yield* run.program.lockInterruptible(run.reservation(step.resv), contextOf(run, step.acquire));
  },
  *lockSlow(run, step) {
    yield* run.program.lockSlow(run.reservation(step.resv), contextOf(run, step.acquire)!);
  },
  *lockSlowInterruptible(run, step) {
    yield* run.program.lockSlowInterruptible(run.reservation(step.resv), contextOf(run, step.acquire)!);
  },
  *trylock(run, step) {
    yield* run.world.at("trylock");
    run.program.trylock(run.reservation(step.resv));
  },
  *unlock(run, step) {
    yield* run.program.unlock(run.reservation(step.resv));
  },
  *reserveFences(run, step) {
    yield* run.world.at("reserve");
    run.program.reserveFences(run.reservation(step.resv), step.count);
  },
  *addFence(run, step) {
    yield* run.world.at("add");
    run.program.addFence(run.reservation(step.resv), fenceOf(run, step.fence), step.usage);
  },
  *replaceFences(run, step) {
    yield* run.world.at("replace");
    const { context } = fenceOf(run, step.old);
    run.program.replaceFences(run.reservation(step.resv), context, fenceOf(run, step.fence), step.usage);
  },
  *copyFences(run, step) {
    yield* run.world.at("copy");
    run.program.copyFences(run.reservation(step.destination), run.reservation(step.source));
  },
  *iterateFences(run, step) {
    yield* run.world.at("iterate");
    run.program.iterateFences(run.reservation(step.resv), step.usage);
  },
  *getFences(run, step) {
    const fences = yield* run.program.getFences(run.reservation(step.resv), step.usage);
    if (typeof fences !== "number") for (const fence of fences) run.program.fencePut(fence);
  },
  *getSingleton(run, step) {
    run.world.names.want(step.id, "fence", step.fence);
    const fence = yield* run.program.getSingleton(run.reservation(step.resv), step.usage);
    if (fence === null || typeof fence === "number") return;
    // Enabled, it outlives the program's reference until its members have signaled.
    if (run.program.isContainer(fence)) run.program.enableSignaling(fence);
    run.program.fencePut(fence);
  },
  *waitFences(run, step) {
    const { usage, interruptible, timeout } = step;
    yield* run.program.waitFences(run.reservation(step.resv), usage, interruptible, timeout);
  },
  *testSignaled(run, step) {
    yield* run.world.at("test");
    run.program.testSignaled(run.reservation(step.resv), step.usage);
  },
  *setDeadline(run, step) {
    yield* run.world.at("deadline");
    run.program.setDeadline(run.reservation(step.resv), step.usage, step.deadline);
  },
};
