import type { Errno } from "../../spec/errno.ts";
import type {
  Attachment,
  Direction,
  DmaBuf,
  ExporterOps,
  Fence,
  FenceCallback,
  FenceOps,
  ImporterOps,
  SgTable,
} from "../../spec/roles/handles.ts";
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

function errnoOf(what: string, result: unknown): Errno {
  if (result === undefined || result === null) return 0;
  if (typeof result === "number" && Number.isInteger(result) && result >= 0 && result < 4096) return result;
  throw new HarnessFault(`${what} answered ${describe(result)}; expected nothing, 0, or a positive error number`);
}

function describe(value: unknown): string {
  if (typeof value === "number" && value < 0)
    return `${value} (error numbers are positive here: return EBUSY, not -EBUSY)`;
  return (typeof value === "string" ? value : (JSON.stringify(value) ?? typeof value)).slice(0, 80);
}

function checkTable(what: string, result: unknown): SgTable | Errno | null {
  if (result === null || typeof result === "number") return result === null ? null : errnoOf(what, result);
  const segments = (result as { segments?: unknown } | undefined)?.segments;
  if (Array.isArray(segments) && segments.every(isSegment)) return result as SgTable;
  throw new HarnessFault(
    `${what} answered ${describe(result)}; expected { segments: [{ address, length }, ...] } or a positive error number`,
  );
}

function isSegment(value: unknown): boolean {
  const segment = value as { address?: unknown; length?: unknown } | null;
  return typeof segment?.address === "number" && typeof segment.length === "number";
}

/**
 * An exporter's ops as the framework gets them: each call recorded, failures injected at `hook:<name>`,
 * and at `hook:map-nothing` a map that answers neither a table nor an error.
 */
export function recordExporterOps(world: World, by: string, ops: ExporterOps): ExporterOps {
  const { names, recorder, scheduler } = world;
  const attachmentName = (attachment: Attachment) => names.of(attachment, "attachment", scheduler.current.stepId);

  function* attachHook(buffer: DmaBuf, attachment: Attachment): Generator<Suspension, Errno, unknown> {
    yield* world.at("cb-attach");
    const args = { buffer: names.of(buffer, "buffer", null), attachment: attachmentName(attachment) };
    const cb = recorder.emit({ kind: "cb", hook: "attach", to: by, ...args, peer2peer: attachment.peer2peer });
    const injected = world.failure("hook:attach");
    const errno =
      injected !== 0
        ? injected
        : errnoOf("attach", yield* runRole(world, "the exporter's attach", () => ops.attach!(buffer, attachment)));
    const { peer2peer } = attachment;
    recorder.emit({ kind: "cbret", hook: "attach", to: by, cb, errno, injected: injected !== 0, ...args, peer2peer });
    return errno;
  }

  function* detachHook(buffer: DmaBuf, attachment: Attachment): Generator<Suspension, void, unknown> {
    yield* world.at("cb-detach");
    const args = { buffer: names.of(buffer, "buffer", null), attachment: attachmentName(attachment) };
    const cb = recorder.emit({ kind: "cb", hook: "detach", to: by, ...args });
    yield* runRole(world, "the exporter's detach", () => ops.detach!(buffer, attachment));
    recorder.emit({ kind: "cbret", hook: "detach", to: by, cb, errno: 0, injected: false, ...args });
  }

  function* pinHook(attachment: Attachment): Generator<Suspension, Errno, unknown> {
    yield* world.at("cb-pin");
    const args = { attachment: attachmentName(attachment) };
    const cb = recorder.emit({ kind: "cb", hook: "pin", to: by, ...args });
    const injected = world.failure("hook:pin");
    const errno =
      injected !== 0
        ? injected
        : errnoOf("pin", yield* runRole(world, "the exporter's pin", () => ops.pin!(attachment)));
    recorder.emit({ kind: "cbret", hook: "pin", to: by, cb, errno, injected: injected !== 0, ...args });
    return errno;
  }

  function* unpinHook(attachment: Attachment): Generator<Suspension, void, unknown> {
    yield* world.at("cb-unpin");
    const args = { attachment: attachmentName(attachment) };
    const cb = recorder.emit({ kind: "cb", hook: "unpin", to: by, ...args });
    yield* runRole(world, "the exporter's unpin", () => ops.unpin!(attachment));
    recorder.emit({ kind: "cbret", hook: "unpin", to: by, cb, errno: 0, injected: false, ...args });
  }

  function* mapHook(
    attachment: Attachment,
    direction: Direction,
  ): Generator<Suspension, SgTable | Errno | null, unknown> {
    const args = { attachment: attachmentName(attachment), direction };
    const cb = recorder.emit({ kind: "cb", hook: "map", to: by, ...args });
    // Inside the hook: here it shows whether another one can run at the same time.
    yield* world.at("cb-map");
    const injected = world.failure("hook:map");
    const nothing = injected === 0 && world.failure("hook:map-nothing") !== 0;
    const result = nothing
      ? null
      : injected !== 0
        ? injected
        : checkTable("map", yield* runRole(world, "the exporter's map", () => ops.map!(attachment, direction)));
    const table = typeof result === "object" ? result : null;
    recorder.emit({
      kind: "cbret",
      hook: "map",
      to: by,
      cb,
      errno: typeof result === "number" ? result : 0,
      injected: nothing || injected !== 0,
      ...args,
      table: table === null ? null : world.tableName(table),
      segments: table === null ? [] : world.translations.resolveTable(attachment.device, table),
    });
    yield* world.at("cbret-map");
    return result;
  }

  function* unmapHook(
    attachment: Attachment,
    table: SgTable,
    direction: Direction,
  ): Generator<Suspension, void, unknown> {
    yield* world.at("cb-unmap");
    const args = { attachment: attachmentName(attachment), direction, table: world.tableName(table) };
    const cb = recorder.emit({ kind: "cb", hook: "unmap", to: by, ...args });
    yield* runRole(world, "the exporter's unmap", () => ops.unmap!(attachment, table, direction));
    recorder.emit({ kind: "cbret", hook: "unmap", to: by, cb, errno: 0, injected: false, ...args });
  }

  function* releaseHook(buffer: DmaBuf): Generator<Suspension, void, unknown> {
    const args = { buffer: names.of(buffer, "buffer", null) };
    const cb = recorder.emit({ kind: "cb", hook: "release", to: by, ...args });
    yield* runRole(world, "the exporter's release", () => ops.release!(buffer));
    recorder.emit({ kind: "cbret", hook: "release", to: by, cb, errno: 0, injected: false, ...args });
  }

  return {
    ...(ops.attach && { attach: attachHook }),
    ...(ops.detach && { detach: detachHook }),
    ...(ops.pin && { pin: pinHook }),
    ...(ops.unpin && { unpin: unpinHook }),
    ...(ops.map && { map: mapHook }),
    ...(ops.unmap && { unmap: unmapHook }),
    ...(ops.release && { release: releaseHook }),
    ...(ops.cacheSgtMapping === true && { cacheSgtMapping: true }),
  };
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

/** An importer's ops as the framework gets them. */
export function recordImporterOps(world: World, by: string, ops: ImporterOps): ImporterOps {
  if (ops.invalidate === undefined) return { allowPeer2peer: ops.allowPeer2peer };
  const { names, recorder, scheduler } = world;
  return {
    allowPeer2peer: ops.allowPeer2peer,
    *invalidate(attachment) {
      yield* world.at("cb-invalidate");
      const name = names.of(attachment, "attachment", scheduler.current.stepId);
      const cb = recorder.emit({ kind: "cb", hook: "invalidate", to: by, attachment: name });
      yield* runCallback(world, () => ops.invalidate!(attachment));
      recorder.emit({ kind: "cbret", hook: "invalidate", to: by, cb, errno: 0, injected: false, attachment: name });
      yield* world.at("cbret-invalidate");
    },
  };
}

/** A fence owner's ops as the framework gets them; all but `wait` run in atomic context. */
export function recordFenceOps(world: World, by: string, ops: FenceOps): FenceOps {
  const { names, recorder, scheduler } = world;
  const nameOf = (fence: Fence) => names.of(fence, "fence", scheduler.current.stepId);
  const atomically = <T>(body: () => T): T => {
    const task = scheduler.current;
    task.atomicDepth += 1;
    try {
      return body();
    } finally {
      task.atomicDepth -= 1;
    }
  };
  const { enableSignaling, signaled, wait, release, setDeadline } = ops;
  return {
    ...(ops.seqno64 === true && { seqno64: true }),
    ...(enableSignaling && {
      enableSignaling: (fence: Fence) =>
        atomically(() => {
          const args = { fence: nameOf(fence) };
          const cb = recorder.emit({ kind: "cb", hook: "enableSignaling", to: by, ...args });
          const answer = enableSignaling.call(ops, fence);
          recorder.emit({
            kind: "cbret",
            hook: "enableSignaling",
            to: by,
            cb,
            errno: 0,
            injected: false,
            ...args,
            answer,
          });
          return answer;
        }),
    }),
    ...(signaled && {
      signaled: (fence: Fence) =>
        atomically(() => {
          const args = { fence: nameOf(fence) };
          const cb = recorder.emit({ kind: "cb", hook: "signaled", to: by, ...args });
          const answer = signaled.call(ops, fence);
          recorder.emit({ kind: "cbret", hook: "signaled", to: by, cb, errno: 0, injected: false, ...args, answer });
          return answer;
        }),
    }),
    ...(wait && {
      wait: (fence: Fence, interruptible: boolean, timeout: number) => {
        const args = { fence: nameOf(fence), interruptible, timeout };
        const cb = recorder.emit({ kind: "cb", hook: "fenceWait", to: by, ...args });
        const result = wait.call(ops, fence, interruptible, timeout);
        recorder.emit({ kind: "cbret", hook: "fenceWait", to: by, cb, errno: 0, injected: false, ...args, result });
        return result;
      },
    }),
    ...(release && {
      release: (fence: Fence) => {
        atomically(() => {
          const args = { fence: nameOf(fence) };
          const cb = recorder.emit({ kind: "cb", hook: "fenceRelease", to: by, ...args });
          release.call(ops, fence);
          recorder.emit({ kind: "cbret", hook: "fenceRelease", to: by, cb, errno: 0, injected: false, ...args });
        });
      },
    }),
    ...(setDeadline && {
      setDeadline: (fence: Fence, deadline: number) => {
        const args = { fence: nameOf(fence), deadline };
        const cb = recorder.emit({ kind: "cb", hook: "fenceDeadline", to: by, ...args });
        setDeadline.call(ops, fence, deadline);
        recorder.emit({ kind: "cbret", hook: "fenceDeadline", to: by, cb, errno: 0, injected: false, ...args });
      },
    }),
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
