import type { Errno } from "../../spec/errno.ts";
import type { Attachment, Device, DmaBuf } from "../../spec/roles/handles.ts";
import type { MappingModel } from "../../spec/roles/negotiation.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { GpuDynamic } from "./gpu-dynamic.ts";
import type { GpuBo } from "./gpu-importer.ts";

/** Memory that is always there: it may move, or stay. */
const accepted: readonly MappingModel[] = ["dynamicPeer", "dynamic", "pinned"];

/**
 * A compositor's GPU: a client's buffer must not be able to end its context, so it refuses memory that may be taken away
 * (Simona Vetter in the January 2025 thread on `dma_buf_get_pfn_unlocked`). Else it imports as amdgpu does.
 */
export class Compositor extends GpuDynamic {
  protected override *attach(
    buffer: DmaBuf,
    device: Device,
    bo: GpuBo,
  ): Generator<Suspension, Attachment | Errno, unknown> {
    return yield* this.env.negotiate(buffer, device, this.ops, accepted, bo);
  }
}
