import type { Errno } from "../../spec/errno.ts";
import { EDEADLK } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { AcquireContext, Reservation } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";

/** Locks several different reservation objects in one transaction (`struct drm_exec`, `drivers/gpu/drm/drm_exec.c`). */
export class Exec {
  protected readonly env: Env;
  protected readonly context: AcquireContext;
  /** In the order they were locked. */
  protected held: readonly Reservation[] = [];
  /** The object to lock first after a back-off. */
  protected contended: Reservation | null = null;

  constructor(env: Env) {
    this.env = env;
    this.context = env.acquireInit();
  }

  /** On EDEADLK everything is dropped, the contended object locked, and the rest tried again. EINTR: nothing is held. */
  *lockAll(resvs: readonly Reservation[]): Generator<Suspension, Errno, unknown> {
    let errno = yield* this.lockRest(resvs);
    while (errno === EDEADLK) {
      yield* this.backOff();
      errno = (yield* this.lockContended()) || (yield* this.lockRest(resvs));
    }
    if (errno === 0) this.env.acquireDone(this.context);
    else yield* this.unlockAll();
    return errno;
  }

  /** The last one first. */
  *unlockAll(): Generator<Suspension, void, unknown> {
    for (const resv of this.held.toReversed()) yield* this.env.unlock(resv);
    this.held = [];
  }

  /** Nothing is held any more. */
  finish(): void {
    this.env.acquireFini(this.context);
  }

  protected backOff(): Generator<Suspension, void, unknown> {
    return this.unlockAll();
  }

  protected *lockRest(resvs: readonly Reservation[]): Generator<Suspension, Errno, unknown> {
    for (const resv of resvs) {
      if (this.held.includes(resv)) continue;
      const errno = yield* this.lockNext(resv);
      if (errno !== 0) return errno;
    }
    return 0;
  }

  protected *lockNext(resv: Reservation): Generator<Suspension, Errno, unknown> {
    const errno = yield* this.env.lockInterruptible(resv, this.context);
    if (errno === 0) this.held = [...this.held, resv];
    else this.contended = resv;
    return errno;
  }

  /** Sleeps for it, whoever holds it: nothing else is held now. */
  protected *lockContended(): Generator<Suspension, Errno, unknown> {
    const resv = this.contended!;
    const errno = yield* this.env.lockSlowInterruptible(resv, this.context);
    if (errno === 0) this.held = [...this.held, resv];
    return errno;
  }
}
