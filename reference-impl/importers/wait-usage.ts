import type { Errno } from "../../spec/errno.ts";
import { EINTR, ERESTARTSYS } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Reservation, Usage } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";

/** Waits for what a job has to obey, until interrupted (EINTR). A fence that ended with an error is over too. */
export function* waitUsage(env: Env, resv: Reservation, usage: Usage): Generator<Suspension, Errno, unknown> {
  const left = yield* env.waitFences(resv, usage, true);
  if (left >= 0) return 0;
  return left === -ERESTARTSYS ? EINTR : -left;
}
