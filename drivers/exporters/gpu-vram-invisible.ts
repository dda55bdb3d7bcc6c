import type { Errno } from "../../spec/errno.ts";
import { EBUSY } from "../../spec/errno.ts";
import type { DmaBuf, Storage } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { GpuVram, type VramBo } from "./gpu-vram.ts";

/**
 * A GPU whose BAR shows a part of its memory only (`amdgpu_res_cpu_visible`, `AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED`).
 * Objects begin outside of that window: the CPU and peers get them once they have been moved into it, or not at all.
 */
export class GpuVramInvisible extends GpuVram {
  /** What lies in the window. */
  private readonly window = new WeakSet<Storage>();

  /** `amdgpu_dma_buf_map` and `amdgpu_dma_buf_pin` ask for the window where they leave an object to peers. */
  protected override *validate(buffer: DmaBuf, bo: VramBo, allowsVram: boolean): Generator<Suspension, Errno, unknown> {
    return allowsVram ? yield* this.makeVisible(buffer, bo) : yield* super.validate(buffer, bo, false);
  }

  /** `amdgpu_bo_fault_reserve_notify`. One that is pinned cannot come. */
  protected override *makeVisible(buffer: DmaBuf, bo: VramBo): Generator<Suspension, Errno, unknown> {
    if (bo.resource.placement === "system" || this.window.has(bo.resource)) return 0;
    if (bo.pinCount > 0) return EBUSY;
    const errno = yield* this.moveTo(buffer, bo, "device");
    if (errno === 0) this.window.add(bo.resource);
    return errno;
  }
}
