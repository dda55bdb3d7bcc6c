import type { CallArgs, FenceHook } from "../../spec/calls.ts";
import type { OperationName } from "../../spec/operations/operations.ts";
import type { Step } from "../../spec/program.ts";
import { bufferCalls, exporterOf } from "./buffer-calls.ts";
import type { LinuxOperation } from "./encode-step.ts";
import type { Slots } from "./slots.ts";

/** Operations of the kernel that a history shows as call and return: all but locks and what only the harness knows. */
export type CalledOperation = Exclude<
  LinuxOperation,
  | "access"
  | "cpuAccess"
  | "lock"
  | "lockInterruptible"
  | "lockSlow"
  | "lockSlowInterruptible"
  | "trylock"
  | "unlock"
  | "finishWork"
>;

const fenceHooks = (hooks: Step<"fenceInit">["hooks"]): readonly FenceHook[] => {
  const has = (hook: FenceHook) =>
    hook === "enableSignaling" ? hooks.includes(hook) || hooks.includes("enableFails") : hooks.includes(hook);
  return (["enableSignaling", "signaled", "wait", "release", "setDeadline"] as const).filter(has);
};

const fence = ({ fence: name }: { readonly fence: string }) => ({ fence: name });
const acquire = ({ acquire: name }: { readonly acquire: string }) => ({ acquire: name });
const bracket = ({ buffer, direction }: Step<"beginCpu" | "endCpu">) => ({ buffer, direction });
const bufferBehind = (view: string, slots: Slots) => slots.made("view", view)?.buffer ?? "";
const vmapOf = ({ buffer, view }: Step<"vmap" | "vmapUnlocked">) => ({ buffer, view });
const vunmapOf = ({ view }: Step<"vunmap" | "vunmapUnlocked" | "munmap">, slots: Slots) => ({
  buffer: bufferBehind(view, slots),
  view,
});
const mmapOf = ({ buffer, view, offset, pages, shared }: Step<"mmap" | "mmapFd">) => ({
  buffer,
  view,
  offset,
  pages,
  shared,
});
const query = ({ resv, usage }: Pick<Step<"getFences">, "resv" | "usage">) => ({ resv, usage });

/** Who sleeps in the poll of a step. */
export const pollerOf = (step: string) => `${step}.poller1`;

/** Arguments of each call as a history records them. Contexts are put in when the kernel has told them. */
export const callArgs: { readonly [K in CalledOperation]: (step: Step<K>, slots: Slots) => CallArgs[K] } = {
  ...bufferCalls,
  interrupt: ({ target }) => ({ target }),
  acquireInit: acquire,
  acquireDone: acquire,
  acquireFini: acquire,
  reserveFences: ({ resv, count }) => ({ resv, count }),
  addFence: ({ resv, fence: name, usage }) => ({ resv, fence: name, usage }),
  replaceFences: ({ resv, fence: name, usage }) => ({ resv, context: 0, fence: name, usage }),
  copyFences: ({ destination, source }) => ({ destination, source }),
  iterateFences: query,
  getFences: query,
  getSingleton: query,
  waitFences: ({ resv, usage, interruptible, timeout }) => ({ resv, usage, interruptible, timeout }),
  testSignaled: query,
  setDeadline: ({ resv, usage, deadline }) => ({ resv, usage, deadline }),
  fenceInit: ({ fence: name, seqno, seqno64, hooks }) => ({
    fence: name,
    context: 0,
    seqno,
    seqno64,
    hooks: fenceHooks(hooks),
  }),
  fenceGet: fence,
  fenceGetLive: fence,
  fencePut: fence,
  signal: fence,
  signalTimestamp: ({ fence: name, timestamp }) => ({ fence: name, timestamp }),
  checkAndSignal: fence,
  setError: ({ fence: name, error }) => ({ fence: name, error }),
  getStatus: fence,
  isSignaled: fence,
  timestamp: fence,
  isLater: ({ first, second }) => ({ first, second }),
  addCallback: ({ fence: name, callback }) => ({ fence: name, callback }),
  removeCallback: ({ fence: name, callback }) => ({ fence: name, callback }),
  enableSignaling: fence,
  setFenceDeadline: ({ fence: name, deadline }) => ({ fence: name, deadline }),
  waitFence: ({ fence: name, interruptible, timeout }) => ({ fence: name, interruptible, timeout }),
  waitAny: ({ fences, interruptible, timeout }) => ({ fences, interruptible, timeout }),
  beginSignalling: () => ({}),
  endSignalling: () => ({ cookie: false }),
  createArray: ({ fence: name, members, seqno, signalOnAny }) => ({
    fence: name,
    members,
    context: 0,
    seqno,
    signalOnAny,
  }),
  createChain: ({ fence: name, previous, contained, seqno }) => ({ fence: name, previous, contained, seqno }),
  findSeqno: ({ fence: name, seqno }) => ({ fence: name, seqno }),
  merge: ({ fence: name, fences }) => ({ fence: name, fences }),
  move: ({ buffer, placement }) => ({ buffer, placement }),
  evict: ({ buffer }) => ({ buffer }),
  revoke: ({ buffer }) => ({ buffer }),
  unrevoke: ({ buffer }) => ({ buffer }),
  setName: ({ buffer, name }) => ({ buffer, name }),
  getName: ({ buffer }) => ({ buffer }),
  requestFd: (step, slots) => {
    const { buffer, fd, closeOnExec } = step;
    return { exporter: exporterOf(slots, buffer), buffer, fd, closeOnExec };
  },
  beginCpu: bracket,
  endCpu: bracket,
  ioctlSync: ({ buffer, flags, unreadable }) => ({ buffer, flags: unreadable ? null : flags }),
  ioctl: ({ buffer, command }) => ({ buffer, command }),
  vmap: vmapOf,
  vmapUnlocked: vmapOf,
  vunmap: vunmapOf,
  vunmapUnlocked: vunmapOf,
  mmap: mmapOf,
  mmapFd: mmapOf,
  munmap: vunmapOf,
  poll: ({ id, buffer, input, output, sleep }) => ({
    buffer,
    input,
    output,
    poller: sleep && (input || output) ? pollerOf(id) : null,
  }),
  exportSyncFile: ({ buffer, syncFile, flags, unreadable }) => ({ buffer, syncFile, flags: unreadable ? null : flags }),
  importSyncFile: ({ buffer, syncFile, flags, unreadable }) => ({ buffer, syncFile, flags: unreadable ? null : flags }),
  createSyncFile: ({ fence: name, syncFile }) => ({ fence: name, syncFile }),
  mergeSyncFiles: ({ first, second, syncFile, flags, pad }) => ({ first, second, syncFile, flags, pad }),
  syncFileInfo: ({ syncFile, count, flags, pad }) => ({ syncFile, count, flags, pad }),
  syncFileDeadline: ({ syncFile, deadline, pad }) => ({ syncFile, deadline, pad }),
  syncFileIoctl: ({ syncFile, command }) => ({ syncFile, command }),
  pollSyncFile: ({ id, syncFile, sleep }) => ({ syncFile, poller: sleep ? pollerOf(id) : null }),
  closeSyncFile: ({ syncFile }) => ({ syncFile }),
};

export const isCalled = (op: OperationName): op is CalledOperation => Object.hasOwn(callArgs, op);
