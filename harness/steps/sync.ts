import type { syncOperations } from "../../spec/operations/sync.ts";
import type { AnyFile, Fence, FileDescriptor, PollEvents, Poller, SyncFile } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import type { RunContext, StepHandlers } from "../run-context.ts";

function fileOf(run: RunContext, name: string): SyncFile {
  return run.world.names.object<SyncFile>(name)!;
}

/** What a step hands in for a descriptor: a sync file, another file, or a number of nothing. */
function anyFile(run: RunContext, syncFile: string | null, other: string | null): AnyFile {
  if (syncFile !== null) return fileOf(run, syncFile);
  return other === null ? null : run.world.names.object<FileDescriptor>(other)!;
}

/** A thread in poll: woken for what it asked for, and for that only. */
class Sleeper implements Poller {
  woken = false;
  private readonly run: RunContext;
  private readonly task: object;
  private readonly wanted: PollEvents;

  constructor(run: RunContext, wanted: PollEvents) {
    this.run = run;
    this.task = run.program.currentTask();
    this.wanted = wanted;
  }

  wake({ input, output }: PollEvents): void {
    if (!(input && this.wanted.input) && !(output && this.wanted.output)) return;
    this.woken = true;
    this.run.program.wakeUp(this.task);
  }
}

/** What the system call does: on the queue with the first look, and a look again after each wake-up. */
function* sleepFor(
  run: RunContext,
  what: string,
  sleeper: Sleeper,
  look: (poller: Poller | null) => Generator<Suspension, boolean, unknown>,
): Generator<Suspension, void, unknown> {
  for (let poller: Poller | null = sleeper; !(yield* look(poller)); poller = null) {
    const errno = yield* run.program.wait({ kind: "other", what }, () => sleeper.woken, true);
    if (errno !== 0) return;
    sleeper.woken = false;
  }
}

/** Sync files, the bridge, poll. */
export const syncSteps: StepHandlers<keyof typeof syncOperations> = {
  *exportSyncFile(run, step) {
    run.world.names.want(step.id, "syncFile", step.syncFile);
    yield* run.program.exportSyncFile(run.buffer(step.buffer), step.unreadable ? null : step.flags);
  },
  *importSyncFile(run, step) {
    const file = anyFile(run, step.syncFile, step.other);
    yield* run.program.importSyncFile(run.buffer(step.buffer), file, step.unreadable ? null : step.flags);
  },
  *createSyncFile(run, step) {
    yield* run.world.at("sync-file");
    run.world.names.want(step.id, "syncFile", step.syncFile);
    run.program.createSyncFile(run.world.names.object<Fence>(step.fence)!);
  },
  *mergeSyncFiles(run, step) {
    yield* run.world.at("sync-file");
    run.world.names.want(step.id, "syncFile", step.syncFile);
    const second = anyFile(run, step.second, step.other);
    run.program.mergeSyncFiles(fileOf(run, step.first), second, step.flags, step.pad);
  },
  *syncFileInfo(run, step) {
    yield* run.world.at("sync-file");
    run.program.syncFileInfo(fileOf(run, step.syncFile), step.count, step.flags, step.pad);
  },
  *syncFileDeadline(run, step) {
    yield* run.world.at("sync-file");
    run.program.syncFileDeadline(fileOf(run, step.syncFile), step.deadline, step.pad);
  },
  *syncFileIoctl(run, step) {
    yield* run.world.at("sync-file");
    run.program.syncFileIoctl(fileOf(run, step.syncFile), step.command);
  },
  *pollSyncFile(run, step) {
    yield* run.world.at("sync-file");
    const file = fileOf(run, step.syncFile);
    if (!step.sleep) {
      run.program.pollSyncFile(file, null);
      return;
    }
    const sleeper = new Sleeper(run, { input: true, output: false });
    // oxlint-disable-next-line require-yield -- the look itself never blocks
    yield* sleepFor(run, `poll of ${step.syncFile}`, sleeper, function* look(poller) {
      return run.program.pollSyncFile(file, poller);
    });
    run.program.endPollSyncFile(file, sleeper);
  },
  *closeSyncFile(run, step) {
    yield* run.world.at("sync-file");
    run.program.closeSyncFile(fileOf(run, step.syncFile));
  },
  *poll(run, step) {
    yield* run.world.at("poll");
    const buffer = run.buffer(step.buffer);
    const events = { input: step.input, output: step.output };
    if (!step.sleep || (!step.input && !step.output)) {
      yield* run.program.poll(buffer, events, null);
      return;
    }
    const sleeper = new Sleeper(run, events);
    yield* sleepFor(run, `poll of ${step.buffer}`, sleeper, function* look(poller) {
      const ready = yield* run.program.poll(buffer, events, poller);
      return ready.input || ready.output;
    });
    run.program.endPoll(buffer, sleeper);
  },
};
