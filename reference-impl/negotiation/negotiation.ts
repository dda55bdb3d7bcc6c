import { EINVAL, EOPNOTSUPP, type Errno } from "../../spec/errno.ts";
import { modelPromises } from "../../spec/roles/mapping-model.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Attachment, Device, DmaBuf } from "../../spec/roles/handles.ts";
import type { MappingModel, NegotiationFramework, NegotiationOps, PhysicalList } from "../../spec/roles/negotiation.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { ReferenceBuffer } from "../buffers/buffer.ts";
import { settle } from "../settle.ts";

const nothing: NegotiationOps = {};

/** How a buffer is mapped is agreed on before it is attached (2026 RFC, `dma_buf_match_mapping`). */
export class ReferenceNegotiation implements NegotiationFramework {
  protected readonly env: Env;

  constructor(env: Env) {
    this.env = env;
  }

  modelsOf(buffer: DmaBuf): readonly MappingModel[] {
    return opsOf(buffer).models ?? [];
  }

  /** In the exporter's order. A model that nobody asks the exporter about is none that suits. */
  *matchModel(
    buffer: DmaBuf,
    device: Device,
    allowPeer2peer: boolean,
    accept: readonly MappingModel[],
  ): Generator<Suspension, MappingModel | Errno, unknown> {
    const { match } = opsOf(buffer);
    for (const model of this.modelsOf(buffer)) {
      if (!this.isAcceptable(model, allowPeer2peer, accept)) continue;
      const errno = match === undefined ? 0 : yield* settle(match(buffer, device, model, allowPeer2peer));
      if (errno === 0) return model;
      if (errno !== EOPNOTSUPP) return errno;
    }
    return EINVAL;
  }

  protected isAcceptable(model: MappingModel, allowPeer2peer: boolean, accept: readonly MappingModel[]): boolean {
    return accept.includes(model) && (allowPeer2peer || !modelPromises[model].peer);
  }

  *mapPhysical(attachment: Attachment): Generator<Suspension, PhysicalList | Errno, unknown> {
    this.assertHeld(attachment, "mapped");
    const ops = opsOf(attachment.buffer);
    if (ops.mapPhysical === undefined) return EOPNOTSUPP;
    if (attachment.importerOps?.model !== "physical") return EINVAL;
    return yield* settle(ops.mapPhysical(attachment));
  }

  *unmapPhysical(attachment: Attachment): Generator<Suspension, void, unknown> {
    this.assertHeld(attachment, "unmapped");
    yield* settle(opsOf(attachment.buffer).unmapPhysical?.(attachment));
  }

  protected assertHeld({ buffer }: Attachment, what: string): void {
    if (!this.env.isLockedByMe(buffer.resv))
      this.env.warn(`a physical list is ${what} without the lock of its reservation object held by this task`);
  }
}

function opsOf(buffer: DmaBuf): NegotiationOps {
  return buffer instanceof ReferenceBuffer ? buffer.ops : nothing;
}
