import type { CallName, CpuHook, AttachmentOps, ResolvedSegment } from "../calls.ts";
import type {
  CallEvent,
  CbEvent,
  CbRetEvent,
  ListEvent,
  LockEvent,
  LockForm,
  UnlockEvent,
  WaitFor,
  WarnEvent,
} from "../event.ts";
import { unknownPlatform, type Platform } from "../platform.ts";
import type { Direction, Placement } from "../roles/handles.ts";
import type { AddedState } from "../added-contract.ts";
import { field, table, type Row, type Table } from "./schema.ts";
import { dmaEntry, iovaSpace, provider, translation } from "./dma-tables.ts";
import { acquire, callback, fence, reservation } from "./fence-tables.ts";
import { faultTables } from "./fault-tables.ts";
import { spaceTables } from "./space-tables.ts";

export type { SlotState } from "./fault-tables.ts";
export type { EntryState, GrantState, MirrorState, NotifierState } from "./space-tables.ts";

/** A lock in a task's hands, in the order they were taken. */
export interface HeldLock {
  readonly lock: string;
  readonly lockClass: string;
  readonly form: LockForm;
  readonly acquire: string | null;
}

/** A mapping as the exporter's hooks know it. */
export interface HookMapping {
  readonly table: string;
  readonly direction: Direction;
}

/** What a call does in the framework's hands, as far as others can see it. */
export type TrailEvent = CbRetEvent | ListEvent | LockEvent | UnlockEvent | WarnEvent;

/** What happened directly inside one open frame, in order. */
export interface Trail {
  /** The seq of the frame. */
  readonly frame: number;
  readonly events: TrailEvent[];
}

/** A table that the map hook has returned and the importer has not got yet. What happens meanwhile concerns it already. */
export interface PendingTable {
  readonly table: string;
  /** Whose map it is. */
  readonly task: string;
  readonly epoch: number;
  readonly stale: boolean;
  readonly grace: readonly string[] | null;
}

/** An open bracket of CPU access. */
export interface Bracket {
  readonly by: string;
  readonly direction: Direction;
  /** The event with which it was open. */
  readonly since: number;
}

/**
 * Whether a buffer may be mapped. `changing`: access is being given back, either answer is right.
 * `unknown`: operations that change it overlapped, and none has come since.
 */
export type Access = "accessible" | "changing" | "unknown" | "revoked" | "revokedForever";

const buffer = table({
  exporter: field<string>(),
  size: field<number>("ghost"),
  resv: field<string>(),
  /** References anybody holds: creator, descriptors, get, explicit ones. */
  refs: field<number>(),
  /** Of these, the ones the program itself holds. */
  programRefs: field<number>(),
  /** The exporter's release hook has been called. */
  released: field<boolean>(),
  /** Times the release hook was called. */
  releases: field<number>("ghost"),
  access: field<Access>(),
  /** Driver operations that change its access overlap. */
  contested: field<boolean>("ghost"),
  /** Grows with every change of backing storage. */
  epoch: field<number>("relative"),
  storage: field<string | null>("ghost"),
  /** The exporter offers pin and unpin. */
  dynamic: field<boolean>(),
  caching: field<boolean>(),
  /** The exporter offers an attach hook, and a detach hook. */
  hasAttach: field<boolean>("ghost"),
  hasDetach: field<boolean>("ghost"),
  /** Attachments on the list, oldest first. */
  listed: field<string[]>(),
  name: field<string | null>("ghost"),
  /** Hooks for the CPU that the exporter offers. */
  cpuHooks: field<readonly CpuHook[]>("ghost"),
  /** Open brackets, oldest first. */
  brackets: field<readonly Bracket[]>(),
  /** Users of the one kernel address. */
  vmaps: field<number>(),
  /** The exporter's vmap hook has succeeded and its vunmap hook has not returned. */
  vmapHooked: field<boolean>("ghost"),
  /** Of `refs`, those that user mappings hold, and armed polls. */
  keepers: field<number>("ghost"),
});

const attachment = table({
  buffer: field<string>(),
  importer: field<string>(),
  device: field<string>("ghost"),
  ops: field<AttachmentOps>(),
  allowPeer2peer: field<boolean>(),
  peer2peer: field<boolean>(),
  phase: field<"attaching" | "attached" | "failed" | "detaching" | "detached">(),
  listed: field<boolean>(),
  /** The exporter's attach hook succeeded and its detach hook has not run. */
  hooked: field<boolean>(),
  /** Explicit pins of the importer. */
  pins: field<number>(),
  /** Pins the exporter knows of: explicit and automatic. */
  hookPins: field<number>(),
  /** Live mappings the importer owns, oldest first. */
  maps: field<string[]>(),
  /** Mappings the exporter has handed out and not got back. */
  hookMaps: field<HookMapping[]>(),
  /** Tables on their way from the hook to the importer. */
  pendingTables: field<readonly PendingTable[]>("ghost"),
  /** Invalidate callbacks that have returned. */
  invalidations: field<number>("relative"),
  /** The importer's device was stopped for this attachment. */
  stopped: field<boolean>(),
  /** The driver-level object this attachment belongs to: an import or a mirror. */
  import: field<string | null>("ghost"),
});

const mapping = table({
  attachment: field<string>(),
  buffer: field<string>(),
  direction: field<Direction>(),
  table: field<string>("ghost"),
  epoch: field<number>("relative"),
  segments: field<readonly ResolvedSegment[]>("ghost"),
  live: field<boolean>(),
  /** An invalidate callback for its attachment has begun since it was made. */
  stale: field<boolean>(),
  /** Unsignaled fences in the reservation when that callback returned; null before. */
  grace: field<readonly string[] | null>("ghost"),
});

const fd = table({
  buffer: field<string>(),
  open: field<boolean>(),
});

const task = table({
  /** Open calls and callbacks, outermost first. */
  frames: field<(CallEvent | CbEvent)[]>("ghost"),
  /** What happened inside them, by depth; an entry of a frame that is gone says nothing. Read with `trailOf`. */
  trails: field<Trail[]>("ghost"),
  held: field<HeldLock[]>(),
  waiting: field<WaitFor | null>(),
  /** Cookies of open signalling sections, outermost first. */
  signalling: field<boolean[]>(),
  /** An interruption was asked for and not yet delivered. */
  interrupted: field<boolean>(),
});

const imported = table({
  importer: field<string>(),
  buffer: field<string>(),
  attachment: field<string | null>(),
  phase: field<"importing" | "live" | "failed" | "released">(),
});

const view = table({
  buffer: field<string>(),
  by: field<string>(),
  kind: field<"vmap" | "mmap">(),
  live: field<boolean>(),
  /** Of a kernel address: its identity, and whether it is I/O memory. */
  address: field<string | null>("ghost"),
  iomem: field<boolean>(),
  /** Of a user mapping: first page of the buffer, length in pages, and whether writes go to the buffer. */
  start: field<number>("ghost"),
  pages: field<number>("ghost"),
  shared: field<boolean>("ghost"),
  /** Storage that its entries show; each once. */
  shows: field<readonly string[]>(),
});

const syncFile = table({
  fence: field<string>(),
  by: field<string>(),
  open: field<boolean>(),
  descriptor: field<number>("ghost"),
  /** Fences it stood for when it was made. */
  members: field<readonly string[]>("ghost"),
  /** Its fence is the result of a merge. */
  merged: field<boolean>("ghost"),
});

const job = table({
  importer: field<string>(),
  imports: field<readonly string[]>(),
  /** Fences added to reservation objects inside its submit. */
  fences: field<string[]>(),
  /** "started": on its device already, and its submit has not returned. */
  phase: field<"submitting" | "started" | "running" | "ended" | "refused">(),
});

const exporter = table({
  /** Memory decode and power are on. */
  memory: field<boolean>(),
  closed: field<boolean>(),
});

const lock = table({
  lockClass: field<string>(),
  owner: field<string | null>(),
});

const resource = table({
  what: field<string>(),
  by: field<string>(),
  /** Where storage lies. */
  placement: field<Placement | null>("ghost"),
  /** First byte of storage, null where nobody said. */
  physical: field<number | null>("ghost"),
  /** The device whose memory it is, where somebody said. */
  owner: field<string | null>("ghost"),
  /** A confidential guest shares it with its host. */
  shared: field<boolean>("ghost"),
  live: field<boolean>(),
});

/** The whole declaration, in the order the codec and the printer use. */
export const stateSchema = {
  buffers: buffer,
  attachments: attachment,
  mappings: mapping,
  reservations: reservation,
  acquires: acquire,
  fences: fence,
  callbacks: callback,
  fds: fd,
  tasks: task,
  imports: imported,
  views: view,
  syncFiles: syncFile,
  jobs: job,
  exporters: exporter,
  locks: lock,
  resources: resource,
  translations: translation,
  dmaEntries: dmaEntry,
  iovaSpaces: iovaSpace,
  providers: provider,
  ...spaceTables,
  ...faultTables,
} as const;

export type BufferState = Row<typeof buffer>;
export type AttachmentState = Row<typeof attachment>;
export type MappingState = Row<typeof mapping>;
export type ReservationState = Row<typeof reservation>;
export type AcquireState = Row<typeof acquire>;
export type FenceState = Row<typeof fence>;
export type CallbackState = Row<typeof callback>;
export type TaskState = Row<typeof task>;
export type ImportState = Row<typeof imported>;
export type SyncFileState = Row<typeof syncFile>;
export type ViewState = Row<typeof view>;
export type JobState = Row<typeof job>;
export type DmaEntryState = Row<typeof dmaEntry>;
export type IovaSpaceState = Row<typeof iovaSpace>;

/** Name of a table of the state. */
export type TableName = keyof typeof stateSchema;

/** The abstract state: what a history says about the world, and nothing a role keeps private. */
export type State = { readonly [K in TableName]: Table<(typeof stateSchema)[K]> } & {
  /** The drain has begun: what is still open at the end is definite. */
  draining: boolean;
  /** Counts reservation lock holds and acquire contexts, for stamps. */
  clock: number;
  /** What the set-up says of devices and the PCI tree. */
  platform: Platform;
  /** Tables of a contract beside the core; null in histories of the core. */
  added: AddedState | null;
};

/** Nothing exists yet. */
export function initialState(): State {
  return {
    buffers: new Map(),
    attachments: new Map(),
    mappings: new Map(),
    reservations: new Map(),
    acquires: new Map(),
    fences: new Map(),
    callbacks: new Map(),
    fds: new Map(),
    tasks: new Map(),
    imports: new Map(),
    views: new Map(),
    syncFiles: new Map(),
    jobs: new Map(),
    exporters: new Map(),
    locks: new Map(),
    resources: new Map(),
    translations: new Map(),
    dmaEntries: new Map(),
    iovaSpaces: new Map(),
    providers: new Map(),
    spaces: new Map(),
    vmas: new Map(),
    primaries: new Map(),
    notifiers: new Map(),
    mirrors: new Map(),
    entries: new Map(),
    grants: new Map(),
    agreements: new Map(),
    physicalLists: new Map(),
    slots: new Map(),
    demandTables: new Map(),
    rights: new Map(),
    draining: false,
    clock: 0,
    platform: unknownPlatform,
    added: null,
  };
}

/** Innermost open call of `op` in a task, or undefined. */
export function frameOf<K extends CallName>(taskState: TaskState | undefined, op: K): CallEvent<K> | undefined {
  if (taskState === undefined) return undefined;
  for (let index = taskState.frames.length - 1; index >= 0; index -= 1) {
    const frame = taskState.frames[index]!;
    if (frame.kind === "call" && frame.op === op) return frame as CallEvent<K>;
  }
  return undefined;
}

/** True if the task holds the lock. */
export function holds(state: State, taskName: string, lockName: string): boolean {
  const held = state.tasks.get(taskName)?.held;
  if (held === undefined) return false;
  for (const entry of held) if (entry.lock === lockName) return true;
  return false;
}

const nothing: readonly TrailEvent[] = [];

/** What happened directly inside an open call or callback of a task, given the seq of its frame. */
export function trailOf(state: State, taskName: string, frame: number): readonly TrailEvent[] {
  const trails = state.tasks.get(taskName)?.trails;
  return trails?.find((trail) => trail.frame === frame)?.events ?? nothing;
}
