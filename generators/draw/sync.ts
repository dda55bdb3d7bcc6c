import type { syncOperations } from "../../spec/operations/sync.ts";
import { pickBuffer, pickFence, pickRow, type DrawContext, type Draws } from "./context.ts";

/** A sync file of the program's, open or not. */
function pickFile({ state, random }: DrawContext, open = true): string | null {
  return pickRow(random, state.syncFiles, (row) => row.by === "program" && row.open === open);
}

function withFile(context: DrawContext): { readonly syncFile: string } | null {
  const syncFile = pickFile(context);
  return syncFile === null ? null : { syncFile };
}

const badFlags = [0, 4, 8, 9, 2 ** 31, 2 ** 32 + 1];

/** Something that is no open sync file: a closed one, a buffer's descriptor, or nothing. */
function wrongFile(context: DrawContext): { readonly syncFile: string | null; readonly other: string | null } {
  const { random, state } = context;
  if (random.chance(0.4)) return { syncFile: null, other: pickRow(random, state.fds, (row) => row.open) };
  return { syncFile: random.chance(0.6) ? pickFile(context, false) : null, other: null };
}

/** Draws for sync files, the bridge and poll. */
export const syncDraws: Draws<keyof typeof syncOperations> = {
  exportSyncFile: (context) => {
    const buffer = pickBuffer(context);
    if (buffer === null) return null;
    const { random, refused } = context;
    const syncFile = context.name("syncFile");
    if (refused) return { buffer, syncFile, flags: random.pick(badFlags), unreadable: random.chance(0.3) };
    return { buffer, syncFile, flags: random.between(1, 3), unreadable: false };
  },
  importSyncFile: (context) => {
    const buffer = pickBuffer(context);
    if (buffer === null) return null;
    const { random, refused } = context;
    if (refused && random.chance(0.5))
      return { buffer, ...wrongFile(context), flags: random.between(1, 3), unreadable: false };
    const syncFile = pickFile(context);
    if (syncFile === null) return null;
    const flags = refused ? random.pick(badFlags) : random.between(1, 3);
    return { buffer, syncFile, other: null, flags, unreadable: refused && random.chance(0.3) };
  },
  createSyncFile: (context) => {
    const fence = pickFence(context);
    return fence === null ? null : { fence, syncFile: context.name("syncFile") };
  },
  mergeSyncFiles: (context) => {
    const first = pickFile(context);
    if (first === null) return null;
    const { random, refused } = context;
    const syncFile = context.name("syncFile");
    if (refused && random.chance(0.6)) {
      const { syncFile: second, other } = wrongFile(context);
      return { first, second, other, syncFile, flags: 0, pad: 0 };
    }
    const flagged = refused ? random.pick([1, 2, 3]) : 0;
    return { first, second: pickFile(context), other: null, syncFile, flags: flagged & 1, pad: flagged >> 1 };
  },
  syncFileInfo: (context) => {
    const syncFile = pickFile(context);
    if (syncFile === null) return null;
    const { random, refused, state } = context;
    const members = state.syncFiles.get(syncFile)!.members.length;
    const count = random.pick([0, Math.max(0, members - 1), members, members + 2]);
    const flagged = refused ? random.pick([1, 2, 3]) : 0;
    return { syncFile, count, flags: flagged & 1, pad: flagged >> 1 };
  },
  syncFileDeadline: (context) => {
    const file = withFile(context);
    return file === null
      ? null
      : { ...file, deadline: context.random.pick([-5, 500, 2000]), pad: context.refused ? 1 : 0 };
  },
  syncFileIoctl: (context) => {
    const file = withFile(context);
    return file === null ? null : { ...file, command: context.random.pick([0, 2, 77, 255]) };
  },
  pollSyncFile: (context) => {
    const file = withFile(context);
    return file === null ? null : { ...file, sleep: context.tasks.length > 1 && context.random.chance(0.3) };
  },
  closeSyncFile: withFile,
  poll: (context) => {
    const buffer = pickBuffer(context);
    if (buffer === null) return null;
    const { random, tasks } = context;
    const [input, output] = random.pick([
      [true, false],
      [false, true],
      [true, true],
      [true, true],
      [false, false],
    ] as const);
    return { buffer, input, output, sleep: random.chance(tasks.length > 1 ? 0.4 : 0.1) };
  },
};
