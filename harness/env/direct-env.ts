import type { Errno } from "../../spec/errno.ts";
import type { AcquireContext, Fence, FenceCallback, Reservation, Usage } from "../../spec/roles/handles.ts";
import type { Framework } from "../../spec/roles/framework.ts";
import type { SpaceFramework } from "../../spec/roles/spaces.ts";
import type { Suspendable, Suspension } from "../../spec/roles/suspendable.ts";
import { settle } from "../settle.ts";
import type { World } from "../world.ts";
import { PlatformEnv } from "./platform-env.ts";
import { addCallback, addFence, removeCallback, reserveFences } from "./recorded-calls.ts";
import { releaseLock, takeLock, tryLock, unbounded } from "./reservation-env.ts";

type Method = (this: unknown, ...args: readonly unknown[]) => unknown;

/**
 * `Env` as a framework's own parts get it: calls from one part to another are not recorded,
 * but for locks, fences that are added and callbacks, which everybody's rules need to see.
 */
export class DirectEnv extends PlatformEnv {
  *lock(resv: Reservation, context: AcquireContext | null = null) {
    return yield* takeLock(this.world, this.by, "plain", resv, context);
  }

  *lockInterruptible(resv: Reservation, context: AcquireContext | null = null) {
    return yield* takeLock(this.world, this.by, "interruptible", resv, context);
  }

  *lockSlow(resv: Reservation, context: AcquireContext) {
    yield* takeLock(this.world, this.by, "slow", resv, context);
  }

  *lockSlowInterruptible(resv: Reservation, context: AcquireContext) {
    return yield* takeLock(this.world, this.by, "slowInterruptible", resv, context);
  }

  trylock(resv: Reservation): boolean {
    return tryLock(this.world, this.by, resv);
  }

  addCallback(fence: Fence | null, callback: FenceCallback | null): Errno {
    return addCallback(this.world, this.by, fence, callback);
  }

  removeCallback(fence: Fence, callback: FenceCallback): boolean {
    return removeCallback(this.world, this.by, fence, callback);
  }

  reserveFences(resv: Reservation, count: number): Errno {
    return reserveFences(this.world, this.by, resv, count);
  }

  addFence(resv: Reservation, fence: Fence, usage: Usage): void {
    addFence(this.world, this.by, resv, fence, usage);
  }

  unlock(resv: Reservation): Generator<Suspension, void, unknown> {
    releaseLock(this.world, this.by, resv);
    return this.released("unlock");
  }

  *waitFences(
    resv: Reservation,
    usage: Parameters<Framework["reservations"]["waitFences"]>[1],
    interruptible = false,
    timeout: number = unbounded,
  ): Generator<Suspension, number, unknown> {
    const wait = this.world.framework.reservations.waitFences(resv, usage, interruptible, timeout);
    return yield* settle(wait, "waitFences");
  }
}

const bufferMethods = [
  "export",
  "exportFd",
  "close",
  "get",
  "getRef",
  "put",
  "attach",
  "detach",
  "pin",
  "unpin",
  "map",
  "unmap",
  "mapUnlocked",
  "unmapUnlocked",
  "invalidate",
  "isRevocable",
  "seek",
  "setName",
  "getName",
  "listBuffers",
  "beginCpu",
  "endCpu",
  "ioctlSync",
  "ioctl",
  "vmap",
  "vunmap",
  "vmapUnlocked",
  "vunmapUnlocked",
  "mmap",
  "mmapFd",
  "exportSyncFile",
  "importSyncFile",
  "poll",
  "endPoll",
] as const satisfies readonly (keyof Framework["buffers"])[];

const reservationMethods = [
  "createReservation",
  "destroyReservation",
  "isLockedByMe",
  "acquireInit",
  "acquireDone",
  "acquireFini",
  "replaceFences",
  "copyFences",
  "iterateFences",
  "getFences",
  "getSingleton",
  "testSignaled",
  "setDeadline",
] as const satisfies readonly (keyof Framework["reservations"])[];

const fenceMethods = [
  "fenceContextAlloc",
  "fenceInit",
  "fenceGet",
  "fenceGetLive",
  "fencePut",
  "signal",
  "signalTimestamp",
  "checkAndSignal",
  "setError",
  "getStatus",
  "isSignaled",
  "timestamp",
  "isLater",
  "enableSignaling",
  "setFenceDeadline",
  "waitFence",
  "waitAny",
  "beginSignalling",
  "endSignalling",
  "createArray",
  "createChain",
  "findSeqno",
  "merge",
  "getStub",
  "unwrap",
  "isContainer",
] as const satisfies readonly (keyof Framework["fences"])[];

const spaceMethods = [
  "createSpace",
  "createVma",
  "destroyVma",
  "vmaFault",
  "changeRange",
  "zapVma",
  "exitSpace",
  "spaceGet",
  "spacePut",
  "findVma",
  "insertNotifier",
  "removeNotifier",
  "registerNotifier",
  "unregisterNotifier",
  "putNotifier",
  "readBegin",
  "readRetry",
  "setSequence",
  "rangeFault",
  "setDirty",
  "p2pMap",
  "p2pUnmap",
] as const satisfies readonly (keyof SpaceFramework)[];
const syncFileMethods = [
  "createSyncFile",
  "syncFileFence",
  "mergeSyncFiles",
  "syncFileInfo",
  "syncFileDeadline",
  "syncFileIoctl",
  "pollSyncFile",
  "endPollSyncFile",
  "closeSyncFile",
] as const satisfies readonly (keyof Framework["syncFiles"])[];

/** Adds pass-through methods: `env.method(...)` calls that part of the running framework. */
function passThrough(part: keyof Framework, methods: readonly string[]): void {
  for (const name of methods)
    Object.defineProperty(DirectEnv.prototype, name, {
      value(this: { readonly world: World }, ...args: readonly unknown[]): Suspendable<unknown> {
        const target = this.world.framework[part] as unknown as Readonly<Record<string, Method>>;
        return target[name]!(...args);
      },
    });
}
passThrough("buffers", bufferMethods);
passThrough("reservations", reservationMethods);
passThrough("fences", fenceMethods);
passThrough("spaces", spaceMethods);
passThrough("syncFiles", syncFileMethods);
passThrough("negotiation", ["modelsOf", "matchModel", "mapPhysical", "unmapPhysical"]);
