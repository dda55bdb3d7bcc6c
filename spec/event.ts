import type { CallArgs, CallName, CallResults } from "./calls.ts";
import type { HookArgs, HookName, HookResults } from "./hooks.ts";
import type { Errno } from "./errno.ts";
import type { EventBase } from "./event-base.ts";
import type { DmaEvent, HelperEvent, PeerEvent, PlatformEvent, TouchEvent } from "./platform-event.ts";
import type { Protection } from "./roles/dma.ts";
import type { AccessKind, RequestKind } from "./roles/env.ts";
import type { Placement } from "./roles/handles.ts";

type ArgsOf<T, K extends PropertyKey> = K extends keyof T ? T[K] : object;

/** An operation begins. `by` is the role instance that calls (`i1`, `e1`, `framework`, `program`). */
export type CallEvent<K extends CallName = CallName> = {
  [P in K]: EventBase & { readonly kind: "call"; readonly op: P; readonly by: string } & CallArgs[P];
}[K];

/** An operation returns. Carries its arguments again; `call` is the seq of the matching call. */
export type RetEvent<K extends CallName = CallName> = {
  [P in K]: EventBase & {
    readonly kind: "ret";
    readonly op: P;
    readonly by: string;
    readonly call: number;
    readonly errno: Errno;
  } & Omit<CallArgs[P], keyof ArgsOf<CallResults, P>> &
    ArgsOf<CallResults, P>;
}[K];

/** A hook or callback of a role begins. `to` is the role instance that is called. */
export type CbEvent<K extends HookName = HookName> = {
  [P in K]: EventBase & { readonly kind: "cb"; readonly hook: P; readonly to: string } & HookArgs[P];
}[K];

/** A hook returns. `injected`: the harness answered in the role's place (failure injection). */
export type CbRetEvent<K extends HookName = HookName> = {
  [P in K]: EventBase & {
    readonly kind: "cbret";
    readonly hook: P;
    readonly to: string;
    readonly cb: number;
    readonly errno: Errno;
    readonly injected: boolean;
  } & Omit<HookArgs[P], keyof ArgsOf<HookResults, P>> &
    ArgsOf<HookResults, P>;
}[K];

/** How a lock was asked for. */
export type LockForm = "plain" | "interruptible" | "slow" | "slowInterruptible" | "try";

/** A lock request as both its moments carry it. */
export interface LockRequest {
  readonly lock: string;
  /** "reservation", or the class of a private lock. */
  readonly lockClass: string;
  readonly form: LockForm;
  /** The acquire context of a reservation lock. */
  readonly acquire: string | null;
  readonly by: string;
}

/** A lock request is answered. errno 0: held from here on. EBUSY: a trylock that failed. `waited`: a `blocked` came before. */
export interface LockEvent extends EventBase, LockRequest {
  readonly kind: "lock";
  readonly errno: Errno;
  readonly waited: boolean;
}

export interface UnlockEvent extends EventBase {
  readonly kind: "unlock";
  readonly lock: string;
  readonly lockClass: string;
  readonly by: string;
}

/** What a task waits for, by name. */
export type WaitFor =
  | ({ readonly kind: "lock" } & LockRequest)
  | { readonly kind: "fence"; readonly fence: string }
  | { readonly kind: "unmapped"; readonly buffer: string }
  | { readonly kind: "other"; readonly what: string };

export interface BlockedEvent extends EventBase {
  readonly kind: "blocked";
  readonly wait: WaitFor;
  readonly interruptible: boolean;
}

export interface ResumedEvent extends EventBase {
  readonly kind: "resumed";
  readonly wait: WaitFor;
  /** EINTR: an interruption ended the wait. */
  readonly errno: Errno;
}

/** A fence becomes signaled. `time` is its timestamp. */
export interface SignalEvent extends EventBase {
  readonly kind: "signal";
  readonly fence: string;
  readonly time: number;
  readonly error: number;
}

/** A device touches memory through a mapping. */
export interface AccessEvent extends EventBase {
  readonly kind: "access";
  readonly importer: string;
  readonly attachment: string;
  /** Null: addresses of no mapping that is live or was. */
  readonly mapping: string | null;
  /** The job of the device in which it happens; null outside any. */
  readonly job: string | null;
  readonly access: AccessKind;
  readonly address: number;
  readonly answer: "ok" | "fault";
  /** What the address resolved to; null on a fault. */
  readonly storage: string | null;
  /** What the device sent, where its driver has chosen. */
  readonly request?: RequestKind;
  /**
   * The event that wrote what a read saw; null for writes, faults, and memory that nobody has written. Absent where nobody
   * keeps the content, as of a kernel: then no rule judges it.
   */
  readonly seen?: number | null;
}

/** The CPU touches a byte of a view. */
export interface CpuEvent extends EventBase {
  readonly kind: "cpu";
  readonly by: string;
  readonly buffer: string;
  readonly view: string;
  readonly access: "read" | "write";
  /** Byte of the buffer. */
  readonly offset: number;
  /** With the accessors for I/O memory. */
  readonly io: boolean;
  /** `sigbus`: a user mapping without a page; `fault`: a kernel address that reaches nothing, or memory that is off. */
  readonly answer: "ok" | "sigbus" | "fault";
  /** What was touched, and the byte of it; null and 0 where nothing was. */
  readonly storage: string | null;
  readonly storageOffset: number;
  /** As with `access`. */
  readonly seen?: number | null;
  /** Of memory that a confidential guest shares with its host: whether the view takes it for such. */
  readonly decrypted?: boolean;
}

/** Pages of a user mapping get entries, or lose them. `page` counts from the start of the mapping. */
export interface PageEvent extends EventBase {
  readonly kind: "page";
  readonly buffer: string;
  readonly view: string;
  readonly on: boolean;
  readonly page: number;
  readonly count: number;
  /** What the first page shows, in bytes; null and 0 where entries go. */
  readonly storage: string | null;
  readonly offset: number;
}

/** Something is allocated or taken: `storage`, `power`, `registration`, `private`. `of`: what it belongs to, where known. */
export interface AllocEvent extends EventBase {
  readonly kind: "alloc";
  readonly what: string;
  /** Empty where nothing came of it. */
  readonly id: string;
  readonly by: string;
  /** Of storage: where it lies. Null otherwise. */
  readonly placement: Placement | null;
  /** ENOMEM: refused by injection, nothing was allocated. */
  readonly errno: Errno;
  /** Of storage, where the platform is described: its first byte, and the device it belongs to. */
  readonly physical?: number;
  readonly owner?: string | null;
}

/** Freed or given back. A fence's last reference appears as what: "fence". */
export interface FreeEvent extends EventBase {
  readonly kind: "free";
  readonly what: string;
  readonly id: string;
  readonly by: string;
}

/** The storage behind a buffer changes. */
export interface EpochEvent extends EventBase {
  readonly kind: "epoch";
  readonly buffer: string;
  readonly change: "export" | "move" | "revoke" | "unrevoke";
  readonly storage: string | null;
}

/** A device address becomes or stops being valid. Bytes. */
export interface TranslateEvent extends EventBase {
  readonly kind: "translate";
  readonly device: string;
  readonly on: boolean;
  readonly address: number;
  readonly length: number;
  readonly storage: string;
  readonly offset: number;
  /** How caches treat it, where the platform is described. */
  readonly protection?: Protection;
}

/** The contract beside the core whose operations a history may hold: its first event. Histories of the core have none. */
export interface ContractEvent extends EventBase {
  readonly kind: "contract";
  readonly name: string;
  /** As `AddedContract` has it. */
  readonly hash: string;
}

/** An attachment enters or leaves its buffer's list. */
export interface ListEvent extends EventBase {
  readonly kind: "list";
  readonly attachment: string;
  readonly listed: boolean;
}

/**
 * The memory of an exporter's device goes on or off, an importer's device stops for an attachment,
 * or a job of a device begins, hangs or ends (`exporter` names whose it is unless it is an importer's).
 */
export interface DeviceEvent extends EventBase {
  readonly kind: "device";
  readonly change: "memoryOn" | "memoryOff" | "stop" | "jobStart" | "jobHang" | "jobEnd";
  readonly exporter: string | null;
  readonly attachment: string | null;
  readonly job: string | null;
}

/** A kernel warning. A text that starts with "kernel stops" stands for a BUG or an oops. */
export interface WarnEvent extends EventBase {
  readonly kind: "warn";
  readonly text: string;
}

/** Our failure or the adapter's: never a verdict. */
export interface FaultEvent extends EventBase {
  readonly kind: "fault";
  readonly text: string;
}

/** The program's own steps are over; what follows is the drain. */
export interface DrainEvent extends EventBase {
  readonly kind: "drain";
}

/** Nobody can run any more. Whoever still waits is a fact, with what for. */
export interface EndEvent extends EventBase {
  readonly kind: "end";
  readonly waiting: readonly { readonly task: string; readonly wait: WaitFor }[];
}

export type HistoryEvent =
  | CallEvent
  | RetEvent
  | CbEvent
  | CbRetEvent
  | LockEvent
  | UnlockEvent
  | BlockedEvent
  | ResumedEvent
  | SignalEvent
  | AccessEvent
  | CpuEvent
  | PageEvent
  | AllocEvent
  | FreeEvent
  | EpochEvent
  | TranslateEvent
  | ContractEvent
  | PlatformEvent
  | PeerEvent
  | DmaEvent
  | HelperEvent
  | TouchEvent
  | ListEvent
  | DeviceEvent
  | WarnEvent
  | FaultEvent
  | DrainEvent
  | EndEvent;

export type EventKind = HistoryEvent["kind"];
export const eventKinds = [
  "call",
  "ret",
  "cb",
  "cbret",
  "lock",
  "unlock",
  "blocked",
  "resumed",
  "signal",
  "access",
  "cpu",
  "page",
  "alloc",
  "free",
  "epoch",
  "translate",
  "contract",
  "platform",
  "peer",
  "dma",
  "helper",
  "touch",
  "list",
  "device",
  "warn",
  "fault",
  "drain",
  "end",
] as const satisfies readonly EventKind[];
