import type { CallEvent, RetEvent } from "../../event.ts";
import { frameOf, type GrantState, type State } from "../state.ts";

/** The key of a page of a space or of a table. */
export function pageKey(of: string, page: number): string {
  return `${of}:${page}`;
}

/** The mirror on whose behalf a task is at work. */
function mirrorAtWork(state: State, task: string): string | null {
  const row = state.tasks.get(task);
  return (
    frameOf(row, "mirror")?.mirror ?? frameOf(row, "mirrorFault")?.mirror ?? frameOf(row, "unmirror")?.mirror ?? null
  );
}

/** An operation on an address space or a device's page table begins. */
export function observeSpaceCall(state: State, event: CallEvent): void {
  switch (event.op) {
    case "exitSpace": {
      const space = state.spaces.get(event.space);
      if (space === undefined || space.exited) return;
      space.exited = true;
      space.users -= 1;
      if (space.users === 0) space.released = true;
      return;
    }
    case "spacePut": {
      const space = state.spaces.get(event.space);
      if (space === undefined) return;
      space.users -= 1;
      if (space.users === 0) space.released = true;
      return;
    }
    case "insertNotifier":
      state.notifiers.set(event.notifier, {
        space: event.space,
        by: event.by,
        start: event.start,
        pages: event.pages,
        form: "interval",
        ops: [],
        shared: false,
        phase: "adding",
        sure: false,
        mirror: mirrorAtWork(state, event.task),
      });
      return;
    case "registerNotifier":
      state.notifiers.set(event.notifier, {
        space: event.space,
        by: event.by,
        start: 0,
        pages: Number.MAX_SAFE_INTEGER,
        form: "range",
        ops: event.ops,
        shared: event.shared,
        phase: "adding",
        sure: false,
        mirror: mirrorAtWork(state, event.task),
      });
      return;
    case "removeNotifier":
    case "unregisterNotifier":
    case "putNotifier": {
      const notifier = state.notifiers.get(event.notifier);
      if (notifier !== undefined) notifier.phase = "removing";
      return;
    }
    case "mirror":
      state.mirrors.set(event.mirror, {
        importer: event.importer,
        space: event.space,
        start: event.start,
        pages: event.pages,
        form: event.form,
        phase: "making",
        notifier: null,
        table: null,
      });
      return;
    case "unmirror": {
      const mirror = state.mirrors.get(event.mirror);
      if (mirror !== undefined) mirror.phase = "ending";
      return;
    }
    case "install": {
      const { table, page, via, target, address, write } = event;
      state.entries.set(pageKey(table, page), { table, page, via, target, address, write });
      const mirror = state.mirrors.get(mirrorAtWork(state, event.task) ?? "");
      if (mirror !== undefined) mirror.table ??= table;
      return;
    }
    case "zap": {
      const mirror = state.mirrors.get(mirrorAtWork(state, event.task) ?? "");
      if (mirror !== undefined) mirror.table ??= event.table;
      for (const [name, { table, page }] of state.entries)
        if (table === event.table && page >= event.start && page < event.start + event.pages)
          state.entries.delete(name);
      return;
    }
    case "p2pUnmap":
      endGrant(state, event);
      return;
    default:
      return;
  }
}

/** An operation on an address space returns. */
export function observeSpaceRet(state: State, event: RetEvent): void {
  const ok = event.errno === 0;
  switch (event.op) {
    case "createSpace":
      state.spaces.set(event.space, { users: 1, lock: event.lock, exited: false, released: false });
      return;
    case "spaceGet": {
      const space = state.spaces.get(event.space);
      if (event.answer && space !== undefined) space.users += 1;
      return;
    }
    case "createVma":
      if (ok)
        state.vmas.set(event.vma, {
          space: event.space,
          start: event.start,
          pages: event.pages,
          kind: event.vmaKind,
          buffer: event.buffer,
          live: true,
        });
      return;
    case "destroyVma": {
      const vma = state.vmas.get(event.vma);
      if (vma !== undefined) vma.live = false;
      return;
    }
    case "primaryEntry": {
      const { space, page, target, write } = event;
      if (target === null) state.primaries.delete(pageKey(space, page));
      else state.primaries.set(pageKey(space, page), { space, page, target, write });
      return;
    }
    case "insertNotifier":
    case "registerNotifier": {
      const notifier = state.notifiers.get(event.notifier);
      if (notifier === undefined) return;
      notifier.phase = ok ? "added" : "gone";
      notifier.sure = ok && !isChanging(state);
      const mirror = state.mirrors.get(notifier.mirror ?? "");
      if (ok && mirror !== undefined) mirror.notifier = event.notifier;
      return;
    }
    case "removeNotifier":
    case "unregisterNotifier":
    case "putNotifier": {
      const notifier = state.notifiers.get(event.notifier);
      if (notifier !== undefined) notifier.phase = "gone";
      return;
    }
    case "mirror": {
      const mirror = state.mirrors.get(event.mirror);
      if (mirror !== undefined) mirror.phase = ok ? "live" : "failed";
      return;
    }
    case "unmirror": {
      const mirror = state.mirrors.get(event.mirror);
      if (mirror !== undefined) mirror.phase = "ended";
      return;
    }
    case "p2pMap": {
      if (!ok) return;
      const { vma, device, start, pages, write, by, notifier, addresses, storage } = event;
      const fault = frameOf(state.tasks.get(event.task), "mirrorFault")?.seq ?? null;
      state.grants.set(String(event.seq), {
        vma,
        device,
        start,
        pages,
        write,
        by,
        notifier,
        fault,
        addresses,
        storage,
      });
      return;
    }
    default:
      return;
  }
}

const changing: ReadonlySet<string> = new Set([
  "changeRange",
  "destroyVma",
  "exitSpace",
  "spacePut",
  "move",
  "evict",
  "map",
  "mapUnlocked",
  "pin",
  "revoke",
  "revokeForever",
  "reset",
  "setMemory",
  "closeDevice",
]);

/** Whether anybody is in an operation that may change an address space. */
function isChanging(state: State): boolean {
  for (const task of state.tasks.values())
    if (task.frames.some((frame) => frame.kind === "call" && changing.has(frame.op))) return true;
  return false;
}

/** Whether the task is in a callback of this grant's listener, in the fault that got it, or in the end of its mirror. */
function isOfTask(state: State, task: string, grant: GrantState): boolean {
  const frames = state.tasks.get(task)?.frames ?? [];
  return frames.some((frame) => {
    if (frame.kind === "cb") return "notifier" in frame && frame.notifier === grant.notifier;
    if (frame.op === "unmirror") return state.mirrors.get(frame.mirror)?.notifier === grant.notifier;
    return frame.seq === grant.fault;
  });
}

/** Takes a grant out that the call names; of several alike the one that the task has to do with. */
function endGrant(state: State, event: CallEvent<"p2pUnmap">): void {
  const alike = [...state.grants].filter(
    ([, grant]) =>
      grant.vma === event.vma &&
      grant.device === event.device &&
      grant.by === event.by &&
      grant.start === event.start &&
      grant.pages === event.pages &&
      grant.addresses.join() === event.addresses.join(),
  );
  const [ended] = alike.find(([, grant]) => isOfTask(state, event.task, grant)) ?? alike[0] ?? [];
  if (ended !== undefined) state.grants.delete(ended);
}
