import type { Attachment, FenceCallback, ImporterOps } from "../../spec/roles/handles.ts";
import type { Suspendable, Suspension } from "../../spec/roles/suspendable.ts";
import { HarnessFault } from "../fault.ts";
import { settle } from "../settle.ts";
import type { World } from "../world.ts";

/** Runs a role's method to its end, in task context, and checks that it used every blocking call it made. */
export function* runRole<T>(
  world: World,
  what: string,
  method: () => Suspendable<T>,
): Generator<Suspension, T, unknown> {
  const task = world.scheduler.current;
  const made = task.callsMade;
  const begun = task.callsBegun;
  const result = yield* settle(method(), what);
  if (task.callsMade - made !== task.callsBegun - begun)
    throw new HarnessFault(
      `${what} made an env call that may block and threw the result away; use yield* in a generator or await in an async method`,
    );
  return result;
}

/** An importer's callback. One that throws has done what stops a kernel: the history says so before the run ends. */
function* runCallback(world: World, callback: () => Suspendable<void>): Generator<Suspension, void, unknown> {
  try {
    yield* runRole(world, "the importer's invalidate", callback);
  } catch (error) {
    if (!(error instanceof HarnessFault)) world.recorder.emit({ kind: "warn", text: `kernel stops: ${String(error)}` });
    throw error;
  }
}

/** A module's own generator function, not one made for each importer: see `ExporterHooks`. */
function* invalidateHook(
  world: World,
  by: string,
  ops: ImporterOps,
  attachment: Attachment,
): Generator<Suspension, void, unknown> {
  yield* world.at("cb-invalidate");
  const name = world.names.of(attachment, "attachment", world.scheduler.current.stepId);
  const cb = world.recorder.emit({ kind: "cb", hook: "invalidate", to: by, attachment: name });
  yield* runCallback(world, () => ops.invalidate!(attachment));
  world.recorder.emit({ kind: "cbret", hook: "invalidate", to: by, cb, errno: 0, injected: false, attachment: name });
  yield* world.at("cbret-invalidate");
}

/** An importer's ops as the framework gets them. */
export function recordImporterOps(world: World, by: string, ops: ImporterOps): ImporterOps {
  const agreed = ops.model === undefined ? {} : { model: ops.model };
  if (ops.invalidate === undefined) return { allowPeer2peer: ops.allowPeer2peer, ...agreed };
  return {
    ...agreed,
    allowPeer2peer: ops.allowPeer2peer,
    invalidate: (attachment) => invalidateHook(world, by, ops, attachment),
  };
}

/** A fence callback as the framework gets it, one wrapper a registration object. */
export function recordCallback(world: World, by: string, callback: FenceCallback): FenceCallback {
  const known = world.callbacks.get(callback);
  if (known !== undefined) return known;
  const { names, recorder, scheduler } = world;
  const wrapped: FenceCallback = {
    run(fence) {
      const step = scheduler.current.stepId;
      const args = { fence: names.of(fence, "fence", step), callback: names.of(callback, "callback", step) };
      const cb = recorder.emit({ kind: "cb", hook: "callback", to: by, ...args });
      callback.run(fence);
      recorder.emit({ kind: "cbret", hook: "callback", to: by, cb, errno: 0, injected: false, ...args });
    },
  };
  world.callbacks.set(callback, wrapped);
  return wrapped;
}
