import type { Errno } from "../../spec/errno.ts";
import { EDEADLK } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { AcquireContext, Reservation } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";

/** `drm_exec_until_all_locked` (`drivers/gpu/drm/drm_exec.c`) over different objects. With an errno nothing is held. */
export function* lockAll(
  env: Env,
  resvs: readonly Reservation[],
  context: AcquireContext,
): Generator<Suspension, Errno, unknown> {
  let contended: Reservation | null = null;
  for (;;) {
    const held: Reservation[] = [];
    let errno: Errno = 0;
    if (contended !== null) {
      errno = yield* env.lockSlowInterruptible(contended, context);
      if (errno !== 0) return errno;
      held.push(contended);
    }
    for (const resv of resvs) {
      if (held.includes(resv)) continue;
      errno = yield* env.lockInterruptible(resv, context);
      contended = resv;
      if (errno !== 0) break;
      held.push(resv);
    }
    if (errno === 0) return 0;
    for (const resv of held) yield* env.unlock(resv);
    if (errno !== EDEADLK) return errno;
  }
}
