import type { CallResults } from "../../spec/calls.ts";
import type { Step } from "../../spec/program.ts";
import { usages } from "../../spec/roles/handles.ts";
import type { CalledOperation } from "./call-args.ts";
import { unpacked, unwrapped } from "./encode-step.ts";
import type { Memory } from "./memory.ts";

/** What an answer's numbers are turned into names with. */
export interface Naming {
  /** The fence behind an id; null for none. */
  fence(id: number): string | null;
  /** The decoder's view of buffers and memory. */
  readonly memory: Memory;
  /** The id of the step with this place in the program. */
  stepAt(index: number): string;
  /** A small number for a fence context, in the order of their appearance. */
  context(raw: number): number;
}

/** Of the arguments what only the kernel knows. */
export interface Answer {
  readonly context?: number;
  readonly cookie?: boolean;
}

/** The answer of one operation: what its results carry, and of the arguments what only the kernel knows. */
type Decode<K extends CalledOperation> = (
  numbers: readonly number[],
  naming: Naming,
  step: Step<K>,
) => (K extends keyof CallResults ? CallResults[K] : object) & Answer;

/** What somebody who makes a sync file answers. */
function madeFile([id, raw, number, descriptor, closeOnExec, time, ...members]: readonly number[], naming: Naming) {
  const fence = naming.fence(id ?? -1);
  return {
    fence,
    members: some(members, naming),
    context: fence === null ? 0 : naming.context(raw ?? 0),
    number: number ?? 0,
    time: (time ?? -1) < 0 ? null : time!,
    descriptor: descriptor ?? -1,
    closeOnExec: closeOnExec === 1,
  };
}

/** What a vmap answers. */
export const addressed = ([address, iomem]: readonly number[]) => ({
  address: addressName(address ?? -1),
  iomem: iomem === 1,
});

/** A kernel address by its number; null for none. */
export function addressName(id: number): string | null {
  return id < 0 ? null : `address${id}`;
}

const userMapping = ([file, start]: readonly number[], { memory }: Naming) => ({
  file: memory.buffer(file ?? -1),
  start: unwrapped(start ?? 0),
});

const nothing = () => ({});
const answer = ([value]: readonly number[]) => ({ answer: value === 1 });
const result = ([value]: readonly number[]) => ({ result: value ?? 0 });
const context = ([raw]: readonly number[], naming: Naming) => ({ context: naming.context(raw ?? 0) });
const cookie = ([value]: readonly number[]) => ({ cookie: value === 1 });

function some(ids: readonly number[], naming: Naming): readonly string[] {
  return ids.flatMap((id) => naming.fence(id) ?? []);
}

/** How the numbers after the errno read. */
export const results: { readonly [K in CalledOperation]: Decode<K> } = {
  export: (_numbers, { memory }) => memory.exported(),
  exportFd: ([number, closeOnExec]) => ({ number: number ?? -1, closeOnExec: closeOnExec === 1 }),
  close: nothing,
  get: ([slot], { memory }) => ({ buffer: memory.buffer(slot ?? -1) }),
  getRef: nothing,
  put: nothing,
  invalidate: nothing,
  seek: result,
  attach: ([peer2peer]) => ({ peer2peer: peer2peer === 1 }),
  detach: nothing,
  pin: nothing,
  unpin: nothing,
  map: (numbers, { memory }, step) => memory.table(step.attachment, numbers),
  mapUnlocked: (numbers, { memory }, step) => memory.table(step.attachment, numbers),
  unmap: nothing,
  unmapUnlocked: nothing,
  isRevocable: answer,
  interrupt: nothing,
  acquireInit: nothing,
  acquireDone: nothing,
  acquireFini: nothing,
  reserveFences: nothing,
  addFence: nothing,
  replaceFences: context,
  copyFences: nothing,
  iterateFences: ([, ...pairs], naming) => {
    const entries = [];
    for (let at = 0; at + 1 < pairs.length; at += 2)
      entries.push({ fence: naming.fence(pairs[at]!) ?? "unknown", usage: usages[pairs[at + 1]!] ?? "bookkeep" });
    return { entries };
  },
  getFences: ([, ...ids], naming) => ({ fences: some(ids, naming) }),
  getSingleton: ([id], naming) => ({ fence: naming.fence(id ?? -1) }),
  waitFences: result,
  testSignaled: answer,
  setDeadline: nothing,
  fenceInit: context,
  fenceGet: nothing,
  fenceGetLive: answer,
  fencePut: nothing,
  signal: nothing,
  signalTimestamp: nothing,
  checkAndSignal: answer,
  setError: nothing,
  getStatus: ([status]) => ({ status: status ?? 0 }),
  isSignaled: answer,
  timestamp: ([time]) => ({ time: time ?? 0 }),
  isLater: answer,
  addCallback: nothing,
  removeCallback: answer,
  enableSignaling: nothing,
  setFenceDeadline: nothing,
  waitFence: result,
  waitAny: ([left, index]) => ({ result: left ?? 0, index: index ?? -1 }),
  beginSignalling: cookie as Decode<"beginSignalling">,
  endSignalling: cookie,
  createArray: ([created, raw], naming) => ({ created: created === 1, context: naming.context(raw ?? 0) }),
  createChain: ([created, raw, number], naming) => ({
    created: created === 1,
    context: naming.context(raw ?? 0),
    number: number ?? 0,
  }),
  findSeqno: ([id], naming) => ({ found: naming.fence(id ?? -1) }),
  move: nothing,
  evict: nothing,
  revoke: nothing,
  unrevoke: nothing,
  setName: nothing,
  getName: (numbers) => ({ name: unpacked(numbers) }),
  requestFd: nothing,
  beginCpu: nothing,
  endCpu: nothing,
  ioctlSync: nothing,
  ioctl: nothing,
  poll: ([readable, writable]) => ({ readable: readable === 1, writable: writable === 1 }),
  vmap: addressed,
  vmapUnlocked: addressed,
  vunmap: nothing,
  vunmapUnlocked: nothing,
  mmap: userMapping,
  mmapFd: userMapping,
  munmap: nothing,
  exportSyncFile: madeFile,
  importSyncFile: nothing,
  createSyncFile: ([descriptor, closeOnExec]) => ({
    descriptor: descriptor ?? -1,
    closeOnExec: closeOnExec === 1,
  }),
  mergeSyncFiles: madeFile,
  syncFileInfo: ([fences, status, ...pairs], naming) => {
    const records = [];
    for (let at = 0; at + 1 < pairs.length; at += 2)
      records.push({ fence: naming.fence(pairs[at]!) ?? "unknown", status: pairs[at + 1]! });
    return { fences: fences ?? 0, status: status ?? 0, records };
  },
  syncFileDeadline: nothing,
  syncFileIoctl: nothing,
  pollSyncFile: answer,
  closeSyncFile: nothing,
  merge: ([id, raw, number, time, ...members], naming) => ({
    merged: naming.fence(id ?? -1),
    context: naming.context(raw ?? 0),
    number: number ?? 0,
    members: some(members, naming),
    time: (time ?? -1) < 0 ? null : time!,
  }),
};
