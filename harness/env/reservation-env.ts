import { EBUSY, type Errno } from "../../spec/errno.ts";
import type { LockForm } from "../../spec/event.ts";
import type { AcquireContext, Fence, Reservation, Usage } from "../../spec/roles/handles.ts";
import type { ReservationEntry } from "../../spec/roles/reservations.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { settle } from "../settle.ts";
import type { World } from "../world.ts";
import { CpuEnv } from "./cpu-env.ts";
import { addFence, reserveFences } from "./recorded-calls.ts";

/** Stands for "no time limit" (MAX_SCHEDULE_TIMEOUT). */
export const unbounded: number = Number.MAX_SAFE_INTEGER;

/** Takes a reservation lock in any form and records how it was answered. */
export function* takeLock(
  world: World,
  by: string,
  form: Exclude<LockForm, "try">,
  resv: Reservation,
  context: AcquireContext | null,
): Generator<Suspension, Errno, unknown> {
  const task = world.scheduler.current;
  const { reservations } = world.framework;
  const request = {
    lock: world.names.of(resv, "reservation", task.stepId),
    lockClass: "reservation",
    form,
    acquire: context === null ? null : world.names.of(context, "acquire", task.stepId),
    by,
  };
  yield* world.at("lock");
  const outer = task.request;
  task.request = request;
  const blocks = task.blocks;
  const answer = yield* settle<Errno | void>(ask(), form);
  const errno = answer ?? 0;
  task.request = outer;
  world.recorder.emit({ kind: "lock", ...request, errno, waited: task.blocks !== blocks });
  return errno;

  function ask() {
    switch (form) {
      case "plain":
        return reservations.lock(resv, context);
      case "interruptible":
        return reservations.lockInterruptible(resv, context);
      case "slow":
        return reservations.lockSlow(resv, context!);
      case "slowInterruptible":
        return reservations.lockSlowInterruptible(resv, context!);
    }
  }
}

/** Tries a reservation lock and records the answer. */
export function tryLock(world: World, by: string, resv: Reservation): boolean {
  const lock = world.names.of(resv, "reservation", world.scheduler.current.stepId);
  const taken = world.framework.reservations.trylock(resv);
  const errno = taken ? 0 : EBUSY;
  world.recorder.emit({
    kind: "lock",
    lock,
    lockClass: "reservation",
    form: "try",
    acquire: null,
    by,
    errno,
    waited: false,
  });
  return taken;
}

/** Releases a reservation lock and records it. */
export function releaseLock(world: World, by: string, resv: Reservation): void {
  const lock = world.names.of(resv, "reservation", world.scheduler.current.stepId);
  world.recorder.emit({ kind: "unlock", lock, lockClass: "reservation", by });
  world.framework.reservations.unlock(resv);
}

/** The reservation half of `Env`. */
export class ReservationEnv extends CpuEnv {
  createReservation(): Reservation {
    return this.world.framework.reservations.createReservation();
  }

  destroyReservation(resv: Reservation): void {
    this.world.framework.reservations.destroyReservation(resv);
  }

  isLockedByMe(resv: Reservation): boolean {
    return this.world.framework.reservations.isLockedByMe(resv);
  }

  acquireInit(): AcquireContext {
    const { world, by } = this;
    const acquire = world.names.next("acquire", world.scheduler.current.stepId);
    const call = world.recorder.emit({ kind: "call", op: "acquireInit", by, acquire });
    const context = world.framework.reservations.acquireInit();
    world.names.bind(context, acquire);
    world.recorder.emit({ kind: "ret", op: "acquireInit", by, call, errno: 0, acquire });
    return context;
  }

  acquireDone(context: AcquireContext): void {
    const { world, by } = this;
    const acquire = world.names.of(context, "acquire", world.scheduler.current.stepId);
    const call = world.recorder.emit({ kind: "call", op: "acquireDone", by, acquire });
    world.framework.reservations.acquireDone(context);
    world.recorder.emit({ kind: "ret", op: "acquireDone", by, call, errno: 0, acquire });
  }

  acquireFini(context: AcquireContext): void {
    const { world, by } = this;
    const acquire = world.names.of(context, "acquire", world.scheduler.current.stepId);
    const call = world.recorder.emit({ kind: "call", op: "acquireFini", by, acquire });
    world.framework.reservations.acquireFini(context);
    world.recorder.emit({ kind: "ret", op: "acquireFini", by, call, errno: 0, acquire });
  }

  *lock(resv: Reservation, context: AcquireContext | null = null): Generator<Suspension, Errno, unknown> {
    this.begun();
    return yield* takeLock(this.world, this.by, "plain", resv, context);
  }

  *lockInterruptible(resv: Reservation, context: AcquireContext | null = null): Generator<Suspension, Errno, unknown> {
    this.begun();
    return yield* takeLock(this.world, this.by, "interruptible", resv, context);
  }

  *lockSlow(resv: Reservation, context: AcquireContext): Generator<Suspension, void, unknown> {
    this.begun();
    yield* takeLock(this.world, this.by, "slow", resv, context);
  }

  *lockSlowInterruptible(resv: Reservation, context: AcquireContext): Generator<Suspension, Errno, unknown> {
    this.begun();
    return yield* takeLock(this.world, this.by, "slowInterruptible", resv, context);
  }

  trylock(resv: Reservation): boolean {
    return tryLock(this.world, this.by, resv);
  }

  unlock(resv: Reservation): Generator<Suspension, void, unknown> {
    releaseLock(this.world, this.by, resv);
    return this.released("unlock");
  }

  reserveFences(resv: Reservation, count: number): Errno {
    return reserveFences(this.world, this.by, resv, count);
  }

  addFence(resv: Reservation, fence: Fence, usage: Usage): void {
    addFence(this.world, this.by, resv, fence, usage);
  }

  replaceFences(resv: Reservation, context: number, fence: Fence, usage: Usage): void {
    const { world, by } = this;
    const args = { resv: this.resvName(resv), context, fence: this.fenceName(fence), usage };
    const call = world.recorder.emit({ kind: "call", op: "replaceFences", by, ...args });
    world.framework.reservations.replaceFences(resv, context, fence, usage);
    world.recorder.emit({ kind: "ret", op: "replaceFences", by, call, errno: 0, ...args });
  }

  copyFences(destination: Reservation, source: Reservation): Errno {
    const { world, by } = this;
    const args = { destination: this.resvName(destination), source: this.resvName(source) };
    const call = world.recorder.emit({ kind: "call", op: "copyFences", by, ...args });
    const errno = world.framework.reservations.copyFences(destination, source);
    world.recorder.emit({ kind: "ret", op: "copyFences", by, call, errno, ...args });
    return errno;
  }

  iterateFences(resv: Reservation, usage: Usage): readonly ReservationEntry[] {
    const { world, by } = this;
    const args = { resv: this.resvName(resv), usage };
    const call = world.recorder.emit({ kind: "call", op: "iterateFences", by, ...args });
    const found = world.framework.reservations.iterateFences(resv, usage);
    const entries = found.map((entry) => ({ fence: this.fenceName(entry.fence), usage: entry.usage }));
    world.recorder.emit({ kind: "ret", op: "iterateFences", by, call, errno: 0, ...args, entries });
    return found;
  }

  *getFences(resv: Reservation, usage: Usage): Generator<Suspension, readonly Fence[] | Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { resv: this.resvName(resv), usage };
    const call = world.recorder.emit({ kind: "call", op: "getFences", by, ...args });
    const result = yield* settle(world.framework.reservations.getFences(resv, usage), "getFences");
    const errno = typeof result === "number" ? result : 0;
    const fences = typeof result === "number" ? [] : result.map((fence) => this.fenceName(fence));
    world.recorder.emit({ kind: "ret", op: "getFences", by, call, errno, ...args, fences });
    return result;
  }

  *getSingleton(resv: Reservation, usage: Usage): Generator<Suspension, Fence | null | Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { resv: this.resvName(resv), usage };
    const call = world.recorder.emit({ kind: "call", op: "getSingleton", by, ...args });
    const result = yield* settle(world.framework.reservations.getSingleton(resv, usage), "getSingleton");
    const errno = typeof result === "number" ? result : 0;
    const fence = typeof result === "number" || result === null ? null : this.fenceName(result);
    world.recorder.emit({ kind: "ret", op: "getSingleton", by, call, errno, ...args, fence });
    return result;
  }

  *waitFences(
    resv: Reservation,
    usage: Usage,
    interruptible = false,
    timeout: number = unbounded,
  ): Generator<Suspension, number, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { resv: this.resvName(resv), usage, interruptible, timeout };
    yield* world.at("wait");
    const call = world.recorder.emit({ kind: "call", op: "waitFences", by, ...args });
    const wait = world.framework.reservations.waitFences(resv, usage, interruptible, timeout);
    const result = yield* settle(wait, "waitFences");
    const errno = result < 0 ? -result : 0;
    world.recorder.emit({ kind: "ret", op: "waitFences", by, call, errno, ...args, result });
    return result;
  }

  testSignaled(resv: Reservation, usage: Usage): boolean {
    const { world, by } = this;
    const args = { resv: this.resvName(resv), usage };
    const call = world.recorder.emit({ kind: "call", op: "testSignaled", by, ...args });
    const answer = world.framework.reservations.testSignaled(resv, usage);
    world.recorder.emit({ kind: "ret", op: "testSignaled", by, call, errno: 0, ...args, answer });
    return answer;
  }

  setDeadline(resv: Reservation, usage: Usage, deadline: number): void {
    const { world, by } = this;
    const args = { resv: this.resvName(resv), usage, deadline };
    const call = world.recorder.emit({ kind: "call", op: "setDeadline", by, ...args });
    world.framework.reservations.setDeadline(resv, usage, deadline);
    world.recorder.emit({ kind: "ret", op: "setDeadline", by, call, errno: 0, ...args });
  }

  protected resvName(resv: Reservation): string {
    return this.world.names.of(resv, "reservation", this.world.scheduler.current.stepId);
  }

  protected fenceName(fence: Fence): string {
    return this.world.names.of(fence, "fence", this.world.scheduler.current.stepId);
  }
}
