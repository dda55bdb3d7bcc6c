import type { Env } from "../spec/roles/env.ts";
import type { Fence } from "../spec/roles/handles.ts";
import type { Suspendable } from "../spec/roles/suspendable.ts";

/**
 * Does work in a context of its own once every fence has signaled, and drops the references that come with them: the
 * dependencies of a job (`drivers/gpu/drm/scheduler/sched_entity.c`) and what is left for the end of an object.
 */
export function afterFences(env: Env, name: string, fences: readonly Fence[], work: () => Suspendable<void>): void {
  // One more than the fences, so that it does not begin while they are still being watched.
  let left = fences.length + 1;
  const oneLess = () => {
    left -= 1;
    if (left > 0) return;
    env.defer(name, () => {
      for (const fence of fences) env.fencePut(fence);
      return work();
    });
  };
  for (const fence of fences) if (env.addCallback(fence, { run: oneLess }) !== 0) oneLess();
  oneLess();
}
