import type { CallRecords } from "./call-record.ts";
import type { CallArgs } from "./calls.ts";
import type { HookArgs } from "./hooks.ts";
import { faultCalls, faultHooks } from "./calls/faults.ts";
import { negotiationCalls, negotiationHooks } from "./calls/negotiation.ts";
import { pageTableCalls } from "./calls/page-tables.ts";
import { spaceCalls, spaceHooks } from "./calls/spaces.ts";
import type { OperationName } from "./operations/operations.ts";
import type { Step } from "./program.ts";

type Phrases<T> = { readonly [K in keyof T]: (of: T[K]) => string };

const nothing = "nothing";
const listed = (names: readonly string[]) => (names.length === 0 ? nothing : names.join(" "));
const when = (condition: boolean, text: string) => (condition ? ` ${text}` : "");
const within = (name: string | null) => (name === null ? "" : ` in ${name}`);
function limit(timeout: number): string {
  if (timeout === 0) return ", poll";
  // MAX_SCHEDULE_TIMEOUT: as long as it takes.
  return timeout >= Number.MAX_SAFE_INTEGER ? "" : `, timeout ${timeout}`;
}

const wait = ({ interruptible, timeout }: { readonly interruptible: boolean; readonly timeout: number }) =>
  `${limit(timeout)}${interruptible ? ", interruptible" : ""}`;

const arrayOf = (of: Pick<CallArgs["createArray"], "fence" | "members" | "signalOnAny">) =>
  `create array ${of.fence} of ${listed(of.members)}${when(of.signalOnAny, "on any")}`;
const getBuffer = (fd: string) => `get the buffer behind ${fd}`;
const detach = (of: Omit<CallArgs["detach"], "altered">) =>
  `detach ${of.attachment ?? nothing} from ${of.buffer ?? nothing}`;
const requestFd = (of: Omit<CallArgs["requestFd"], "exporter">) =>
  `ask for a descriptor ${of.fd} of ${of.buffer}${when(of.closeOnExec, "close-on-exec")}`;
const mapAs = (of: CallArgs["map"], form: string) =>
  `map${form} ${of.attachment ?? nothing} ${of.direction} as ${of.mapping}`;
const unmap = (of: CallArgs["unmap"], form: string) =>
  `unmap${form} ${of.mapping ?? "no live mapping"} of ${of.attachment ?? nothing} ${of.direction}${when(of.altered, "with an altered table")}`;

const mmapAs = (of: CallArgs["mmap"], form: string) =>
  `mmap ${form} ${of.pages} pages of ${of.buffer} from page ${of.offset} as ${of.view}${when(!of.shared, "private")}`;
const syncRequest = (buffer: string, flags: number | null) =>
  `sync request on ${buffer} with ${flags === null ? "a pointer that faults" : `flags ${flags}`}`;
type PhrasesIn<T> = { readonly [K in keyof T]: T[K] extends { readonly phrase: infer P } ? P : never };

/** The words of declared calls. */
function phrasesIn<T extends CallRecords>(records: T): PhrasesIn<T> {
  return Object.fromEntries(Object.entries(records).map(([name, { phrase }]) => [name, phrase])) as PhrasesIn<T>;
}

const spacePhrases = phrasesIn(spaceCalls);

const flagText = (flags: number | null) => (flags === null ? "a pointer that faults" : `flags ${flags}`);
const exportSync = (of: { readonly buffer: string; readonly syncFile: string }, flags: number | null) =>
  `export the fences of ${of.buffer} as ${of.syncFile} with ${flagText(flags)}`;
const importSync = (of: { readonly buffer: string; readonly syncFile: string | null }, flags: number | null) =>
  `import ${of.syncFile ?? "no sync file"} into ${of.buffer} with ${flagText(flags)}`;
const badFlags = (of: { readonly flags: number; readonly pad: number }) =>
  `${when(of.flags !== 0, "with flags set")}${when(of.pad !== 0, "with padding set")}`;
const pollFor = (of: { readonly buffer: string; readonly input: boolean; readonly output: boolean }) =>
  `poll ${of.buffer} for ${of.input ? (of.output ? "input and output" : "input") : of.output ? "output" : "nothing"}`;

/** Each call in a few words, as failure blocks show it. */
export const callPhrases: Phrases<CallArgs> = {
  ...spacePhrases,
  ...phrasesIn(pageTableCalls),
  ...phrasesIn(faultCalls),
  ...phrasesIn(negotiationCalls),
  export: (of) =>
    `export ${of.buffer}, ${of.size} bytes${when(of.pin, "dynamic")}${of.missing.length === 0 ? "" : ` without ${listed(of.missing)}`}`,
  exportFd: (of) => `put ${of.buffer} behind ${of.fd}${when(of.closeOnExec, "close-on-exec")}`,
  close: (of) => `close ${of.fd}`,
  get: (of) => getBuffer(of.fd),
  getRef: (of) => `get a reference on ${of.buffer}`,
  put: (of) => `put ${of.buffer}`,
  invalidate: (of) => `invalidate ${of.buffer}`,
  seek: (of) =>
    `seek ${of.buffer} by ${of.offset} from ${["the start", "here", "the end"][of.whence] ?? `whence ${of.whence}`}`,
  setName: (of) => `name ${of.buffer} ${of.name === null ? "from a pointer that faults" : JSON.stringify(of.name)}`,
  getName: (of) => `read the name of ${of.buffer}`,
  listBuffers: () => "list all buffers",
  attach: (of) =>
    `attach ${of.importer} to ${of.buffer ?? nothing} as ${of.attachment} ${of.ops === "noCallback" ? "dynamic without callback" : of.ops === "callback" ? "dynamic" : "static"}${when(of.device === null, "without device")}`,
  detach,
  pin: (of) => `pin ${of.attachment}`,
  unpin: (of) => `unpin ${of.attachment}`,
  map: (of) => mapAs(of, ""),
  mapUnlocked: (of) => mapAs(of, " unlocked"),
  unmap: (of) => unmap(of, ""),
  unmapUnlocked: (of) => unmap(of, " unlocked"),
  isRevocable: (of) => `ask whether ${of.attachment} is revocable`,
  acquireInit: (of) => `start acquire context ${of.acquire}`,
  acquireDone: (of) => `${of.acquire} has all its locks`,
  acquireFini: (of) => `end acquire context ${of.acquire}`,
  reserveFences: (of) => `reserve ${of.count} fence slots in ${of.resv}`,
  addFence: (of) => `add ${of.fence} to ${of.resv} as ${of.usage}`,
  replaceFences: (of) => `replace the fences of timeline ${of.context} in ${of.resv} by ${of.fence} as ${of.usage}`,
  copyFences: (of) => `copy the fences of ${of.source} to ${of.destination}`,
  iterateFences: (of) => `walk the ${of.usage} fences of ${of.resv}`,
  getFences: (of) => `get the ${of.usage} fences of ${of.resv}`,
  getSingleton: (of) => `get one fence for the ${of.usage} fences of ${of.resv}`,
  waitFences: (of) => `wait for the ${of.usage} fences of ${of.resv}${wait(of)}`,
  testSignaled: (of) => `test the ${of.usage} fences of ${of.resv}`,
  setDeadline: (of) => `set deadline ${of.deadline} for the ${of.usage} fences of ${of.resv}`,
  fenceInit: (of) => `create fence ${of.fence} as ${of.context}:${of.seqno}${when(of.seqno64, "64-bit")}`,
  fenceGet: (of) => `get a reference on ${of.fence}`,
  fenceGetLive: (of) => `get a reference on ${of.fence} if it lives`,
  fencePut: (of) => `put ${of.fence}`,
  signal: (of) => `signal ${of.fence}`,
  signalTimestamp: (of) => `signal ${of.fence} at time ${of.timestamp}`,
  checkAndSignal: (of) => `check and signal ${of.fence}`,
  setError: (of) => `set error ${of.error} on ${of.fence}`,
  getStatus: (of) => `read the status of ${of.fence}`,
  isSignaled: (of) => `ask whether ${of.fence} is signaled`,
  timestamp: (of) => `read the time of ${of.fence}`,
  isLater: (of) => `ask whether ${of.first} is later than ${of.second}`,
  addCallback: (of) => `add callback ${of.callback ?? nothing} to ${of.fence ?? nothing}`,
  removeCallback: (of) => `remove callback ${of.callback} from ${of.fence}`,
  enableSignaling: (of) => `enable signaling of ${of.fence}`,
  setFenceDeadline: (of) => `set deadline ${of.deadline} for ${of.fence}`,
  waitFence: (of) => `wait for ${of.fence}${wait(of)}`,
  waitAny: (of) => `wait for any of ${listed(of.fences)}${wait(of)}`,
  beginSignalling: () => "begin a signalling section",
  endSignalling: () => "end the signalling section",
  createArray: (of) => arrayOf(of),
  createChain: (of) => `create chain ${of.fence} at ${of.seqno} of ${of.contained} behind ${of.previous ?? nothing}`,
  findSeqno: (of) => `find point ${of.seqno} in ${of.fence}`,
  merge: (of) => `merge ${listed(of.fences)} as ${of.fence}`,
  beginCpu: (of) => `begin CPU access to ${of.buffer} ${of.direction}`,
  endCpu: (of) => `end CPU access to ${of.buffer} ${of.direction}`,
  ioctlSync: (of) => syncRequest(of.buffer, of.flags),
  ioctl: (of) => `request ${of.command} on ${of.buffer}`,
  vmap: (of) => `vmap ${of.buffer} as ${of.view}`,
  vmapUnlocked: (of) => `vmap unlocked ${of.buffer} as ${of.view}`,
  vunmap: (of) => `vunmap ${of.view ?? "an unknown address"}`,
  vunmapUnlocked: (of) => `vunmap unlocked ${of.view ?? "an unknown address"}`,
  mmap: (of) => mmapAs(of, "for a driver"),
  mmapFd: (of) => mmapAs(of, "by descriptor"),
  exportSyncFile: (of) => exportSync(of, of.flags),
  importSyncFile: (of) => importSync(of, of.flags),
  createSyncFile: (of) => `put ${of.fence} behind sync file ${of.syncFile}`,
  mergeSyncFiles: (of) => `merge ${of.first} and ${of.second ?? "no sync file"} as ${of.syncFile}${badFlags(of)}`,
  syncFileInfo: (of) => `info of ${of.syncFile} with room for ${of.count}${badFlags(of)}`,
  syncFileDeadline: (of) => `deadline ${of.deadline} for ${of.syncFile}${when(of.pad !== 0, "with padding set")}`,
  syncFileIoctl: (of) => `request ${of.command} on ${of.syncFile}`,
  pollSyncFile: (of) => `poll ${of.syncFile}${of.poller === null ? "" : ` for ${of.poller}`}`,
  closeSyncFile: (of) => `close ${of.syncFile}`,
  poll: (of) => `${pollFor(of)}${of.poller === null ? "" : ` for ${of.poller}`}`,
  munmap: (of) => `munmap ${of.view}`,
  import: (of) => `import ${of.buffer} into ${of.importer} ${of.direction} as ${of.import}`,
  submit: (of) => `submit ${of.job} to ${of.importer}: ${listed(of.uses.map((use) => `${use.kind} ${use.import}`))}`,
  complete: (of) => `complete ${of.job}`,
  stop: (of) => `stop ${of.import}`,
  release: (of) => `release ${of.import}`,
  requestFd,
  exportRegion: (of) =>
    `export ${of.ranges.length} ranges of the region of ${of.exporter} as ${of.buffer}${when(of.flags !== 0, `with flags ${of.flags}`)}`,
  move: (of) => `move ${of.buffer} to ${of.placement} memory`,
  evict: (of) => `evict ${of.buffer}`,
  revoke: (of) => `revoke ${of.buffer}`,
  unrevoke: (of) => `unrevoke ${of.buffer}`,
  revokeForever: (of) => `revoke ${of.buffer} for good`,
  reset: (of) => `reset ${of.exporter}`,
  setMemory: (of) => `turn the memory of ${of.exporter} ${of.on ? "on" : "off"}`,
  closeDevice: (of) => `close the device of ${of.exporter}`,
  unloadOwner: (of) => `unload the module of ${of.exporter}`,
  interrupt: (of) => `interrupt ${of.target}`,
};

type StepPhrases = { readonly [K in OperationName]: (step: Step<K>) => string };

const lock = (how: string) => (step: { readonly resv: string; readonly acquire: string | null }) =>
  `${how} ${step.resv}${within(step.acquire)}`;
const unmapStep = (form: string) => (step: { readonly mapping: string; readonly direction: string }) =>
  `unmap${form} ${step.mapping} ${step.direction}`;

/** Each step in a few words: as its call where a step says as much as the call does. */
export const stepPhrases: StepPhrases = {
  ...callPhrases,
  mapPhysical: (of) => `map ${of.attachment} as a physical list`,
  unmapPhysical: (of) => `unmap the physical list of ${of.attachment}`,
  negotiate: (of) =>
    `negotiate ${of.buffer} for ${of.importer} as ${of.attachment}: ${of.accept.join(" or ") || "nothing"}`,
  touch: (of) => `${of.access} at page ${of.page} of ${of.mirror}`,
  detach,
  requestFd,
  export: (of) =>
    `export ${of.buffer}${when(of.caching, "caching")}${of.missing.length === 0 ? "" : ` without ${listed(of.missing)}`}`,
  get: (of) => getBuffer(of.fd),
  attach: (of) =>
    `attach ${of.importer} to ${of.buffer ?? nothing} as ${of.attachment}${when(of.noDevice, "without device")}`,
  exportSyncFile: (of) => exportSync(of, of.unreadable ? null : of.flags),
  importSyncFile: (of) =>
    `${importSync(of, of.unreadable ? null : of.flags)}${of.other === null ? "" : `, by the descriptor ${of.other}`}`,
  mergeSyncFiles: (of) =>
    `merge ${of.first} and ${of.second ?? of.other ?? "no sync file"} as ${of.syncFile}${badFlags(of)}`,
  pollSyncFile: (of) => `poll ${of.syncFile}${when(of.sleep, "and sleep")}`,
  poll: (of) => `${pollFor(of)}${when(of.sleep, "and sleep")}`,
  munmap: (of) => `munmap ${of.view}`,
  vunmap: (of) => `vunmap ${of.view}`,
  vunmapUnlocked: (of) => `vunmap unlocked ${of.view}`,
  ioctlSync: (of) => syncRequest(of.buffer, of.unreadable ? null : of.flags),
  cpuAccess: (of) => `CPU ${of.kind} at ${of.offset} through ${of.view}${when(of.io, "with I/O accessors")}`,
  unmap: unmapStep(""),
  unmapUnlocked: unmapStep(" unlocked"),
  access: (of) => `${of.kind === "speculativeRead" ? "speculative read" : of.kind} through ${of.mapping}`,
  submit: (of) => `submit ${of.job} to ${of.importer}: ${of.kind} ${listed(of.imports)}`,
  lock: lock("lock"),
  lockInterruptible: lock("lock, interruptible,"),
  lockSlow: lock("lock, slow path,"),
  lockSlowInterruptible: lock("lock, slow path, interruptible,"),
  trylock: (of) => `try to lock ${of.resv}`,
  unlock: (of) => `unlock ${of.resv}`,
  replaceFences: (of) => `replace the fences of ${of.old}'s timeline in ${of.resv} by ${of.fence} as ${of.usage}`,
  getSingleton: (of) => `get one fence for the ${of.usage} fences of ${of.resv} as ${of.fence}`,
  fenceInit: (of) =>
    `create fence ${of.fence} as ${of.timeline}:${of.seqno}${when(of.seqno64, "64-bit")}${of.hooks.length === 0 ? "" : ` with ${listed(of.hooks)}`}`,
  exportRegion: (of) =>
    `export ${of.count} ranges of ${of.length} bytes of the region, from ${of.offset} on, ${of.stride} apart, as ${of.buffer}${when(of.flags !== 0, `with flags ${of.flags}`)}`,
  providerInit: (of) => `make the BAR of ${of.device} known to peers`,
  providerGone: (of) => `unbind the driver of ${of.device}`,
  providerFor: (of) => `ask for the provider of ${of.device}`,
  mapType: (of) => `ask how ${of.client} reaches the memory of ${of.provider}`,
  distance: (of) => `ask how far ${listed(of.clients)} are from ${of.provider}`,
  pageLookup: (of) =>
    `look up a page of ${of.owner ?? "RAM"}${when(of.optIn, "with opt-in")}${when(of.longTerm, "for long")}`,
  dmaMap: (of) =>
    `DMA-map ${of.pieces} × ${of.pages} pages of ${of.owner ?? "RAM"} from page ${of.first} on for ${of.device} ${of.direction}${when(of.attributes.length > 0, `with ${listed(of.attributes)}`)} as ${of.entry}`,
  dmaUnmap: (of) => `DMA-unmap ${of.entry}`,
  dmaSync: (of) => `sync ${of.entry} for the ${of.owner}`,
  setMask: (of) => `set the ${of.coherent ? "coherent" : "DMA"} mask of ${of.device} to ${of.bits} bits`,
  finishWork: (of) => `finish the work of ${of.fence}`,
  hang: (of) => `hang in ${of.job}`,
  createArray: (of) => arrayOf(of),
  beginSignalling: (of) => `begin signalling section ${of.section}`,
  endSignalling: (of) => `end signalling section ${of.section}`,
};

/** Each hook in a few words. */
export const hookPhrases: Phrases<HookArgs> = {
  ...phrasesIn(spaceHooks),
  ...phrasesIn(faultHooks),
  ...phrasesIn(negotiationHooks),
  attach: (of) => `attach ${of.attachment}${when(of.peer2peer, "peer-to-peer")}`,
  detach: (of) => `detach ${of.attachment}`,
  pin: (of) => `pin ${of.attachment}`,
  unpin: (of) => `unpin ${of.attachment}`,
  map: (of) => `map ${of.attachment} ${of.direction}`,
  unmap: (of) => `unmap ${of.attachment} ${of.direction}`,
  release: (of) => `release ${of.buffer}`,
  beginCpu: (of) => `begin CPU access to ${of.buffer} ${of.direction}`,
  endCpu: (of) => `end CPU access to ${of.buffer} ${of.direction}`,
  vmap: (of) => `vmap ${of.buffer}`,
  vunmap: (of) => `vunmap ${of.buffer}`,
  mmap: (of) => mmapAs(of, "hook,"),
  pollWake: (of) => `wake ${of.poller}${when(of.input, "for input")}${when(of.output, "for output")}`,
  cpuFault: (of) => `CPU fault at page ${of.page} of ${of.view}`,
  invalidate: (of) => `invalidate ${of.attachment}`,
  enableSignaling: (of) => `enable signaling of ${of.fence}`,
  signaled: (of) => `is ${of.fence} signaled?`,
  fenceWait: (of) => `wait for ${of.fence}${wait(of)}`,
  fenceRelease: (of) => `release ${of.fence}`,
  fenceDeadline: (of) => `deadline ${of.deadline} for ${of.fence}`,
  callback: (of) => `callback ${of.callback} of ${of.fence}`,
};
