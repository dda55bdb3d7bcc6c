import type { Errno } from "../../spec/errno.ts";
import { EAGAIN, EBUSY, EFAULT, EINVAL, ENODEV, ENOMEM } from "../../spec/errno.ts";
import type { Env, Owner, Resource } from "../../spec/roles/env.ts";
import type { Exporter, ExportRequest } from "../../spec/roles/exporter.ts";
import type {
  Attachment,
  Direction,
  DmaBuf,
  Fence,
  IosysMap,
  Placement,
  SgTable,
  Storage,
  UserMapping,
} from "../../spec/roles/handles.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { since } from "../../spec/profile.ts";
import { afterFences } from "../after-fences.ts";
import { mapStorage, unmapStorage } from "../dma-mapping.ts";
import { setMap } from "../user-view.ts";

/** `struct amdgpu_bo`. Under the reservation lock but for the list of attachments. */
export class VramBo {
  resource: Storage;
  readonly owner: Owner;
  /** `preferred_domains` contains VRAM. */
  readonly prefersVram: boolean;
  readonly attachments = new Set<Attachment>();
  pinCount = 0;
  readonly moveContext: number;
  moveSeqno = 0n;

  constructor(resource: Storage, owner: Owner, moveContext: number) {
    this.resource = resource;
    this.owner = owner;
    this.prefersVram = resource.placement === "device";
    this.moveContext = moveContext;
  }
}

/**
 * A GPU driver that exports what lives in its memory, over TTM: `drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c`,
 * `amdgpu_ttm.c`, `drivers/gpu/drm/ttm/ttm_bo.c` and `ttm_bo_util.c`, 6.12 to 7.2. Moves are pipelined: the copy job's
 * fence is all that keeps users of the new place and the end of the old one in order.
 */
export class GpuVram implements Exporter {
  protected readonly env: Env;

  constructor(env: Env) {
    this.env = env;
  }

  /** `amdgpu_gem_prime_export`. The buffer shares the object's reservation. */
  *export({ size, placement, resv, owner }: ExportRequest): Generator<Suspension, DmaBuf | Errno, unknown> {
    const { env } = this;
    if (size === 0) return EINVAL;
    const resource = env.allocateStorage(size, placement);
    if (typeof resource === "number") return resource;
    const bo = new VramBo(resource, owner, env.fenceContextAlloc(1));
    const info = { size, priv: bo, ops: this, owner };
    const buffer = yield* env.export(resv === undefined ? info : { ...info, resv });
    if (typeof buffer === "number") env.freeStorage(resource);
    else env.setStorage(buffer, resource);
    return buffer;
  }

  /** `amdgpu_dma_buf_attach`. For a peer the device stays awake as long as it is attached. */
  attach(buffer: DmaBuf, attachment: Attachment): void {
    boOf(buffer).attachments.add(attachment);
    if (attachment.peer2peer) attachment.priv = this.env.take("runtime PM");
  }

  /** `amdgpu_dma_buf_detach`. */
  detach(buffer: DmaBuf, attachment: Attachment): void {
    boOf(buffer).attachments.delete(attachment);
    if (attachment.peer2peer) this.env.give(attachment.priv as Resource);
  }

  /**
   * `amdgpu_dma_buf_pin`: where all who are attached can reach it; system memory for everybody before move notifications
   * could be relied on. It does not wait for the move that may be under way.
   */
  *pin(attachment: Attachment): Generator<Suspension, Errno, unknown> {
    const { buffer } = attachment;
    const bo = boOf(buffer);
    const { series, moveNotify } = this.env.profile;
    const allowsVram =
      since(series, "K6.16") && moveNotify !== "off" && [...bo.attachments].every(({ peer2peer }) => peer2peer);
    const errno = yield* this.pinTo(buffer, bo, allowsVram);
    if (errno === 0) bo.pinCount += 1;
    return errno;
  }

  /** `amdgpu_dma_buf_unpin`. */
  unpin({ buffer }: Attachment): void {
    boOf(buffer).pinCount -= 1;
  }

  /** `amdgpu_dma_buf_map`. Only an object that is free to move is moved to where this attachment can reach it. */
  *map(attachment: Attachment, direction: Direction): Generator<Suspension, SgTable | Errno, unknown> {
    const { buffer } = attachment;
    const bo = boOf(buffer);
    if (direction === "none") return EINVAL;
    if (bo.pinCount === 0) {
      const errno = yield* this.validate(buffer, bo, bo.prefersVram && attachment.peer2peer);
      if (errno !== 0) return errno;
    } else if (this.env.profile.series === "K6.12" && bo.resource.placement === "device") return EBUSY;
    return mapStorage(this.env, attachment.device, bo.resource, direction);
  }

  /** `amdgpu_dma_buf_unmap`. */
  unmap(_attachment: Attachment, table: SgTable): void {
    unmapStorage(this.env, table);
  }

  /** `amdgpu_dma_buf_begin_cpu_access`: to read, the object comes to system memory if it may; 7.2 passes a failure on. */
  *beginCpu(buffer: DmaBuf, direction: Direction): Generator<Suspension, Errno, unknown> {
    if (direction !== "fromDevice" && direction !== "bidirectional") return 0;
    const bo = boOf(buffer);
    yield* this.env.lock(buffer.resv);
    const errno = bo.pinCount === 0 ? yield* this.validate(buffer, bo, false) : 0;
    yield* this.env.unlock(buffer.resv);
    return errno;
  }

  /** `drm_gem_dmabuf_mmap`, `ttm_bo_mmap_obj`: entries come with the first touch and go with each move. */
  mmap(buffer: DmaBuf, mapping: UserMapping): Errno {
    if (!mapping.shared) return EINVAL;
    mapping.fault = (page) => this.fault(buffer, mapping, page);
    return 0;
  }

  /** `amdgpu_dma_buf_vmap` of 7.2 pins the object where it is; before, `drm_gem_dmabuf_vmap` does not. Lock held. */
  *vmap(buffer: DmaBuf, map: IosysMap): Generator<Suspension, Errno, unknown> {
    const bo = boOf(buffer);
    const pins = since(this.env.profile.series, "K7.0");
    const errno = yield* this.makeVisible(buffer, bo);
    if (errno !== 0) return errno;
    if (pins) bo.pinCount += 1;
    // ttm_bo_vmap.
    yield* this.env.waitFences(buffer.resv, "kernel");
    if (this.env.allocate("kernel-mapping")) {
      setMap(this.env, map, bo.resource);
      return 0;
    }
    if (pins) bo.pinCount -= 1;
    return ENOMEM;
  }

  /** `amdgpu_dma_buf_vunmap`. */
  vunmap(buffer: DmaBuf): void {
    if (since(this.env.profile.series, "K7.0")) boOf(buffer).pinCount -= 1;
  }

  /** `ttm_bo_release`: the memory goes when the last access is over. */
  *release(buffer: DmaBuf): Generator<Suspension, void, unknown> {
    const { env } = this;
    const { resource } = boOf(buffer);
    const fences = yield* env.getFences(buffer.resv, "bookkeep");
    if (typeof fences !== "number") return this.delayedDelete(fences, resource);
    // No memory for a list of them: waited for on the spot.
    yield* env.waitFences(buffer.resv, "bookkeep");
    env.freeStorage(resource);
  }

  /** A user or the kernel wants the object elsewhere (`ttm_bo_validate`); one that is pinned stays. */
  *move(buffer: DmaBuf, placement: Placement): Generator<Suspension, Errno, unknown> {
    if (!(buffer.priv instanceof VramBo)) return ENODEV;
    yield* this.env.lock(buffer.resv);
    const errno = buffer.priv.pinCount > 0 ? EBUSY : yield* this.moveTo(buffer, buffer.priv, placement);
    yield* this.env.unlock(buffer.resv);
    return errno;
  }

  /** `ttm_bo_evict`. */
  evict(buffer: DmaBuf): Generator<Suspension, Errno, unknown> {
    return this.move(buffer, "system");
  }

  /** Puts the object where the CPU sees it: here all of VRAM is. Lock held. */
  // oxlint-disable-next-line require-yield -- where not all of it is, this moves
  protected *makeVisible(_buffer: DmaBuf, _bo: VramBo): Generator<Suspension, Errno, unknown> {
    return 0;
  }

  /** `amdgpu_gem_fault`, `ttm_bo_vm_fault_reserved`. */
  private *fault(buffer: DmaBuf, mapping: UserMapping, page: number): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    const bo = boOf(buffer);
    yield* env.lock(buffer.resv);
    let errno = yield* this.makeVisible(buffer, bo);
    if (errno === 0 && (yield* env.waitFences(buffer.resv, "kernel", true)) < 0) errno = EAGAIN;
    if (errno === 0) env.insertPages(mapping, page, 1, bo.resource, (mapping.start + page) * pageSize);
    yield* env.unlock(buffer.resv);
    return errno === 0 || errno === EAGAIN ? errno : EFAULT;
  }

  /** `amdgpu_bo_pin`: a pinned object counts one more pin where it is, or refuses. */
  private *pinTo(buffer: DmaBuf, bo: VramBo, allowsVram: boolean): Generator<Suspension, Errno, unknown> {
    if (bo.pinCount === 0) return yield* this.validate(buffer, bo, allowsVram);
    return bo.resource.placement === "system" || allowsVram ? 0 : EINVAL;
  }

  /** `ttm_bo_validate`: system memory always will do. Lock held. */
  protected *validate(buffer: DmaBuf, bo: VramBo, allowsVram: boolean): Generator<Suspension, Errno, unknown> {
    if (bo.resource.placement === "system" || allowsVram) return 0;
    return yield* this.moveTo(buffer, bo, "system");
  }

  /** `ttm_bo_handle_move_mem`, `amdgpu_bo_move`, `ttm_bo_move_accel_cleanup`. Lock held. */
  protected *moveTo(buffer: DmaBuf, bo: VramBo, placement: Placement): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    const resource = env.allocateStorage(buffer.size, placement);
    if (typeof resource === "number") return resource;
    // amdgpu_bo_move_notify, before anything has changed.
    yield* env.invalidate(buffer);
    const accesses = yield* env.getFences(buffer.resv, "bookkeep");
    const errno = typeof accesses === "number" ? accesses : env.reserveFences(buffer.resv, 1);
    if (errno !== 0) {
      if (typeof accesses !== "number") for (const access of accesses) env.fencePut(access);
      env.freeStorage(resource);
      return errno;
    }
    const copy = env.fenceInit({}, bo.moveContext, (bo.moveSeqno += 1n));
    env.addFence(buffer.resv, copy, "kernel");
    this.pushCopy(accesses as readonly Fence[], copy, bo.owner);
    const old = bo.resource;
    bo.resource = resource;
    // ttm_bo_unmap_virtual.
    env.zapMappings(buffer);
    env.setStorage(buffer, resource);
    // The ghost object that keeps the old place until the copy is done.
    env.fenceGet(copy);
    this.delayedDelete([copy], old);
    return 0;
  }

  /** `drm_sched_job_add_resv_dependencies` and the engine: the copy is over after every access to the old place. */
  private pushCopy(accesses: readonly Fence[], copy: Fence, owner: Owner): void {
    const { env } = this;
    // Stands for the end of the scheduler, which the removal of the driver waits for.
    env.moduleGet(owner);
    let parts = 2;
    const partDone = () => {
      parts -= 1;
      if (parts > 0) return;
      env.signal(copy);
      env.fencePut(copy);
      env.modulePut(owner);
    };
    env.startJob("copy", partDone);
    afterFences(env, "sched", accesses, partDone);
  }

  /** `ttm_bo_delayed_delete`. Nobody's unmap is waited for: the memory is ordinary, late reads do no harm. */
  private delayedDelete(fences: readonly Fence[], resource: Storage): void {
    afterFences(this.env, "delayed-delete", fences, () => this.env.freeStorage(resource));
  }
}

function boOf(buffer: DmaBuf): VramBo {
  return buffer.priv as VramBo;
}
