import type { Errno } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Attachment, Device, DmaBuf, ImporterOps } from "../../spec/roles/handles.ts";
import type { MappingModel } from "../../spec/roles/negotiation.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";

/** Attaches with a reference on the buffer; with models to accept, by negotiation. A failure leaves neither. */
export function* attachHeld(
  env: Env,
  buffer: DmaBuf,
  device: Device,
  ops: ImporterOps,
  priv: object,
  accept?: readonly MappingModel[],
): Generator<Suspension, Attachment | Errno, unknown> {
  yield* env.getRef(buffer);
  const attachment =
    accept === undefined
      ? yield* env.attach(buffer, device, ops, priv)
      : yield* env.negotiate(buffer, device, ops, accept, priv);
  if (typeof attachment === "number") yield* env.put(buffer);
  return attachment;
}

/** Gives back what `attachHeld` took. */
export function* detachHeld(env: Env, attachment: Attachment): Generator<Suspension, void, unknown> {
  yield* env.detach(attachment.buffer, attachment);
  yield* env.put(attachment.buffer);
}
