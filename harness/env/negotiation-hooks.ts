import type { Errno } from "../../spec/errno.ts";
import type { Attachment, Device, DmaBuf } from "../../spec/roles/handles.ts";
import type { MappingModel, NegotiationOps, PhysicalList } from "../../spec/roles/negotiation.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { equip, type Mutable } from "../mutable.ts";
import type { World } from "../world.ts";
import { runRole } from "./hooks.ts";

/** What a history says of a physical list; nothing for a refusal. */
export function describeList(list: PhysicalList | Errno) {
  if (typeof list === "number") return { storage: null, write: false, owner: null, mmio: false };
  const { storage, write, owner, mmio } = list;
  return { storage: storage.id, write, owner, mmio };
}

class NegotiationHooks {
  private readonly world: World;
  private readonly to: string;
  private readonly ops: NegotiationOps;

  constructor(world: World, to: string, ops: NegotiationOps) {
    this.world = world;
    this.to = to;
    this.ops = ops;
  }

  *match(
    buffer: DmaBuf,
    device: Device,
    model: MappingModel,
    allowPeer2peer: boolean,
  ): Generator<Suspension, Errno, unknown> {
    const { world, to } = this;
    const args = { buffer: world.names.of(buffer, "buffer", null), device: device.name, model, allowPeer2peer };
    const cb = world.recorder.emit({ kind: "cb", hook: "match", to, ...args });
    const injected = world.failure("hook:match");
    const errno =
      injected !== 0
        ? injected
        : yield* runRole(world, "the exporter's match", () => this.ops.match!(buffer, device, model, allowPeer2peer));
    world.recorder.emit({ kind: "cbret", hook: "match", to, cb, errno, injected: injected !== 0, ...args });
    return errno;
  }

  *mapPhysical(attachment: Attachment): Generator<Suspension, PhysicalList | Errno, unknown> {
    const { world, to } = this;
    const args = { attachment: world.names.of(attachment, "attachment", world.scheduler.current.stepId) };
    const cb = world.recorder.emit({ kind: "cb", hook: "mapPhysical", to, ...args });
    const injected = world.failure("hook:map-physical");
    const list =
      injected !== 0
        ? injected
        : yield* runRole(world, "the exporter's mapPhysical", () => this.ops.mapPhysical!(attachment));
    const errno = typeof list === "number" ? list : 0;
    const answer = describeList(list);
    world.recorder.emit({
      kind: "cbret",
      hook: "mapPhysical",
      to,
      cb,
      errno,
      injected: injected !== 0,
      ...args,
      ...answer,
    });
    return list;
  }

  *unmapPhysical(attachment: Attachment): Generator<Suspension, void, unknown> {
    const { world, to } = this;
    const args = { attachment: world.names.of(attachment, "attachment", world.scheduler.current.stepId) };
    const cb = world.recorder.emit({ kind: "cb", hook: "unmapPhysical", to, ...args });
    yield* runRole<void>(world, "the exporter's unmapPhysical", () => this.ops.unmapPhysical?.(attachment));
    world.recorder.emit({ kind: "cbret", hook: "unmapPhysical", to, cb, errno: 0, injected: false, ...args });
  }
}

/** Equips the recorded ops of an exporter with what it has for negotiation. */
export function recordNegotiationOps(
  world: World,
  to: string,
  ops: NegotiationOps,
  recorded: Mutable<NegotiationOps>,
): void {
  if (ops.models === undefined) return;
  const hooks = new NegotiationHooks(world, to, ops);
  recorded.models = ops.models;
  if (ops.match !== undefined) equip(recorded, "match", (...args) => hooks.match(...args));
  if (ops.mapPhysical !== undefined) equip(recorded, "mapPhysical", (attachment) => hooks.mapPhysical(attachment));
  if (ops.unmapPhysical !== undefined)
    equip(recorded, "unmapPhysical", (attachment) => hooks.unmapPhysical(attachment));
}
