import { EFAULT, EMFILE, ENOMEM } from "../../spec/errno.ts";
import type { Situation } from "../../spec/situation.ts";

const fences = { fenceInit: 4, lock: 3, unlock: 4, reserveFences: 3, addFence: 5, signal: 2 } as const;

/** Exports of objects with fences. */
export const exporting: Situation = { weights: { ...fences, exportSyncFile: 12, syncFileInfo: 4 } };

/** The same while it runs out of descriptors and memory. */
export const failingExports: Situation = {
  ...exporting,
  failures: [
    { site: "fd", errno: EMFILE },
    { site: "copy-out", errno: EFAULT },
    { site: "sync-file", errno: ENOMEM },
  ],
};

/** Imports of files of all kinds. */
export const importing: Situation = {
  weights: {
    ...fences,
    createArray: 2,
    createChain: 2,
    createSyncFile: 8,
    mergeSyncFiles: 4,
    exportSyncFile: 3,
    importSyncFile: 15,
  },
};

/** Files of files. */
export const merging: Situation = {
  weights: {
    fenceInit: 5,
    signal: 2,
    setError: 2,
    createSyncFile: 8,
    mergeSyncFiles: 12,
    syncFileInfo: 6,
    closeSyncFile: 3,
  },
};

/** Questions to files that may have failed members. */
export const asking: Situation = {
  weights: {
    fenceInit: 4,
    signal: 4,
    setError: 4,
    createArray: 2,
    createSyncFile: 8,
    mergeSyncFiles: 6,
    syncFileInfo: 20,
    syncFileDeadline: 4,
    syncFileIoctl: 4,
    pollSyncFile: 4,
  },
};

/** Sleepers on files. */
export const pollingFiles: Situation = {
  tasks: 2,
  weights: { fenceInit: 4, signal: 5, createSyncFile: 8, mergeSyncFiles: 3, pollSyncFile: 20 },
};

/** Sleepers on buffers whose fences come and go. */
export const polling: Situation = {
  tasks: 2,
  weights: { ...fences, signal: 5, replaceFences: 2, poll: 25 },
};
