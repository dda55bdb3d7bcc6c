import { EFAULT, EINVAL, ENOENT, ENOTTY } from "../../errno.ts";
import type { CallName } from "../../calls.ts";
import type { CallEvent } from "../../event.ts";
import type { State } from "../../state/state.ts";
import type { syncOperations } from "../sync.ts";
import { done, only, type Outcome, type OutcomeContext } from "./context.ts";

const succeeds: readonly Outcome[] = [{ errno: 0, when: "nothing speaks against it" }];

function bridge(flags: number | null): readonly Outcome[] | null {
  if (flags === null) return only(EFAULT, "the argument cannot be read");
  return flags >= 1 && flags <= 3 ? null : only(EINVAL, "no such flags");
}

function isOpen(state: State, name: string | null): boolean {
  return name !== null && state.syncFiles.get(name)?.open === true;
}

/** Legal answers of sync files, the bridge and poll. */
export function syncOutcomes(
  context: OutcomeContext,
  call: CallEvent<CallName & keyof typeof syncOperations>,
): readonly Outcome[] {
  switch (call.op) {
    case "exportSyncFile":
      return bridge(call.flags) ?? succeeds;
    case "importSyncFile": {
      const refused = bridge(call.flags);
      if (refused !== null) return refused;
      return isOpen(context.state, call.syncFile) ? succeeds : only(EINVAL, "the descriptor is of no sync file");
    }
    case "mergeSyncFiles":
      if (call.flags !== 0 || call.pad !== 0) return only(EINVAL, "flags and padding have to be zero");
      return isOpen(context.state, call.second) ? succeeds : only(ENOENT, "the descriptor is of no sync file");
    case "syncFileInfo":
      if (call.flags !== 0 || call.pad !== 0) return only(EINVAL, "flags and padding have to be zero");
      return call.count === 0 ? succeeds : [...succeeds, { errno: EINVAL, when: "there are more fences than records" }];
    case "syncFileDeadline":
      return call.pad === 0 ? succeeds : only(EINVAL, "padding has to be zero");
    case "syncFileIoctl":
      return only(ENOTTY, "no such request");
    case "createSyncFile":
      return succeeds;
    case "pollSyncFile":
    case "closeSyncFile":
    case "poll":
      return done;
  }
}
