import type { Errno } from "../../spec/errno.ts";
import { EDEADLK } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { AcquireContext, Reservation } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";

/**
 * Locks several different reservation objects (`drivers/gpu/drm/drm_exec.c`). On EDEADLK everything is dropped, the
 * contended object locked in the slow form, and the rest tried again. EINTR: interrupted, nothing is held.
 */
export function* lockAll(
  env: Env,
  resvs: readonly Reservation[],
  context: AcquireContext,
): Generator<Suspension, Errno, unknown> {
  let contended: Reservation | null = null;
  for (;;) {
    if (contended !== null) {
      const errno: Errno = yield* env.lockSlowInterruptible(contended, context);
      if (errno !== 0) return errno;
    }
    const held: Reservation[] = contended === null ? [] : [contended];
    const failed: Failed | null = yield* lockRest(env, resvs, held, context);
    if (failed === null) return 0;
    yield* unlockAll(env, held);
    if (failed.errno !== EDEADLK) return failed.errno;
    contended = failed.resv;
  }
}

/** Unlocks, the last one first. */
export function* unlockAll(env: Env, resvs: readonly Reservation[]): Generator<Suspension, void, unknown> {
  for (const resv of resvs.toReversed()) yield* env.unlock(resv);
}

interface Failed {
  readonly resv: Reservation;
  readonly errno: Errno;
}

/** Adds what it locks to `held`. */
function* lockRest(
  env: Env,
  resvs: readonly Reservation[],
  held: Reservation[],
  context: AcquireContext,
): Generator<Suspension, Failed | null, unknown> {
  for (const resv of resvs) {
    if (held.includes(resv)) continue;
    const errno = yield* env.lockInterruptible(resv, context);
    if (errno !== 0) return { resv, errno };
    held.push(resv);
  }
  return null;
}
