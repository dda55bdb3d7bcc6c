import type { Errno } from "../../spec/errno.ts";
import type { AnyFile, DmaBuf, Fence, PollEvents, Poller, SyncFile } from "../../spec/roles/handles.ts";
import type { SyncFileInfo } from "../../spec/roles/sync-files.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { settle } from "../settle.ts";
import type { World } from "../world.ts";
import { RecordedEnv } from "./recorded-env.ts";

const noFile = {
  fence: null,
  members: [],
  context: 0,
  number: 0,
  time: null,
  descriptor: -1,
  closeOnExec: false,
} as const;

/** A poller as the framework gets it: its wake-ups are recorded. */
function recordPoller(world: World, poller: Poller): Poller {
  const known = world.pollers.get(poller);
  if (known !== undefined) return known;
  const name = world.names.of(poller, "poller", world.scheduler.current.stepId);
  const recorded: Poller = {
    wake(events) {
      const args = { poller: name, input: events.input, output: events.output };
      const cb = world.recorder.emit({ kind: "cb", hook: "pollWake", to: "program", ...args });
      poller.wake(events);
      world.recorder.emit({ kind: "cbret", hook: "pollWake", to: "program", cb, errno: 0, injected: false, ...args });
    },
  };
  world.pollers.set(poller, recorded);
  return recorded;
}

/** The sync file half of `Env`, and poll. */
export class SyncEnv extends RecordedEnv {
  *exportSyncFile(buffer: DmaBuf, flags: number | null): Generator<Suspension, SyncFile | Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const step = world.scheduler.current.stepId;
    const args = { buffer: this.bufferName(buffer), syncFile: world.names.next("syncFile", step), flags };
    const call = world.recorder.emit({ kind: "call", op: "exportSyncFile", by, ...args });
    const fresh = this.expectFence();
    const file = yield* settle(world.framework.buffers.exportSyncFile(buffer, flags), "exportSyncFile");
    const errno = typeof file === "number" ? file : 0;
    const made = this.made(file, args.syncFile, fresh);
    world.recorder.emit({ kind: "ret", op: "exportSyncFile", by, call, errno, ...args, ...made });
    return file;
  }

  *importSyncFile(buffer: DmaBuf, file: AnyFile, flags: number | null): Generator<Suspension, Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { buffer: this.bufferName(buffer), syncFile: this.syncFileName(file), flags };
    yield* world.at("import-fences");
    const call = world.recorder.emit({ kind: "call", op: "importSyncFile", by, ...args });
    const errno = yield* settle(world.framework.buffers.importSyncFile(buffer, file, flags), "importSyncFile");
    world.recorder.emit({ kind: "ret", op: "importSyncFile", by, call, errno, ...args });
    return errno;
  }

  syncFileFence(file: AnyFile): Fence | null {
    return this.world.framework.syncFiles.syncFileFence(file);
  }

  getStub(): Fence {
    return this.world.framework.fences.getStub();
  }

  createSyncFile(fence: Fence): SyncFile | Errno {
    const { world, by } = this;
    const syncFile = world.names.next("syncFile", world.scheduler.current.stepId);
    const args = { fence: this.fenceName(fence), syncFile };
    const call = world.recorder.emit({ kind: "call", op: "createSyncFile", by, ...args });
    const file = world.framework.syncFiles.createSyncFile(fence);
    const ok = typeof file !== "number";
    if (ok) world.names.bind(file, syncFile);
    const made = { descriptor: ok ? file.number : -1, closeOnExec: ok && file.closeOnExec };
    world.recorder.emit({ kind: "ret", op: "createSyncFile", by, call, errno: ok ? 0 : file, ...args, ...made });
    return file;
  }

  mergeSyncFiles(first: SyncFile, second: AnyFile, flags: number, pad: number): SyncFile | Errno {
    const { world, by } = this;
    const syncFile = world.names.next("syncFile", world.scheduler.current.stepId);
    const args = { first: this.syncFileName(first) ?? "", second: this.syncFileName(second), syncFile, flags, pad };
    const call = world.recorder.emit({ kind: "call", op: "mergeSyncFiles", by, ...args });
    const fresh = this.expectFence();
    const file = world.framework.syncFiles.mergeSyncFiles(first, second, flags, pad);
    const errno = typeof file === "number" ? file : 0;
    const made = this.made(file, syncFile, fresh);
    world.recorder.emit({ kind: "ret", op: "mergeSyncFiles", by, call, errno, ...args, ...made });
    return file;
  }

  syncFileInfo(file: SyncFile, count: number, flags: number, pad: number): SyncFileInfo | Errno {
    const { world, by } = this;
    const args = { syncFile: this.syncFileName(file) ?? "", count, flags, pad };
    const call = world.recorder.emit({ kind: "call", op: "syncFileInfo", by, ...args });
    const info = world.framework.syncFiles.syncFileInfo(file, count, flags, pad);
    const [errno, found] = typeof info === "number" ? [info, null] : [0, info];
    const records = found?.records.map(({ fence, status }) => ({ fence: this.fenceName(fence), status })) ?? [];
    const result = { fences: found?.fences ?? 0, status: found?.status ?? 0, records };
    world.recorder.emit({ kind: "ret", op: "syncFileInfo", by, call, errno, ...args, ...result });
    return info;
  }

  syncFileDeadline(file: SyncFile, deadline: number, pad: number): Errno {
    const { world, by } = this;
    const args = { syncFile: this.syncFileName(file) ?? "", deadline, pad };
    const call = world.recorder.emit({ kind: "call", op: "syncFileDeadline", by, ...args });
    const errno = world.framework.syncFiles.syncFileDeadline(file, deadline, pad);
    world.recorder.emit({ kind: "ret", op: "syncFileDeadline", by, call, errno, ...args });
    return errno;
  }

  syncFileIoctl(file: SyncFile, command: number): Errno {
    const { world, by } = this;
    const args = { syncFile: this.syncFileName(file) ?? "", command };
    const call = world.recorder.emit({ kind: "call", op: "syncFileIoctl", by, ...args });
    const errno = world.framework.syncFiles.syncFileIoctl(file, command);
    world.recorder.emit({ kind: "ret", op: "syncFileIoctl", by, call, errno, ...args });
    return errno;
  }

  pollSyncFile(file: SyncFile, poller: Poller | null): boolean {
    const { world, by } = this;
    const args = { syncFile: this.syncFileName(file) ?? "", poller: this.pollerName(poller) };
    const call = world.recorder.emit({ kind: "call", op: "pollSyncFile", by, ...args });
    const answer = world.framework.syncFiles.pollSyncFile(file, poller === null ? null : recordPoller(world, poller));
    world.recorder.emit({ kind: "ret", op: "pollSyncFile", by, call, errno: 0, ...args, answer });
    return answer;
  }

  endPollSyncFile(file: SyncFile, poller: Poller): void {
    this.world.framework.syncFiles.endPollSyncFile(file, recordPoller(this.world, poller));
  }

  closeSyncFile(file: SyncFile): void {
    const { world, by } = this;
    const args = { syncFile: this.syncFileName(file) ?? "" };
    const call = world.recorder.emit({ kind: "call", op: "closeSyncFile", by, ...args });
    world.framework.syncFiles.closeSyncFile(file);
    world.recorder.emit({ kind: "ret", op: "closeSyncFile", by, call, errno: 0, ...args });
  }

  *poll(buffer: DmaBuf, events: PollEvents, poller: Poller | null): Generator<Suspension, PollEvents, unknown> {
    this.begun();
    const { world, by } = this;
    const { input, output } = events;
    const args = { buffer: this.bufferName(buffer), input, output, poller: this.pollerName(poller) };
    const call = world.recorder.emit({ kind: "call", op: "poll", by, ...args });
    const recorded = poller === null ? null : recordPoller(world, poller);
    const ready = yield* settle(world.framework.buffers.poll(buffer, events, recorded), "poll");
    const answer = { readable: ready.input, writable: ready.output };
    world.recorder.emit({ kind: "ret", op: "poll", by, call, errno: 0, ...args, ...answer });
    return ready;
  }

  endPoll(buffer: DmaBuf, poller: Poller): void {
    this.world.framework.buffers.endPoll(buffer, recordPoller(this.world, poller));
  }

  /** A fresh fence may signal before the call that makes it returns: its name has to be waiting. */
  private expectFence(): string {
    const { names, scheduler } = this.world;
    const name = names.next("fence", scheduler.current.stepId);
    names.want(scheduler.current.stepId, "fence", name);
    return name;
  }

  /** What a sync file that was just made is for the history. */
  private made(file: SyncFile | Errno, name: string, expected: string) {
    const { names, framework } = this.world;
    const fence = typeof file === "number" ? null : this.fenceName(file.fence);
    names.forgetName(expected);
    if (typeof file === "number" || fence === null) return noFile;
    names.bind(file, name);
    const isFresh = fence === expected;
    const isArray = isFresh && framework.fences.isContainer(file.fence);
    return {
      fence,
      members: isArray ? framework.fences.unwrap(file.fence).map((member) => this.fenceName(member)) : [],
      context: file.fence.context,
      number: Number(file.fence.seqno),
      time: isFresh && !isArray ? framework.fences.timestamp(file.fence) : null,
      descriptor: file.number,
      closeOnExec: file.closeOnExec,
    };
  }

  private syncFileName(file: AnyFile): string | null {
    if (file === null || !("fence" in file)) return null;
    return this.world.names.of(file, "syncFile", this.world.scheduler.current.stepId);
  }

  private pollerName(poller: Poller | null): string | null {
    return poller === null ? null : this.world.names.of(poller, "poller", this.world.scheduler.current.stepId);
  }
}
