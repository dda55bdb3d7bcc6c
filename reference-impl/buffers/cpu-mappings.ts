import type { Errno } from "../../spec/errno.ts";
import { EINVAL, EOVERFLOW } from "../../spec/errno.ts";
import { pageSize, type IosysMap, type UserMapping } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { settle } from "../settle.ts";
import type { ReferenceBuffer } from "./buffer.ts";
import { BufferCpuAccess } from "./cpu-access.ts";

/** Largest page offset: where an `unsigned long` wraps round in a kernel. */
const largestOffset = Number.MAX_SAFE_INTEGER;

function clear(map: IosysMap): void {
  map.address = null;
  map.isIomem = false;
}

/** Views for the CPU: one kernel address a buffer, and user mappings. */
export abstract class BufferCpuMappings extends BufferCpuAccess {
  /** `dma_buf_vmap`: the first user's call reaches the exporter, the others get the same address. */
  *vmap(buffer: ReferenceBuffer, map: IosysMap): Generator<Suspension, Errno, unknown> {
    clear(map);
    this.assertHeld(buffer, "a buffer is mapped for the kernel");
    if (buffer.ops.vmap === undefined) return EINVAL;
    if (buffer.vmappings === 0) {
      const errno = yield* this.firstVmap(buffer);
      if (errno !== 0) return errno;
    }
    buffer.vmappings += 1;
    map.address = buffer.vmapped.address;
    map.isIomem = buffer.vmapped.isIomem;
    return 0;
  }

  /** `dma_buf_vunmap`: the last user's call reaches the exporter. */
  *vunmap(buffer: ReferenceBuffer, map: IosysMap): Generator<Suspension, void, unknown> {
    this.assertHeld(buffer, "a buffer is unmapped for the kernel");
    if (buffer.vmappings === 0 || map.address !== buffer.vmapped.address) {
      this.env.warn("kernel stops: vunmap without a vmap, or of another address");
      return;
    }
    buffer.vmappings -= 1;
    if (buffer.vmappings === 0) yield* this.lastVunmap(buffer);
  }

  /** `dma_buf_vmap_unlocked`. */
  *vmapUnlocked(buffer: ReferenceBuffer, map: IosysMap): Generator<Suspension, Errno, unknown> {
    clear(map);
    yield* this.env.lock(buffer.resv);
    const errno = yield* this.vmap(buffer, map);
    yield* this.env.unlock(buffer.resv);
    return errno;
  }

  /** `dma_buf_vunmap_unlocked`. */
  *vunmapUnlocked(buffer: ReferenceBuffer, map: IosysMap): Generator<Suspension, void, unknown> {
    yield* this.env.lock(buffer.resv);
    yield* this.vunmap(buffer, map);
    yield* this.env.unlock(buffer.resv);
  }

  /** `dma_buf_mmap`: the mapping changes over to the buffer's file, and then it is as if a user had mapped that. */
  *mmap(buffer: ReferenceBuffer, mapping: UserMapping, offset: number): Generator<Suspension, Errno, unknown> {
    if (buffer.ops.mmap === undefined) return EINVAL;
    if (offset > largestOffset - mapping.pages) return EOVERFLOW;
    if (!this.isInside(buffer, offset, mapping.pages)) return EINVAL;
    this.setFile(buffer, mapping);
    mapping.start = offset;
    return yield* this.callMmap(buffer, mapping);
  }

  /** `dma_buf_mmap_internal`. */
  *mmapFd(buffer: ReferenceBuffer, mapping: UserMapping): Generator<Suspension, Errno, unknown> {
    if (buffer.ops.mmap === undefined) return EINVAL;
    if (!this.isInside(buffer, mapping.start, mapping.pages)) return EINVAL;
    return yield* this.callMmap(buffer, mapping);
  }

  protected *firstVmap(buffer: ReferenceBuffer): Generator<Suspension, Errno, unknown> {
    const errno = yield* this.callVmap(buffer, buffer.vmapped);
    if (errno !== 0) {
      clear(buffer.vmapped);
      this.warnVmapFailed();
    }
    return errno;
  }

  protected *lastVunmap(buffer: ReferenceBuffer): Generator<Suspension, void, unknown> {
    yield* this.callVunmap(buffer, buffer.vmapped);
    clear(buffer.vmapped);
  }

  protected *callVmap(buffer: ReferenceBuffer, map: IosysMap): Generator<Suspension, Errno, unknown> {
    return (yield* settle<Errno | void>(buffer.ops.vmap?.(buffer, map))) ?? 0;
  }

  protected *callVunmap(buffer: ReferenceBuffer, map: IosysMap): Generator<Suspension, void, unknown> {
    yield* settle(buffer.ops.vunmap?.(buffer, map));
  }

  protected *callMmap(buffer: ReferenceBuffer, mapping: UserMapping): Generator<Suspension, Errno, unknown> {
    return (yield* settle<Errno | void>(buffer.ops.mmap?.(buffer, mapping))) ?? 0;
  }

  /** Whole pages of the buffer only: what is left at its end cannot be mapped. */
  protected isInside(buffer: ReferenceBuffer, offset: number, pages: number): boolean {
    return offset + pages <= Math.floor(buffer.size / pageSize);
  }

  /** `vma_set_file`. */
  protected setFile(buffer: ReferenceBuffer, mapping: UserMapping): void {
    this.getRef(buffer);
    mapping.file = buffer;
  }

  protected warnedVmap = false;

  /** Once per boot. */
  protected warnVmapFailed(): void {
    if (this.warnedVmap) return;
    this.warnedVmap = true;
    this.env.warn("an exporter cannot map a buffer for the kernel");
  }
}
