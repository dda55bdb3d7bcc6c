import { ReferenceFences } from "../../reference-impl/fences/fences.ts";
import type { ReferenceFence } from "../../reference-impl/fences/fence.ts";
import { EINTR } from "../../spec/errno.ts";
import { type Profile, profiles, type Series } from "../../spec/profile.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { FenceCallback, FenceOps } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";

/** The members of `Env` that the fence framework uses, with the deferred work run by hand. */
export class FakeEnv {
  readonly profile: Profile;
  readonly fences: ReferenceFences;
  readonly warnings: string[] = [];
  readonly signaled: object[] = [];
  readonly released: object[] = [];
  /** Tasks in the order in which they were woken. */
  readonly woken: object[] = [];
  readonly refuse = new Set<string>();
  time = 100;
  interrupt = false;
  task: object = {};
  atomicDepth = 0;
  private readonly work: (() => unknown)[] = [];

  constructor(series: Series) {
    this.profile = profiles[series];
    this.fences = new ReferenceFences(this as unknown as Env);
  }

  now(): number {
    return ++this.time;
  }
  currentTask(): object {
    return this.task;
  }
  interruptPending(): boolean {
    return this.interrupt;
  }
  wakeUp(task: object): void {
    this.woken.push(task);
  }
  allocate(site: string): boolean {
    return !this.refuse.has(site);
  }
  warn(text: string): void {
    this.warnings.push(text);
  }
  atomic<T>(body: () => T): T {
    this.atomicDepth++;
    try {
      return body();
    } finally {
      this.atomicDepth--;
    }
  }
  traceSignaled(fence: object): void {
    this.signaled.push(fence);
  }
  traceReleased(fence: object): void {
    this.released.push(fence);
  }
  defer(_name: string, work: () => unknown): void {
    this.work.push(work);
  }
  *wait(reason: unknown, ready: () => boolean, interruptible = false): Generator<Suspension, number, unknown> {
    while (!ready()) {
      if (interruptible && this.interrupt) return EINTR;
      yield { reason, ready, interruptible } as Suspension;
    }
    return 0;
  }

  /** Runs deferred work, also what it defers, and answers how many pieces there were. */
  runDeferred(): number {
    let count = 0;
    for (let work = this.work.shift(); work !== undefined; work = this.work.shift(), count++) work();
    return count;
  }

  /** Fence 1 of a fresh context unless told otherwise. */
  fence(ops: FenceOps = {}, seqno = 1n, context = this.fences.fenceContextAlloc(1)): ReferenceFence {
    return this.fences.fenceInit(ops, context, seqno, ops.seqno64 === true);
  }
}

/** A callback that counts its runs. */
export class Counted implements FenceCallback {
  runs = 0;
  readonly run = (): void => {
    this.runs++;
  };
}

/** Steps a generator until it is over or `limit` suspensions have passed. */
export function drive<T>(task: Generator<Suspension, T, unknown>, limit = 1): T | "blocked" {
  for (let step = 0; step <= limit; step++) {
    const result = task.next();
    if (result.done) return result.value;
  }
  return "blocked";
}
