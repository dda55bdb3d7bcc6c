import { z } from "zod";
import { cpuHooks, type CallArgs, type CallName, type CallResults, type ResolvedSegment } from "../calls.ts";
import { type HookArgs, type HookName, type HookResults } from "../hooks.ts";
import type { ArgsIn, CallRecords, FieldKind, FieldKinds, ResultsIn } from "../call-record.ts";
import { faultCalls, faultHooks } from "../calls/faults.ts";
import { negotiationCalls, negotiationHooks } from "../calls/negotiation.ts";
import { pageTableCalls } from "../calls/page-tables.ts";
import { spaceCalls, spaceHooks } from "../calls/spaces.ts";
import { usages } from "../roles/handles.ts";
import { expected, flagField, listField, record, textField, wholeNumber, wordField } from "./fields.ts";

/** The zod types of the fields of T. */
type FieldsOf<T> = { readonly [F in keyof T & string]: z.ZodType<T[F]> };
type Tables<T> = { readonly [K in keyof T]: FieldsOf<T[K]> };

/** A name in a history: of the program's own making or given by whoever recorded it. */
export const name = z.string(expected("a name")).min(1, expected("a name, got empty text"));
const nameOrNullWords = expected("a name or null");
export const nameOrNull = z.string(nameOrNullWords).min(1, nameOrNullWords).nullable();
const textOrNull = z.string(expected("text or null")).nullable();
const names = listField(name);
export const direction = wordField(["bidirectional", "toDevice", "fromDevice", "none"]);
const usage = wordField(usages);
const ops = wordField(["static", "noCallback", "callback"]);
const fenceHook = wordField(["enableSignaling", "signaled", "wait", "release", "setDeadline"]);
export const accessKind = wordField(["read", "write", "speculativeRead"]);
export const placement = wordField(["system", "device"]);
const flag = flagField;
const integer = wholeNumber;

export const segment = record("a segment", {
  address: integer,
  length: integer,
  storage: nameOrNull,
  offset: integer,
  peer: wordField(["bus", "host"]).optional(),
}) as unknown as z.ZodType<ResolvedSegment>;
const range = record("a range", { offset: integer, length: integer });
const use = record("a use", { import: name, kind: accessKind });
const entry = record("an entry", { fence: name, usage });

const buffer = { buffer: name };
const fence = { fence: name };
const attachment = { attachment: name };
const acquire = { acquire: name };
const exporter = { exporter: name };
const query = { resv: name, usage };
const map = { attachment: nameOrNull, direction, mapping: name };
const unmap = { attachment: nameOrNull, mapping: nameOrNull, direction, altered: flag };
const mapResult = { table: nameOrNull, segments: listField(segment) };
const bracket = { buffer: name, direction };
const vmap = { buffer: name, view: name };
const vunmap = { buffer: name, view: nameOrNull };
const mmap = { buffer: name, view: name, offset: integer, pages: integer, shared: flag };
const vmapResult = { address: nameOrNull, iomem: flag };
const syncFileResult = {
  fence: nameOrNull,
  members: names,
  context: integer,
  number: integer,
  time: integer.nullable(),
  descriptor: integer,
  closeOnExec: flag,
};
const mmapResult = { file: nameOrNull, start: integer };
const imported = { import: name };

function declaredType(kind: FieldKind): z.ZodType {
  if (typeof kind !== "string") return wordField(kind);
  switch (kind) {
    case "name":
      return name;
    case "nameOrNull":
      return nameOrNull;
    case "names":
      return names;
    case "integer":
      return integer;
    case "integers":
      return listField(integer);
    case "flag":
      return flag;
    case "flags":
      return listField(flag);
  }
}

/** The zod types of declared fields. */
export function declaredTypes(fields: FieldKinds): Readonly<Record<string, z.ZodType>> {
  return Object.fromEntries(Object.entries(fields).map(([field, kind]) => [field, declaredType(kind)]));
}

/** The arguments of declared calls or hooks. Their types say the same: both are made from one declaration. */
function argumentsIn<T extends CallRecords>(records: T): Tables<ArgsIn<T>> {
  return Object.fromEntries(
    Object.entries(records).map(([key, { args }]) => [key, declaredTypes(args)]),
  ) as unknown as Tables<ArgsIn<T>>;
}

/** What they answer. */
function resultsIn<T extends CallRecords>(records: T): Tables<ResultsIn<T>> {
  return Object.fromEntries(
    Object.entries(records).map(([key, { results }]) => [key, declaredTypes(results)]),
  ) as unknown as Tables<ResultsIn<T>>;
}

/** Fields of each call beside what all calls have. */
export const callFields: Tables<CallArgs> = {
  ...argumentsIn(spaceCalls),
  ...argumentsIn(pageTableCalls),
  ...argumentsIn(faultCalls),
  ...argumentsIn(negotiationCalls),
  export: {
    buffer: name,
    exporter: name,
    size: integer,
    resv: nameOrNull,
    missing: names,
    attach: flag,
    detach: flag,
    pin: flag,
    unpin: flag,
    caching: flag,
    cpuHooks: listField(wordField(cpuHooks)),
  },
  exportFd: { buffer: name, fd: name, closeOnExec: flag },
  close: { fd: name },
  get: { fd: name, buffer: nameOrNull },
  getRef: buffer,
  put: buffer,
  invalidate: buffer,
  seek: { buffer: name, offset: integer, whence: integer },
  setName: { buffer: name, name: textOrNull },
  getName: buffer,
  listBuffers: {},
  attach: {
    buffer: nameOrNull,
    device: nameOrNull,
    importer: name,
    attachment: name,
    ops,
    allowPeer2peer: flag,
    dmaMask: integer,
    maxSegment: integer,
  },
  detach: { buffer: nameOrNull, attachment: nameOrNull, altered: flag },
  pin: attachment,
  unpin: attachment,
  map,
  mapUnlocked: map,
  unmap,
  unmapUnlocked: unmap,
  isRevocable: attachment,
  acquireInit: acquire,
  acquireDone: acquire,
  acquireFini: acquire,
  reserveFences: { resv: name, count: integer },
  addFence: { resv: name, fence: name, usage },
  replaceFences: { resv: name, context: integer, fence: name, usage },
  copyFences: { destination: name, source: name },
  iterateFences: query,
  getFences: query,
  getSingleton: query,
  waitFences: { resv: name, usage, interruptible: flag, timeout: integer },
  testSignaled: query,
  setDeadline: { resv: name, usage, deadline: integer },
  fenceInit: { fence: name, context: integer, seqno: integer, seqno64: flag, hooks: listField(fenceHook) },
  fenceGet: fence,
  fenceGetLive: fence,
  fencePut: fence,
  signal: fence,
  signalTimestamp: { fence: name, timestamp: integer },
  checkAndSignal: fence,
  setError: { fence: name, error: integer },
  getStatus: fence,
  isSignaled: fence,
  timestamp: fence,
  isLater: { first: name, second: name },
  addCallback: { fence: nameOrNull, callback: nameOrNull },
  removeCallback: { fence: name, callback: name },
  enableSignaling: fence,
  setFenceDeadline: { fence: name, deadline: integer },
  waitFence: { fence: name, interruptible: flag, timeout: integer },
  waitAny: { fences: names, interruptible: flag, timeout: integer },
  beginSignalling: {},
  endSignalling: { cookie: flag },
  createArray: { fence: name, members: names, context: integer, seqno: integer, signalOnAny: flag },
  createChain: { fence: name, previous: nameOrNull, contained: name, seqno: integer },
  findSeqno: { fence: name, seqno: integer },
  merge: { fence: name, fences: names },
  beginCpu: bracket,
  endCpu: bracket,
  ioctlSync: { buffer: name, flags: integer.nullable() },
  ioctl: { buffer: name, command: integer },
  vmap,
  vmapUnlocked: vmap,
  vunmap,
  vunmapUnlocked: vunmap,
  mmap,
  mmapFd: mmap,
  exportSyncFile: { buffer: name, syncFile: name, flags: integer.nullable() },
  importSyncFile: { buffer: name, syncFile: nameOrNull, flags: integer.nullable() },
  createSyncFile: { fence: name, syncFile: name },
  mergeSyncFiles: { first: name, second: nameOrNull, syncFile: name, flags: integer, pad: integer },
  syncFileInfo: { syncFile: name, count: integer, flags: integer, pad: integer },
  syncFileDeadline: { syncFile: name, deadline: integer, pad: integer },
  syncFileIoctl: { syncFile: name, command: integer },
  pollSyncFile: { syncFile: name, poller: nameOrNull },
  closeSyncFile: { syncFile: name },
  poll: { buffer: name, input: flag, output: flag, poller: nameOrNull },
  munmap: { buffer: name, view: name },
  import: { importer: name, buffer: name, import: name, direction },
  submit: { importer: name, uses: listField(use), job: name },
  complete: { job: name },
  stop: imported,
  release: imported,
  requestFd: { exporter: name, buffer: name, fd: name, closeOnExec: flag },
  exportRegion: { exporter: name, buffer: name, ranges: listField(range), flags: integer },
  move: { buffer: name, placement },
  evict: buffer,
  revoke: buffer,
  unrevoke: buffer,
  revokeForever: buffer,
  reset: exporter,
  setMemory: { exporter: name, on: flag },
  closeDevice: exporter,
  unloadOwner: exporter,
  interrupt: { target: name },
};

/** What returns answer beside their errno. */
export const callResults: Tables<CallResults> = {
  ...resultsIn(spaceCalls),
  ...resultsIn(pageTableCalls),
  ...resultsIn(faultCalls),
  ...resultsIn(negotiationCalls),
  export: { resv: nameOrNull },
  exportFd: { number: integer, closeOnExec: flag },
  get: { buffer: nameOrNull },
  attach: { peer2peer: flag },
  map: mapResult,
  mapUnlocked: mapResult,
  vmap: vmapResult,
  vmapUnlocked: vmapResult,
  exportSyncFile: syncFileResult,
  mergeSyncFiles: syncFileResult,
  createSyncFile: { descriptor: integer, closeOnExec: flag },
  syncFileInfo: {
    fences: integer,
    status: integer,
    records: listField(record("a record", { fence: name, status: integer })),
  },
  pollSyncFile: { answer: flag },
  poll: { readable: flag, writable: flag },
  mmap: mmapResult,
  mmapFd: mmapResult,
  isRevocable: { answer: flag },
  seek: { result: integer },
  getName: { name: textField },
  listBuffers: { buffers: names },
  iterateFences: { entries: listField(entry) },
  getFences: { fences: names },
  getSingleton: { fence: nameOrNull },
  waitFences: { result: integer },
  testSignaled: { answer: flag },
  signal: {},
  checkAndSignal: { answer: flag },
  getStatus: { status: integer },
  isSignaled: { answer: flag },
  timestamp: { time: integer },
  isLater: { answer: flag },
  removeCallback: { answer: flag },
  fenceGetLive: { answer: flag },
  waitFence: { result: integer },
  waitAny: { result: integer, index: integer },
  beginSignalling: { cookie: flag },
  createArray: { created: flag },
  createChain: { created: flag, context: integer, number: integer },
  findSeqno: { found: nameOrNull },
  merge: { merged: nameOrNull, context: integer, number: integer, members: names, time: integer.nullable() },
};

/** Fields of each hook beside what all hooks have. */
export const hookFields: Tables<HookArgs> = {
  ...argumentsIn(spaceHooks),
  ...argumentsIn(faultHooks),
  ...argumentsIn(negotiationHooks),
  attach: { buffer: name, attachment: name, peer2peer: flag },
  detach: { buffer: name, attachment: name },
  pin: attachment,
  unpin: attachment,
  map: { attachment: name, direction },
  unmap: { attachment: name, direction, table: nameOrNull },
  release: buffer,
  beginCpu: bracket,
  endCpu: bracket,
  vmap: buffer,
  vunmap: { buffer: name, address: nameOrNull },
  mmap,
  pollWake: { poller: name, input: flag, output: flag },
  cpuFault: { buffer: name, view: name, page: integer },
  invalidate: attachment,
  enableSignaling: fence,
  signaled: fence,
  fenceWait: { fence: name, interruptible: flag, timeout: integer },
  fenceRelease: fence,
  fenceDeadline: { fence: name, deadline: integer },
  callback: { fence: name, callback: name },
};

/** What hooks answer beside their errno. */
export const hookResults: Tables<HookResults> = {
  ...resultsIn(spaceHooks),
  ...resultsIn(faultHooks),
  ...resultsIn(negotiationHooks),
  attach: { peer2peer: flag },
  map: mapResult,
  vmap: vmapResult,
  enableSignaling: { answer: flag },
  signaled: { answer: flag },
  fenceWait: { result: integer },
};

/** All operations that histories name. */
export const callNames = Object.keys(callFields) as readonly CallName[];
export const hookNames = Object.keys(hookFields) as readonly HookName[];
