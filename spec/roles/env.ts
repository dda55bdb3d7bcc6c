import type { Errno } from "../errno.ts";
import type { MappingModel } from "./mapping-model.ts";
import type { Profile } from "../profile.ts";
import type { BufferFramework } from "./buffers.ts";
import type { DmaFramework, DmaHardware } from "./dma.ts";
import type { FenceFramework } from "./fences.ts";
import type { NegotiationFramework } from "./negotiation.ts";
import type { AddressSpace, MmPage, SpaceFramework } from "./spaces.ts";
import type {
  AcquireContext,
  Attachment,
  Device,
  Direction,
  DmaBuf,
  Fence,
  ImporterOps,
  IosysMap,
  KernelAddress,
  Owner,
  Placement,
  Reservation,
  Segment,
  SgTable,
  Storage,
  Usage,
  UserMapping,
} from "./handles.ts";
import type { PeerFramework } from "./peers.ts";
import type { ReservationFramework } from "./reservations.ts";
import type { SyncFileFramework } from "./sync-files.ts";
import type { Blocking, Suspendable, WaitReason } from "./suspendable.ts";

export type { Owner } from "./handles.ts";

type MayBlock<R> = [Extract<R, PromiseLike<unknown>>] extends [never] ? false : true;
type Settled<R> = Exclude<R, PromiseLike<unknown> | Generator<unknown, unknown, unknown>>;

/** A framework's methods as a role calls them: what may block becomes a `Blocking`, the rest stays plain. */
type Instrumented<F> = {
  [K in keyof F]: F[K] extends (...args: infer A) => infer R
    ? (...args: A) => MayBlock<R> extends true ? Blocking<Settled<R>> : R
    : never;
};

/** A private lock of a role, known by its class in the lock-order graph. */
export interface Mutex {
  readonly lockClass: string;
  readonly name: string;
}

/** Something taken that must be given back once: a power reference, a device registration, private data. */
export interface Resource {
  readonly what: string;
}

/** A device's own page table. */
export interface PageTable {
  readonly name: string;
}

/** What an entry of a device's page table leads to. */
export type PageTarget =
  | { readonly via: "page"; readonly page: MmPage }
  | { readonly via: "address"; readonly device: Device; readonly address: number }
  | { readonly via: "physical"; readonly storage: Storage; readonly offset: number };

/** How a device touches memory. `speculativeRead`: a read whose data is thrown away. */
export type AccessKind = "read" | "write" | "speculativeRead";

/** A request that the IOMMU translates, or one with an address that the device has asked it for before (ATS). */
export type RequestKind = "untranslated" | "translated";

/** Scheduling, failures and deferred work: what the kernel around dma-buf provides. */
export interface Kernel {
  readonly profile: Profile;
  /** The name of the role instance that this env serves. */
  readonly self: string;
  /** Identity of the running task, comparable by `===`. */
  currentTask(): object;
  /** Logical time: grows with every event, never with the wall clock. */
  now(): number;
  /** A place where the scheduler may run somebody else. */
  point(site: string): Blocking<void>;
  /** Blocks until `ready`; answers EINTR if an interruption came first and the wait allows it, otherwise 0. */
  wait(reason: WaitReason, ready: () => boolean, interruptible?: boolean): Blocking<Errno>;
  /** `wake_up_process`: of those whose wait is over, whoever was woken first goes on first. Nothing for who does not wait. */
  wakeUp(task: object): void;
  /** True if the running task has an interruption pending. */
  interruptPending(): boolean;
  /** Runs `work` later, in a context of its own (irq work, deferred fput). */
  defer(name: string, work: () => Suspendable<void>): void;
  /** False where a failure was asked for: treat it as out of memory. */
  allocate(site: string): boolean;
  /** The errno injected at a step that can fail for other reasons, otherwise 0. */
  failure(site: string): Errno;
  /** A kernel warning (WARN_ON, lockdep, mutex debugging). */
  warn(text: string): void;
  /** Runs `body`, which must not block, in atomic context. */
  atomic<T>(body: () => T): T;

  /** Reads or writes a user's memory, which may fault and so takes the lock of its address space (`copy_from_user`). */
  touchUser(): void;

  /** `get_unused_fd_flags`: the lowest number of the descriptor table that is free, and free no more. */
  takeDescriptor(): number;
  /** `put_unused_fd`, and what close does with the number. */
  giveDescriptor(descriptor: number): void;

  createMutex(lockClass: string, name: string): Mutex;
  lockMutex(mutex: Mutex): Blocking<void>;
  trylockMutex(mutex: Mutex): boolean;
  /** Takes effect at once; use `yield*` on the result to offer a preemption point behind it. */
  unlockMutex(mutex: Mutex): Blocking<void>;

  /** Holds the owner's module; false while it unloads. */
  moduleGet(owner: Owner): boolean;
  modulePut(owner: Owner): void;

  /** Tracepoints of a framework. `error`: the one the fence ends with, 0 for none. */
  traceSignaled(fence: Fence, error: number): void;
  traceReleased(fence: Fence): void;
  traceListed(attachment: Attachment, listed: boolean): void;
  /** The CPU's page table has another entry, or none (null). A storage stands for memory of a device. */
  tracePrimary(space: AddressSpace, page: number, target: MmPage | Storage | null, write: boolean): void;
}

/** Memory, translation and devices. */
export interface Machine {
  /** ENOMEM where a failure was asked for. Size in bytes, rounded up to pages. */
  allocateStorage(size: number, placement: Placement): Storage | Errno;
  freeStorage(storage: Storage): void;
  /** Declares which storage backs the buffer from now on: the moment a move takes effect. */
  setStorage(buffer: DmaBuf, storage: Storage | null): void;
  /**
   * A DMA address for `device`; EINVAL beyond its mask and for the direction none. Offset and length in bytes.
   * The short way: memory of another device by the map type of the two, shared memory as such, and EOPNOTSUPP where it
   * would have to be bounced. Who wants more has the DMA API itself.
   */
  dmaMap(device: Device, storage: Storage, offset: number, length: number, direction?: Direction): Segment | Errno;
  dmaUnmap(device: Device, segment: Segment): void;
  /**
   * The importer's device touches byte `offset` of a mapping. "fault": no translation, or the memory is off.
   * `request`: what a device with ATS sends, where the importer has chosen.
   */
  access(
    attachment: Attachment,
    table: SgTable,
    kind: AccessKind,
    offset?: number,
    request?: RequestKind,
  ): "ok" | "fault";
  /**
   * The storage as the kernel sees it from `offset` on; device memory as I/O memory. `decrypted`: with the protection of
   * memory that a confidential guest shares with its host, here and in `insertPages`.
   */
  mapForCpu(storage: Storage, offset?: number, decrypted?: boolean): KernelAddress;
  /** The CPU touches byte `offset` of a view; `io`: with the accessors for I/O memory. "sigbus": no page, and none to be had. */
  cpuAccess(
    view: IosysMap | UserMapping,
    kind: "read" | "write",
    offset?: number,
    io?: boolean,
  ): Blocking<"ok" | "sigbus" | "fault">;
  /** Lets `count` pages of a user mapping show storage from byte `offset` on. */
  insertPages(
    mapping: UserMapping,
    page: number,
    count: number,
    storage: Storage,
    offset: number,
    decrypted?: boolean,
  ): void;
  /** Ends a user mapping. */
  munmap(mapping: UserMapping): Blocking<void>;
  /** Takes the entries of all user mappings of the buffer away (`unmap_mapping_range`). */
  zapMappings(buffer: DmaBuf): void;
  /** The importer's device can no longer reach this attachment's addresses. */
  stopDevice(attachment: Attachment): void;
  /** A page of ordinary memory; null where a failure was asked for. */
  allocatePage(): MmPage | null;
  freePage(page: MmPage): void;
  /** `walks`: a device that walks the page table of the CPU, and keeps in its own what it found there. */
  createPageTable(walks?: AddressSpace): PageTable;
  /** From here on its device finds nothing in the CPU's table; what it has kept goes with a zap. */
  stopWalking(table: PageTable): void;
  install(table: PageTable, page: number, target: PageTarget, write: boolean): void;
  zap(table: PageTable, start: number, pages: number): void;
  /** The device touches a page of its table. "fault": no entry, not this right, or nothing behind it. */
  touchPage(table: PageTable, page: number, kind: AccessKind): "ok" | "fault";
  /** The CPU touches memory directly. */
  cpuTouch(target: PageTarget): void;
  /** Memory of the exporter's device goes on or off (decode, power, reset). */
  setDeviceMemory(on: boolean): void;
  /** Shares memory of a confidential guest with its host (`set_memory_decrypted`), and takes that back. */
  setShared(storage: Storage): Errno;
  setPrivate(storage: Storage): Errno;
  take(what: string): Resource;
  give(resource: Resource): void;
  /**
   * Work of a device, finished when the program or the drain says so: accesses and signals belong here.
   * `killed` is its owner's recovery and takes the place of `work` where the device hangs.
   */
  startJob(name: string, work: () => void, killed?: () => void): void;
}

/** What a role gets: the framework through the recorder, and the kernel and machine around it. */
export interface Env
  extends
    Instrumented<BufferFramework>,
    Omit<Instrumented<ReservationFramework>, "unlock" | "lock" | "lockInterruptible" | "waitFences">,
    Instrumented<FenceFramework>,
    Instrumented<SyncFileFramework>,
    Instrumented<PeerFramework>,
    Instrumented<DmaFramework>,
    Instrumented<SpaceFramework>,
    Instrumented<NegotiationFramework>,
    Kernel,
    Machine,
    DmaHardware {
  /** Matches, then attaches with the model that both agreed on: `importerOps.model` of the attachment. */
  negotiate(
    buffer: DmaBuf,
    device: Device,
    ops: ImporterOps,
    accept: readonly MappingModel[],
    priv?: unknown,
  ): Blocking<Attachment | Errno>;
  lock(resv: Reservation, context?: AcquireContext | null): Blocking<Errno>;
  lockInterruptible(resv: Reservation, context?: AcquireContext | null): Blocking<Errno>;
  /** Takes effect at once; use `yield*` on the result to offer a preemption point behind it. */
  unlock(resv: Reservation): Blocking<void>;
  /** Uninterruptible and unbounded unless told otherwise. */
  waitFences(resv: Reservation, usage: Usage, interruptible?: boolean, timeout?: number): Blocking<number>;
  /** Blocks until `unmapped` says so: the second wait of a revoke. */
  waitUnmapped(buffer: DmaBuf, unmapped: () => boolean): Blocking<void>;
}
