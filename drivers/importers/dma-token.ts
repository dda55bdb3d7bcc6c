import type { Errno } from "../../spec/errno.ts";
import { EINTR, EIO, ERESTARTSYS } from "../../spec/errno.ts";
import type { Env, Mutex } from "../../spec/roles/env.ts";
import type { Attachment, Direction, Fence, SgTable } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";

/** `struct blk_mq_dma_map`: a mapping with the requests that use it. */
export class DmaMap {
  /** Signals when the last request is over. Made before the mapping, as its end may not allocate. */
  readonly fence: Fence;
  sgt: SgTable | null = null;
  /** Requests, and one for the token (`percpu_ref_init`). */
  refs = 1;
  /** No request can get it any more (`percpu_ref_kill`). */
  killed = false;

  constructor(fence: Fence) {
    this.fence = fence;
  }
}

/**
 * A buffer registered with a block device: `block/blk-mq-dma-token.c` of the second RFC of November 2025. Requests share
 * the mapping of the moment; whoever is told to let go leaves a fence for those under way, and the last of them unmaps.
 */
export class DmaToken {
  readonly direction: Direction;
  private readonly env: Env;
  private readonly mappingLock: Mutex;
  private readonly context: number;
  private sequence = 0n;
  /** Null until attach has returned. */
  attachment: Attachment | null = null;
  private map: DmaMap | null = null;
  /** The user's, and one for each mapping. */
  private refs = 1;

  constructor(env: Env, direction: Direction, number: number) {
    this.env = env;
    this.direction = direction;
    this.mappingLock = env.createMutex("dma_token_mapping", `token${number}`);
    this.context = env.fenceContextAlloc(1);
  }

  /** `blk_rq_assign_dma_map`: a mapping with a reference for one request. */
  *assign(attachment: Attachment): Generator<Suspension, DmaMap | Errno, unknown> {
    return this.getMap() ?? (yield* this.create(attachment));
  }

  /** `blk_rq_drop_dma_map`. */
  drop(attachment: Attachment, map: DmaMap): void {
    map.refs -= 1;
    if (map.refs === 0) this.env.defer("dma-map-free", () => this.free(attachment, map));
  }

  /** `blk_mq_dma_map_remove`: without a slot for the fence the mapping stays, and a warning is all there is. Lock held. */
  remove(attachment: Attachment): void {
    const { env, map } = this;
    const { resv } = attachment.buffer;
    if (env.reserveFences(resv, 1) !== 0) {
      env.warn("no slot for the fence of the requests under way");
      return;
    }
    if (map === null) return;
    this.map = null;
    env.addFence(resv, map.fence, "kernel");
    map.killed = true;
    this.drop(attachment, map);
  }

  /** `blk_mq_release_dma_mapping`. */
  *release(attachment: Attachment): Generator<Suspension, void, unknown> {
    const { resv } = attachment.buffer;
    yield* this.env.lock(resv);
    this.remove(attachment);
    yield* this.env.unlock(resv);
    yield* this.put(attachment);
  }

  /** `blk_mq_get_token_map`. */
  private getMap(): DmaMap | null {
    const { map } = this;
    if (map === null || map.killed) return null;
    map.refs += 1;
    return map;
  }

  /** `blk_mq_create_dma_map`. */
  private *create(attachment: Attachment): Generator<Suspension, DmaMap | Errno, unknown> {
    yield* this.env.lockMutex(this.mappingLock);
    const map = this.getMap() ?? (yield* this.createLocked(attachment));
    yield* this.env.unlockMutex(this.mappingLock);
    return map;
  }

  /**
   * Waits for whatever anybody does with the memory, and maps. The token learns of the mapping when the lock is gone: who
   * is told to let go in between finds none. A failure leaves the mapping's fence, and its reference on the token.
   */
  private *createLocked(attachment: Attachment): Generator<Suspension, DmaMap | Errno, unknown> {
    const { env } = this;
    const { resv } = attachment.buffer;
    const map = new DmaMap(env.fenceInit({}, this.context, (this.sequence += 1n)));
    this.refs += 1;
    yield* env.lock(resv);
    const left = yield* env.waitFences(resv, "bookkeep", true);
    const sgt = left > 0 ? yield* env.map(attachment, this.direction) : left === -ERESTARTSYS ? EINTR : EIO;
    yield* env.unlock(resv);
    if (typeof sgt === "number") return sgt;
    map.sgt = sgt;
    map.refs += 1;
    this.map = map;
    return map;
  }

  /** `blk_mq_dma_map_work_free`: the fence first, then the mapping. */
  private *free(attachment: Attachment, map: DmaMap): Generator<Suspension, void, unknown> {
    const { env } = this;
    const { resv } = attachment.buffer;
    env.signal(map.fence);
    if (map.sgt !== null) {
      yield* env.lock(resv);
      yield* env.unmap(attachment, map.sgt, this.direction);
      yield* env.unlock(resv);
    }
    env.fencePut(map.fence);
    yield* this.put(attachment);
  }

  /** `blk_mq_dma_token_put`. */
  private *put(attachment: Attachment): Generator<Suspension, void, unknown> {
    this.refs -= 1;
    if (this.refs > 0) return;
    yield* this.env.detach(attachment.buffer, attachment);
    yield* this.env.put(attachment.buffer);
  }
}
