import type { Errno } from "../../spec/errno.ts";
import type { Attachment, Device, DmaBuf, ImporterOps } from "../../spec/roles/handles.ts";
import type { MappingModel, NegotiationFramework, PhysicalList } from "../../spec/roles/negotiation.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { HarnessFault } from "../fault.ts";
import { settle } from "../settle.ts";
import { describeList } from "./negotiation-hooks.ts";
import { SpaceEnv } from "./space-env.ts";

/** The half of `Env` about mapping models and physical lists. */
export class NegotiationEnv extends SpaceEnv {
  modelsOf(buffer: DmaBuf): readonly MappingModel[] {
    return this.negotiation.modelsOf(buffer);
  }

  *matchModel(
    buffer: DmaBuf,
    device: Device,
    allowPeer2peer: boolean,
    accept: readonly MappingModel[],
  ): Generator<Suspension, MappingModel | Errno, unknown> {
    this.begun();
    return yield* settle(this.negotiation.matchModel(buffer, device, allowPeer2peer, accept), "matchModel");
  }

  *negotiate(
    buffer: DmaBuf,
    device: Device,
    ops: ImporterOps,
    accept: readonly MappingModel[],
    priv?: unknown,
  ): Generator<Suspension, Attachment | Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const step = world.scheduler.current.stepId;
    const attachment = world.names.next("attachment", step);
    const { allowPeer2peer } = ops;
    const args = {
      importer: by,
      buffer: this.bufferName(buffer),
      attachment,
      accept,
      device: device.name,
      allowPeer2peer,
    };
    const call = world.recorder.emit({ kind: "call", op: "negotiate", by, ...args });
    const model = yield* settle(this.negotiation.matchModel(buffer, device, allowPeer2peer, accept), "matchModel");
    // The attach inside makes the attachment of this name.
    world.names.want(step, "attachment", attachment);
    const result = typeof model === "number" ? model : yield* this.attach(buffer, device, { ...ops, model }, priv);
    world.names.forgetName(attachment);
    const [errno, chosen] = typeof result === "number" ? [result, null] : [0, model as MappingModel];
    const offered = this.negotiation.modelsOf(buffer);
    world.recorder.emit({ kind: "ret", op: "negotiate", by, call, errno, ...args, model: chosen, offered });
    return result;
  }

  *mapPhysical(attachment: Attachment): Generator<Suspension, PhysicalList | Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { attachment: this.attachmentName(attachment), buffer: this.bufferName(attachment.buffer) };
    const call = world.recorder.emit({ kind: "call", op: "mapPhysical", by, ...args });
    const list = yield* settle(this.negotiation.mapPhysical(attachment), "mapPhysical");
    const errno = typeof list === "number" ? list : 0;
    world.recorder.emit({ kind: "ret", op: "mapPhysical", by, call, errno, ...args, ...describeList(list) });
    return list;
  }

  *unmapPhysical(attachment: Attachment): Generator<Suspension, void, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { attachment: this.attachmentName(attachment), buffer: this.bufferName(attachment.buffer) };
    const call = world.recorder.emit({ kind: "call", op: "unmapPhysical", by, ...args });
    yield* settle(this.negotiation.unmapPhysical(attachment), "unmapPhysical");
    world.recorder.emit({ kind: "ret", op: "unmapPhysical", by, call, errno: 0, ...args });
  }

  private get negotiation(): NegotiationFramework {
    const { negotiation } = this.world.framework;
    if (negotiation === undefined)
      throw new HarnessFault("the program negotiates, and the framework has no part for that");
    return negotiation;
  }
}
