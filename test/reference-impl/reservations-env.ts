import type { Errno } from "../../spec/errno.ts";
import { EINTR, ERESTARTSYS } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Fence, Reservation } from "../../spec/roles/handles.ts";
import type { Suspension, Wait, WaitReason } from "../../spec/roles/suspendable.ts";
import { ReferenceReservations } from "../../reference-impl/reservations/reservations.ts";

type Program<T> = Generator<Suspension, T, unknown>;

/** A fence with its counters in the open. The owner is asked by `isSignaled` and knows about `done` only. */
export class FakeFence implements Fence {
  readonly context: number;
  readonly seqno: bigint;
  references = 1;
  signaled = false;
  /** The owner would answer "complete" from now on, without signalling. */
  done = false;
  enabled = 0;
  container = false;
  deadline = 0;
  members: readonly Fence[] = [];
  /** Answer of the owner's own wait operation. */
  ownWait: number | null = null;

  constructor(context: number, seqno: number) {
    this.context = context;
    this.seqno = BigInt(seqno);
  }
}

/** One call of one actor, run until it ends or sleeps. */
export class Call<T> {
  result: T | undefined;
  ended = false;
  blockedBy: Wait | null = null;
  pausedAt: string | null = null;
  readonly actor: object;
  readonly program: Program<T>;

  constructor(actor: object, program: Program<T>) {
    this.actor = actor;
    this.program = program;
  }
}

/** Scheduler, fences and failures, only as far as reservation objects use them. */
export class FakeEnv {
  readonly warnings: string[] = [];
  readonly interrupted = new Set<object>();
  readonly failing = new Set<string>();
  /** Sites where a call stops until `resume`. */
  readonly stops = new Set<string>();
  /** Reasons of all sleeps, in order. */
  readonly sleeps: WaitReason[] = [];
  readonly calls: Call<unknown>[] = [];
  task: object = {};
  contexts = 1000;

  currentTask(): object {
    return this.task;
  }
  *point(site: string): Program<void> {
    yield site;
  }
  *wait(reason: WaitReason, ready: () => boolean, interruptible = false): Program<Errno> {
    return (yield { reason, ready, interruptible }) as Errno;
  }
  wakeUp(): void {}
  interruptPending(): boolean {
    return this.interrupted.has(this.task);
  }
  allocate(site: string): boolean {
    return !this.failing.has(site);
  }
  warn(text: string): void {
    this.warnings.push(text);
  }

  fenceGet(fence: FakeFence): void {
    fence.references += 1;
  }
  fenceGetLive(fence: FakeFence): boolean {
    if (fence.references === 0) return false;
    fence.references += 1;
    return true;
  }
  fencePut(fence: FakeFence): void {
    fence.references -= 1;
  }
  isSignaled(fence: FakeFence): boolean {
    fence.signaled ||= fence.done;
    return fence.signaled;
  }
  isLater(first: Fence, second: Fence): boolean {
    return first.seqno > second.seqno;
  }
  isContainer(fence: FakeFence): boolean {
    return fence.container;
  }
  setFenceDeadline(fence: FakeFence, deadline: number): void {
    fence.deadline = deadline;
  }
  fenceContextAlloc(): number {
    return (this.contexts += 1);
  }
  createArray(members: readonly Fence[], context: number): Fence | null {
    if (this.failing.has("fence-array")) return null;
    const array = new FakeFence(context, 1);
    array.members = members;
    return array;
  }
  *waitFence(fence: FakeFence, interruptible: boolean, timeout: number): Program<number> {
    if (fence.ownWait !== null) return fence.ownWait;
    if (fence.signaled) return timeout === 0 ? 1 : timeout;
    fence.enabled += 1;
    if (interruptible && this.interruptPending()) return -ERESTARTSYS;
    if (timeout === 0) return 0;
    const errno = yield* this.wait({ kind: "fence", fence }, () => fence.signaled, interruptible);
    return errno === 0 ? timeout - 1 : -ERESTARTSYS;
  }

  /** Starts a call of `actor`. */
  start<T>(actor: object, call: Program<T>): Call<T> {
    const started = new Call(actor, call);
    this.calls.push(started as Call<unknown>);
    this.advance(started as Call<unknown>, undefined);
    return started;
  }
  /** Runs a call that cannot block. */
  as<T>(actor: object, body: () => T): T {
    this.task = actor;
    const result = body();
    this.settle();
    return result;
  }
  /** Lets a call that stopped at a point go on. */
  resume(call: Call<unknown>): void {
    this.advance(call, undefined);
    this.settle();
  }
  /** Wakes every sleeper whose wait is over. */
  settle(): void {
    for (const call of this.calls) {
      const wait = call.blockedBy;
      if (wait === null) continue;
      if (wait.ready()) this.advance(call, 0);
      else if (wait.interruptible && this.interrupted.has(call.actor)) this.advance(call, EINTR);
    }
  }
  private advance(call: Call<unknown>, answer: Errno | undefined): void {
    call.blockedBy = null;
    call.pausedAt = null;
    let value = answer;
    for (;;) {
      this.task = call.actor;
      const step = call.program.next(value);
      value = undefined;
      if (step.done === true) {
        call.ended = true;
        call.result = step.value;
        return;
      }
      const suspension = step.value;
      if (typeof suspension === "string") {
        if (!this.stops.has(suspension)) continue;
        call.pausedAt = suspension;
        return;
      }
      if ("tick" in suspension) continue;
      if (suspension.ready()) value = 0;
      else if (suspension.interruptible && this.interrupted.has(call.actor)) value = EINTR;
      else {
        this.sleeps.push(suspension.reason);
        call.blockedBy = suspension;
        this.settleOthers(call);
        return;
      }
    }
  }
  /** A sleeper may have woken others on its way to sleep. */
  private settleOthers(but: Call<unknown>): void {
    for (const call of this.calls) if (call !== but && call.blockedBy?.ready() === true) this.advance(call, 0);
  }
}

/** The framework over a fake environment, with four actors. */
export function world(): {
  readonly env: FakeEnv;
  readonly resvs: ReferenceReservations;
  readonly actors: readonly [object, object, object, object];
} {
  const env = new FakeEnv();
  const resvs = new ReferenceReservations(env as unknown as Env);
  return { env, resvs, actors: [{}, {}, {}, {}] };
}

/** Fences of a locked or unlocked object as "context:number usage", in order. */
export function entries(resvs: ReferenceReservations, resv: Reservation): string[] {
  return resvs
    .iterateFences(resv as ReturnType<ReferenceReservations["createReservation"]>, "bookkeep")
    .map(({ fence, usage }) => `${fence.context}:${fence.seqno} ${usage}`);
}
