import type { OperationName } from "../../spec/operations/operations.ts";
import type { Step } from "../../spec/program.ts";
import { usages, type Direction, type Usage } from "../../spec/roles/handles.ts";
import type { Slots } from "./slots.ts";

/** Numbers of one operation's arguments, in the order the module takes them. */
type Encode<K extends OperationName> = (step: Step<K>, slots: Slots) => readonly number[];

export const usageNumber = (usage: Usage) => usages.indexOf(usage);
const flag = (value: boolean) => (value ? 1 : 0);

const hookBits: Readonly<Record<Step<"fenceInit">["hooks"][number], number>> = {
  enableSignaling: 1,
  enableFails: 2,
  signaled: 4,
  wait: 8,
  release: 16,
  setDeadline: 32,
};

const withAcquire = (step: { readonly acquire: string }, slots: Slots) => [slots.of("acquire", step.acquire)];
const withFence = (step: { readonly fence: string }, slots: Slots) => [slots.of("fence", step.fence)];
const lockOf = (step: { readonly resv: string; readonly acquire: string | null }, slots: Slots) => [
  slots.of("reservation", step.resv),
  slots.of("acquire", step.acquire),
];
const withResv = (step: { readonly resv: string }, slots: Slots) => [slots.of("reservation", step.resv)];
const query = (step: { readonly resv: string; readonly usage: Usage }, slots: Slots) => [
  slots.of("reservation", step.resv),
  usageNumber(step.usage),
];

const missingBits = { priv: 1, ops: 2, map: 4, unmap: 8, release: 16, pin: 32, unpin: 64 } as const;
const attachmentOps = ["static", "noCallback", "callback"] as const;
export const directions = ["bidirectional", "toDevice", "fromDevice", "none"] as const;
const directionNumber = (direction: Direction) => directions.indexOf(direction);
export const accessKinds = ["read", "write", "speculativeRead"] as const;

/** Characters of a name that go into one number. */
const charactersPerNumber = 6;

/** A name as numbers, after its length; -1 for none. */
export function packed(name: string | null): readonly number[] {
  if (name === null) return [-1];
  const numbers = [name.length];
  for (let at = 0; at < name.length; at += charactersPerNumber) {
    let number = 0;
    for (let last = Math.min(name.length, at + charactersPerNumber) - 1; last >= at; last -= 1)
      number = number * 256 + name.charCodeAt(last);
    numbers.push(number);
  }
  return numbers;
}

/** The name behind such numbers. */
export function unpacked(numbers: readonly number[]): string {
  let name = "";
  for (const number of numbers)
    for (let left = number; left > 0; left = Math.floor(left / 256)) name += String.fromCharCode(left % 256);
  return name;
}

const withBuffer = (step: { readonly buffer: string }, slots: Slots) => [slots.of("buffer", step.buffer)];
const mapOf = (step: Step<"map" | "mapUnlocked">, slots: Slots) => [
  slots.of("attachment", step.attachment),
  directionNumber(step.direction),
  slots.of("mapping", step.mapping),
];
const bracketOf = (step: Step<"beginCpu" | "endCpu">, slots: Slots) => [
  slots.of("buffer", step.buffer),
  directionNumber(step.direction),
];
const unmapOf = (step: Step<"unmap" | "unmapUnlocked">, slots: Slots) => [
  slots.of("mapping", step.mapping),
  directionNumber(step.direction),
];

/** Hooks of the exporter behind a step's export: with pin and unpin or without. What is left out is about export itself. */
export function exportsDynamic({ buffer, missing, caching }: Step<"export">, { setup }: Slots): boolean {
  const exporter = setup.buffers.find((entry) => entry.name === buffer)!.exporter;
  const { kind } = setup.exporters.find((entry) => entry.name === exporter)!;
  return missing.length > 0 && !caching ? true : kind !== "scripted";
}

/** Whether a step's export is of the exporter that moves and revokes. What is left out is about export itself. */
export function exportsMoving({ buffer, missing, caching }: Step<"export">, { setup }: Slots): boolean {
  const exporter = setup.buffers.find((entry) => entry.name === buffer)!.exporter;
  return missing.length === 0 && !caching && setup.exporters.find(({ name }) => name === exporter)!.kind === "moving";
}

const withView = (step: { readonly view: string }, slots: Slots) => [slots.of("view", step.view)];
const vmapOf = (step: Step<"vmap" | "vmapUnlocked">, slots: Slots) => [
  slots.of("buffer", step.buffer),
  slots.of("view", step.view),
];
const mmapOf = (step: Step<"mmap" | "mmapFd">, slots: Slots) => [
  slots.of("buffer", step.buffer),
  slots.of("view", step.view),
  wrapped(step.offset),
  step.pages,
  flag(step.shared),
];

/** Where page offsets wrap round: here after 53 bits, in a kernel after 64. */
const wrap = 2 ** 53;
const wrapped = (offset: number) => (offset >= wrap / 2 ? offset - wrap : offset);
/** The page offset behind a kernel's number. */
export const unwrapped = (offset: number) => (offset < 0 ? offset + wrap : offset);

/** Exporters that the kernel itself has: their kinds in a set-up, by their numbers less one. */
export const foreignKinds = ["systemHeap", "udmabuf", "vgem"] as const;

/** Which of the kernel's own exporters a step's export is of; undefined: the module's. */
export function exportsForeign({ buffer, missing, caching }: Step<"export">, { setup }: Slots) {
  const exporter = setup.buffers.find((entry) => entry.name === buffer)!.exporter;
  const { kind } = setup.exporters.find(({ name }) => name === exporter)!;
  return missing.length > 0 || caching ? undefined : foreignKinds.find((name) => name === kind);
}

/** The operations the kernel's module carries out. */
export const encoders = {
  export: (step, slots) => {
    const { resv, size } = slots.setup.buffers.find((entry) => entry.name === step.buffer)!;
    const missing = step.missing.reduce((bits, item) => bits | missingBits[item], 0);
    const shared = slots.of("reservation", resv);
    return [
      slots.of("buffer", step.buffer),
      shared,
      size,
      missing,
      flag(exportsDynamic(step, slots)),
      flag(step.caching),
      flag(exportsMoving(step, slots)),
      foreignKinds.findIndex((kind) => kind === exportsForeign(step, slots)) + 1,
    ];
  },
  exportFd: (step, slots) => [slots.of("buffer", step.buffer), slots.of("fd", step.fd), flag(step.closeOnExec)],
  close: (step, slots) => [slots.of("fd", step.fd)],
  get: (step, slots) => [slots.of("fd", step.fd)],
  getRef: withBuffer,
  put: withBuffer,
  invalidate: withBuffer,
  seek: (step, slots) => [slots.of("buffer", step.buffer), step.offset, step.whence],
  move: withBuffer,
  evict: withBuffer,
  revoke: withBuffer,
  unrevoke: withBuffer,
  setName: (step, slots) => [slots.of("buffer", step.buffer), ...packed(step.name)],
  getName: withBuffer,
  requestFd: (step, slots) => [slots.of("buffer", step.buffer), slots.of("fd", step.fd), flag(step.closeOnExec)],
  beginCpu: bracketOf,
  endCpu: bracketOf,
  ioctlSync: (step, slots) => [slots.of("buffer", step.buffer), step.flags, flag(step.unreadable)],
  ioctl: (step, slots) => [slots.of("buffer", step.buffer), step.command],
  poll: (step, slots) => [slots.of("buffer", step.buffer), flag(step.input), flag(step.output), flag(step.sleep)],
  vmap: vmapOf,
  vmapUnlocked: vmapOf,
  vunmap: withView,
  vunmapUnlocked: withView,
  mmap: mmapOf,
  mmapFd: mmapOf,
  munmap: withView,
  cpuAccess: (step, slots) => [slots.of("view", step.view), accessKinds.indexOf(step.kind), step.offset],
  exportSyncFile: (step, slots) => [
    slots.of("buffer", step.buffer),
    slots.of("syncFile", step.syncFile),
    step.flags,
    flag(step.unreadable),
  ],
  importSyncFile: (step, slots) => [
    slots.of("buffer", step.buffer),
    slots.of("syncFile", step.syncFile),
    slots.of("fd", step.other),
    step.flags,
    flag(step.unreadable),
  ],
  createSyncFile: (step, slots) => [slots.of("fence", step.fence), slots.of("syncFile", step.syncFile)],
  mergeSyncFiles: (step, slots) => [
    slots.of("syncFile", step.first),
    slots.of("syncFile", step.second),
    slots.of("fd", step.other),
    slots.of("syncFile", step.syncFile),
    step.flags,
    step.pad,
  ],
  syncFileInfo: (step, slots) => [slots.of("syncFile", step.syncFile), step.count, step.flags, step.pad],
  syncFileDeadline: (step, slots) => [slots.of("syncFile", step.syncFile), step.deadline, step.pad],
  syncFileIoctl: (step, slots) => [slots.of("syncFile", step.syncFile), step.command],
  pollSyncFile: (step, slots) => [slots.of("syncFile", step.syncFile), flag(step.sleep)],
  closeSyncFile: (step, slots) => [slots.of("syncFile", step.syncFile)],
  attach: (step, slots) => {
    const { setup } = slots;
    const importer = setup.importers.find((entry) => entry.name === step.importer)!;
    return [
      slots.of("buffer", step.buffer),
      slots.of("attachment", step.attachment),
      step.noDevice ? -1 : setup.devices.findIndex((entry) => entry.name === importer.device),
      attachmentOps.indexOf(importer.ops),
      flag(importer.allowPeer2peer),
      flag(importer.onInvalidate !== "unmap"),
    ];
  },
  detach: (step, slots) => [slots.of("attachment", step.attachment), slots.of("buffer", step.buffer)],
  pin: (step, slots) => [slots.of("attachment", step.attachment)],
  unpin: (step, slots) => [slots.of("attachment", step.attachment)],
  map: mapOf,
  mapUnlocked: mapOf,
  unmap: unmapOf,
  unmapUnlocked: unmapOf,
  isRevocable: (step, slots) => [slots.of("attachment", step.attachment)],
  access: (step, slots) => [slots.of("mapping", step.mapping), accessKinds.indexOf(step.kind)],
  interrupt: (step, slots) => [slots.of("task", step.target)],
  acquireInit: withAcquire,
  acquireDone: withAcquire,
  acquireFini: withAcquire,
  lock: lockOf,
  lockInterruptible: lockOf,
  lockSlow: lockOf,
  lockSlowInterruptible: lockOf,
  trylock: withResv,
  unlock: withResv,
  reserveFences: (step, slots) => [slots.of("reservation", step.resv), step.count],
  addFence: (step, slots) => [
    slots.of("reservation", step.resv),
    slots.of("fence", step.fence),
    usageNumber(step.usage),
  ],
  replaceFences: (step, slots) => [
    slots.of("reservation", step.resv),
    slots.of("fence", step.old),
    slots.of("fence", step.fence),
    usageNumber(step.usage),
  ],
  copyFences: (step, slots) => [slots.of("reservation", step.destination), slots.of("reservation", step.source)],
  iterateFences: query,
  getFences: query,
  getSingleton: (step, slots) => [...query(step, slots), slots.of("fence", step.fence)],
  waitFences: (step, slots) => [...query(step, slots), flag(step.interruptible), step.timeout],
  testSignaled: query,
  setDeadline: (step, slots) => [...query(step, slots), step.deadline],
  fenceInit: (step, slots) => [
    slots.of("fence", step.fence),
    step.timeline,
    step.seqno,
    flag(step.seqno64),
    step.hooks.reduce((bits, hook) => bits | hookBits[hook], 0),
    flag(slots.software.has(step.fence)),
  ],
  fenceGet: withFence,
  fenceGetLive: withFence,
  fencePut: withFence,
  finishWork: withFence,
  signal: withFence,
  signalTimestamp: (step, slots) => [slots.of("fence", step.fence), step.timestamp],
  checkAndSignal: withFence,
  setError: (step, slots) => [slots.of("fence", step.fence), step.error],
  getStatus: withFence,
  isSignaled: withFence,
  timestamp: withFence,
  isLater: (step, slots) => [slots.of("fence", step.first), slots.of("fence", step.second)],
  addCallback: (step, slots) => [slots.of("fence", step.fence), slots.of("callback", step.callback)],
  removeCallback: (step, slots) => [slots.of("fence", step.fence), slots.of("callback", step.callback)],
  enableSignaling: withFence,
  setFenceDeadline: (step, slots) => [slots.of("fence", step.fence), step.deadline],
  waitFence: (step, slots) => [slots.of("fence", step.fence), flag(step.interruptible), step.timeout],
  waitAny: (step, slots) => [
    flag(step.interruptible),
    step.timeout,
    ...step.fences.map((fence) => slots.of("fence", fence)),
  ],
  beginSignalling: (step, slots) => [slots.of("signalling", step.section)],
  endSignalling: (step, slots) => [slots.of("signalling", step.section)],
  createArray: (step, slots) => [
    slots.of("fence", step.fence),
    step.timeline,
    step.seqno,
    flag(step.signalOnAny),
    ...step.members.map((member) => slots.of("fence", member)),
  ],
  createChain: (step, slots) => [
    slots.of("fence", step.fence),
    slots.of("fence", step.previous),
    slots.of("fence", step.contained),
    step.seqno,
  ],
  findSeqno: (step, slots) => [slots.of("fence", step.fence), step.seqno],
  merge: (step, slots) => [slots.of("fence", step.fence), ...step.fences.map((fence) => slots.of("fence", fence))],
} as const satisfies { readonly [K in OperationName]?: Encode<K> };

export type LinuxOperation = keyof typeof encoders;

/** Operations that a program for the kernel may have. */
export const linuxOperations: ReadonlySet<OperationName> = new Set(Object.keys(encoders) as LinuxOperation[]);

/** The numbers of a step's arguments. Throws a RangeError for an operation that the kernel's module does not have. */
export function encodeStep(step: Step, slots: Slots): readonly number[] {
  const encode = (encoders as Readonly<Record<string, Encode<OperationName>>>)[step.op];
  if (encode === undefined) throw new RangeError(`the kernel target has no ${step.op} (step ${step.id})`);
  return encode(step, slots);
}
