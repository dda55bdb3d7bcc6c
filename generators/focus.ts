import { operationNames, type OperationName } from "../spec/operations/operations.ts";
import { spaceOperations } from "../spec/operations/space.ts";
import type { Random } from "./random.ts";

/**
 * Parts of the contract a program may dwell on. Operations outside the part still come up, but rarely:
 * deep states of one part are not reached while all eighty operations are drawn alike.
 */
export const focuses = {
  lifetime: [
    "export",
    "exportFd",
    "close",
    "get",
    "getRef",
    "put",
    "seek",
    "setName",
    "getName",
    "listBuffers",
    "attach",
    "detach",
    "unloadOwner",
    "import",
    "release",
  ],
  sharing: [
    "export",
    "attach",
    "detach",
    "pin",
    "unpin",
    "map",
    "mapUnlocked",
    "unmap",
    "unmapUnlocked",
    "access",
    "lock",
    "unlock",
    "invalidate",
    "isRevocable",
    "reserveFences",
    "addFence",
    "fenceInit",
    "signal",
  ],
  moving: [
    "export",
    "attach",
    "detach",
    "mapUnlocked",
    "unmapUnlocked",
    "pin",
    "unpin",
    "lock",
    "unlock",
    "access",
    "move",
    "evict",
    "import",
    "submit",
    "complete",
    "hang",
    "release",
  ],
  revoking: [
    "export",
    "attach",
    "detach",
    "mapUnlocked",
    "unmapUnlocked",
    "access",
    "revoke",
    "unrevoke",
    "revokeForever",
    "reset",
    "setMemory",
    "closeDevice",
    "import",
    "submit",
    "complete",
    "stop",
    "release",
    "put",
  ],
  importing: [
    "export",
    "import",
    "submit",
    "complete",
    "stop",
    "release",
    "move",
    "evict",
    "revoke",
    "unrevoke",
    "interrupt",
  ],
  locking: [
    "acquireInit",
    "acquireDone",
    "acquireFini",
    "lock",
    "lockInterruptible",
    "lockSlow",
    "lockSlowInterruptible",
    "trylock",
    "unlock",
    "interrupt",
  ],
  entries: [
    "fenceInit",
    "fenceGet",
    "lock",
    "unlock",
    "reserveFences",
    "addFence",
    "replaceFences",
    "copyFences",
    "iterateFences",
    "getFences",
    "getSingleton",
    "waitFences",
    "testSignaled",
    "setDeadline",
    "signal",
  ],
  fences: [
    "fenceInit",
    "fenceGet",
    "fenceGetLive",
    "fencePut",
    "finishWork",
    "signal",
    "signalTimestamp",
    "checkAndSignal",
    "setError",
    "getStatus",
    "isSignaled",
    "timestamp",
    "isLater",
    "addCallback",
    "removeCallback",
    "enableSignaling",
    "setFenceDeadline",
    "waitFence",
    "waitAny",
    "beginSignalling",
    "endSignalling",
    "interrupt",
  ],
  containers: [
    "fenceInit",
    "fenceGet",
    "fencePut",
    "signal",
    "setError",
    "createArray",
    "createChain",
    "findSeqno",
    "merge",
    "getStatus",
    "isSignaled",
    "addCallback",
    "enableSignaling",
    "waitFence",
    "setFenceDeadline",
  ],
  bridging: [
    "export",
    "exportFd",
    "exportSyncFile",
    "importSyncFile",
    "createSyncFile",
    "mergeSyncFiles",
    "syncFileInfo",
    "syncFileDeadline",
    "syncFileIoctl",
    "pollSyncFile",
    "closeSyncFile",
    "fenceInit",
    "fenceGet",
    "fencePut",
    "createArray",
    "createChain",
    "setError",
    "signal",
    "lock",
    "unlock",
    "reserveFences",
    "addFence",
    "close",
    "put",
  ],
  polling: [
    "export",
    "poll",
    "fenceInit",
    "signal",
    "setError",
    "lock",
    "unlock",
    "reserveFences",
    "addFence",
    "replaceFences",
    "createSyncFile",
    "pollSyncFile",
    "importSyncFile",
    "put",
    "getRef",
    "interrupt",
  ],
  cpu: [
    "export",
    "beginCpu",
    "endCpu",
    "ioctlSync",
    "ioctl",
    "vmap",
    "vmapUnlocked",
    "vunmap",
    "vunmapUnlocked",
    "mmap",
    "mmapFd",
    "munmap",
    "cpuAccess",
    "attach",
    "mapUnlocked",
    "unmapUnlocked",
    "access",
    "import",
    "submit",
    "complete",
    "release",
    "move",
    "evict",
    "revoke",
    "unrevoke",
    "fenceInit",
    "lock",
    "unlock",
    "reserveFences",
    "addFence",
    "signal",
    "put",
    "interrupt",
  ],
  mirroring: [
    "createSpace",
    "createVma",
    "destroyVma",
    "vmaFault",
    "changeRange",
    "exitSpace",
    "mirror",
    "mirrorFault",
    "copyPage",
    "touch",
    "unmirror",
  ],
} as const satisfies Readonly<Record<string, readonly OperationName[]>>;

export type Focus = keyof typeof focuses;

/** How rare an operation outside the focus is. */
const outside = 0.04;

/** Parts with a world of their own: their operations come up nowhere else, and need a partner of this kind. */
const apart: Partial<Readonly<Record<Focus, { readonly importer: string; readonly only: ReadonlySet<string> }>>> = {
  mirroring: { importer: "mirror", only: new Set(Object.keys(spaceOperations)) },
};
const reserved = new Set(Object.values(apart).flatMap(({ only }) => [...only]));

/** Parts that bring out the rules of an area. */
const focusOfArea: Readonly<Record<string, readonly Focus[]>> = {
  LIFE: ["lifetime", "lifetime", "revoking"],
  ATT: ["sharing", "lifetime", "moving", "revoking"],
  PIN: ["sharing", "moving", "importing"],
  MAP: ["sharing", "moving", "importing"],
  MOVE: ["moving", "importing", "sharing", "revoking"],
  REV: ["revoking", "revoking", "importing"],
  RESV: ["locking", "entries", "importing"],
  FENCE: ["fences", "containers", "entries", "importing"],
  CPU: ["cpu"],
  MMUN: ["mirroring"],
  SYNC: ["bridging", "bridging", "polling"],
};

/** The part a program dwells on; null: everything alike. `area` is the area of a rule that is to be exercised. */
export function drawFocus(random: Random, area: string | null): Focus | null {
  if (area !== null && focusOfArea[area] !== undefined && random.chance(0.85)) return random.pick(focusOfArea[area]);
  if (random.chance(0.2)) return null;
  return random.pick(Object.keys(focuses) as readonly Focus[]);
}

function factorsOf(names: readonly OperationName[] | null): Float64Array {
  return Float64Array.from(operationNames, (name) => {
    if (reserved.has(name)) return names?.includes(name) === true ? 1 : 0;
    return names === null || names.includes(name) ? 1 : outside;
  });
}

const everything = factorsOf(null);
const factors = new Map(Object.entries(focuses).map(([focus, names]) => [focus as Focus, factorsOf(names)]));

/** The kind of importer that a part needs, if it is one with a world of its own. */
export function partnerOf(focus: Focus | null): string | null {
  return focus === null ? null : (apart[focus]?.importer ?? null);
}

/** The factors of the operations under a focus, in the order of `operationNames`. */
export function focusFactors(focus: Focus | null): Float64Array {
  return focus === null ? everything : factors.get(focus)!;
}
