import type { Errno } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Framework } from "../../spec/roles/framework.ts";
import type {
  AcquireContext,
  AnyFile,
  Attachment,
  Device,
  Direction,
  DmaBuf,
  ExportInfo,
  Fence,
  FenceOps,
  FileDescriptor,
  ImporterOps,
  IosysMap,
  Reservation,
  SgTable,
  SyncFile,
  UserMapping,
} from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import type { NamedKind } from "../names.ts";
import { settle } from "../settle.ts";
import type { World } from "../world.ts";
import { DirectEnv } from "./direct-env.ts";

type Method = (this: unknown, ...args: readonly unknown[]) => unknown;

type Call<T> = Generator<Suspension, T, unknown>;

/** `Env` with nothing around the framework but the names that later steps of the program use. For measurements. */
class BareEnv extends DirectEnv {
  *export(info: ExportInfo): Call<DmaBuf | Errno> {
    const { world } = this;
    const buffer = this.named("buffer", yield* settle(world.framework.buffers.export(info), "export"));
    if (typeof buffer === "number") return buffer;
    world.exporterOf.set(buffer, this.by);
    world.names.bind(buffer.resv, `${world.names.known(buffer)}.resv`);
    return buffer;
  }

  *exportFd(buffer: DmaBuf, closeOnExec: boolean): Call<FileDescriptor | Errno> {
    return this.named("fd", yield* settle(this.world.framework.buffers.exportFd(buffer, closeOnExec), "exportFd"));
  }

  *attach(
    buffer: DmaBuf | null,
    device: Device | null,
    ops: ImporterOps | null,
    priv?: unknown,
  ): Call<Attachment | Errno> {
    const { buffers } = this.world.framework;
    return this.named("attachment", yield* settle(buffers.attach(buffer, device, ops, priv), "attach"));
  }

  *map(attachment: Attachment, direction: Direction): Call<SgTable | Errno> {
    return this.mapped(
      attachment,
      direction,
      yield* settle(this.world.framework.buffers.map(attachment, direction), "map"),
    );
  }

  *mapUnlocked(attachment: Attachment, direction: Direction): Call<SgTable | Errno> {
    const { buffers } = this.world.framework;
    return this.mapped(attachment, direction, yield* settle(buffers.mapUnlocked(attachment, direction), "mapUnlocked"));
  }

  override *lock(resv: Reservation, context: AcquireContext | null = null): Call<Errno> {
    return yield* settle(this.world.framework.reservations.lock(resv, context), "lock");
  }

  override *lockInterruptible(resv: Reservation, context: AcquireContext | null = null): Call<Errno> {
    return yield* settle(this.world.framework.reservations.lockInterruptible(resv, context), "lockInterruptible");
  }

  override *lockSlow(resv: Reservation, context: AcquireContext): Call<void> {
    yield* settle(this.world.framework.reservations.lockSlow(resv, context), "lockSlow");
  }

  override *lockSlowInterruptible(resv: Reservation, context: AcquireContext): Call<Errno> {
    const { reservations } = this.world.framework;
    return yield* settle(reservations.lockSlowInterruptible(resv, context), "lockSlowInterruptible");
  }

  override trylock(resv: Reservation): boolean {
    return this.world.framework.reservations.trylock(resv);
  }

  override unlock(resv: Reservation): Call<void> {
    this.world.framework.reservations.unlock(resv);
    return this.released("unlock");
  }

  acquireInit(): AcquireContext {
    return this.named("acquire", this.world.framework.reservations.acquireInit());
  }

  fenceInit(ops: FenceOps, context: number, seqno: bigint, seqno64 = false): Fence {
    return this.named("fence", this.world.framework.fences.fenceInit(ops, context, seqno, seqno64));
  }

  createArray(fences: readonly Fence[], context: number, seqno: bigint, signalOnAny: boolean): Fence | null {
    return this.named("fence", this.world.framework.fences.createArray(fences, context, seqno, signalOnAny));
  }

  createChain(previous: Fence | null, fence: Fence, seqno: bigint): Fence | null {
    return this.named("fence", this.world.framework.fences.createChain(previous, fence, seqno));
  }

  merge(fences: readonly Fence[]): Fence | null {
    return this.named("fence", this.world.framework.fences.merge(fences));
  }

  // The traces are for histories only.
  override traceSignaled(): void {}

  override traceReleased(): void {}

  override traceListed(): void {}

  override setStorage(): void {}

  *vmap(buffer: DmaBuf, map: IosysMap): Call<Errno> {
    return this.viewed(buffer, map, yield* settle(this.world.framework.buffers.vmap(buffer, map), "vmap"));
  }

  *vmapUnlocked(buffer: DmaBuf, map: IosysMap): Call<Errno> {
    const { buffers } = this.world.framework;
    return this.viewed(buffer, map, yield* settle(buffers.vmapUnlocked(buffer, map), "vmapUnlocked"));
  }

  *mmap(buffer: DmaBuf, mapping: UserMapping, offset: number): Call<Errno> {
    this.world.mmu.add(mapping, buffer);
    return this.viewed(
      buffer,
      mapping,
      yield* settle(this.world.framework.buffers.mmap(buffer, mapping, offset), "mmap"),
    );
  }

  *mmapFd(buffer: DmaBuf, mapping: UserMapping): Call<Errno> {
    const { buffers } = this.world.framework;
    this.world.mmu.add(mapping, buffer);
    yield* settle(buffers.getRef(buffer), "getRef");
    mapping.file = buffer;
    return this.viewed(buffer, mapping, yield* settle(buffers.mmapFd(buffer, mapping), "mmapFd"));
  }

  *munmap(mapping: UserMapping): Call<void> {
    this.world.mmu.remove(mapping);
    if (mapping.close !== undefined) yield* settle(mapping.close(), "close");
    if (mapping.file !== null) yield* settle(this.world.framework.buffers.put(mapping.file), "put");
  }

  *exportSyncFile(buffer: DmaBuf, flags: number | null): Call<SyncFile | Errno> {
    const { buffers } = this.world.framework;
    return this.named("syncFile", yield* settle(buffers.exportSyncFile(buffer, flags), "exportSyncFile"));
  }

  createSyncFile(fence: Fence): SyncFile | Errno {
    return this.named("syncFile", this.world.framework.syncFiles.createSyncFile(fence));
  }

  mergeSyncFiles(first: SyncFile, second: AnyFile, flags: number, pad: number): SyncFile | Errno {
    return this.named("syncFile", this.world.framework.syncFiles.mergeSyncFiles(first, second, flags, pad));
  }

  private viewed(buffer: DmaBuf, view: object, errno: Errno): Errno {
    const { names, scheduler } = this.world;
    if (errno === 0) {
      names.bind(view, names.next("view", scheduler.current.stepId));
      this.world.viewOf.set(view, buffer);
    }
    return errno;
  }

  private named<T extends object | number | null>(kind: NamedKind, made: T): T {
    const { names, scheduler } = this.world;
    if (typeof made === "object" && made !== null && names.known(made) === null)
      names.bind(made, names.next(kind, scheduler.current.stepId));
    return made;
  }

  private mapped(attachment: Attachment, direction: Direction, table: SgTable | Errno): SgTable | Errno {
    const { world } = this;
    if (typeof table === "object")
      world.addMapping(world.names.next("mapping", world.scheduler.current.stepId), attachment, table, direction);
    return table;
  }
}

/** Calls that may block: whoever makes one waits for it with `yield*`, whatever the framework answers. */
const blocking = {
  buffers: [
    "close",
    "get",
    "getRef",
    "put",
    "detach",
    "pin",
    "unpin",
    "unmap",
    "unmapUnlocked",
    "invalidate",
    "seek",
    "setName",
    "listBuffers",
    "beginCpu",
    "endCpu",
    "ioctlSync",
    "ioctl",
    "vunmap",
    "vunmapUnlocked",
    "importSyncFile",
    "poll",
  ],
  reservations: ["getFences", "getSingleton", "waitFences"],
  fences: ["waitFence", "waitAny"],
  peers: [],
  dma: [],
} as const satisfies { readonly [P in keyof Framework]?: readonly (keyof Framework[P])[] };

for (const [part, names] of Object.entries(blocking))
  for (const name of names)
    Object.defineProperty(BareEnv.prototype, name, {
      value(this: BareEnv, ...args: readonly unknown[]) {
        const target = this.world.framework[part as keyof Framework] as unknown as Readonly<Record<string, Method>>;
        return settle(target[name]!(...args), name);
      },
    });

/** An env that records nothing. */
export function bareEnv(world: World, by: string): Env {
  return new BareEnv(world, by) as unknown as Env;
}
