import type { Guest } from "../calls/faults.ts";
import type { Errno } from "../errno.ts";
import type { MappingModel } from "./mapping-model.ts";
import type { Attachment, Device, DmaBuf, ImporterOps, Storage } from "./handles.ts";
import type { Suspendable } from "./suspendable.ts";

export type { Guest } from "../calls/faults.ts";
export type { MappingModel } from "./mapping-model.ts";

/** Memory as an importer with tables of its own gets it, with the marks that belong to it. */
export interface PhysicalList {
  readonly storage: Storage;
  readonly write: boolean;
  /** The guest that alone may have it; null for shared memory. */
  readonly owner: Guest | null;
  /** Memory of a device: never to be treated as pages. */
  readonly mmio: boolean;
}

/** Negotiation of mapping models, and lists of physical ranges (2026 RFC). */
export interface NegotiationFramework {
  /** The exporter's models in its own order; none: it does not negotiate. */
  modelsOf(buffer: DmaBuf): readonly MappingModel[];
  /** The first of the exporter's models that suits both sides. EINVAL: there is none. */
  matchModel(
    buffer: DmaBuf,
    device: Device,
    allowPeer2peer: boolean,
    accept: readonly MappingModel[],
  ): Suspendable<MappingModel | Errno>;
  /** Lock held. EINVAL: another model was agreed on; EOPNOTSUPP: the exporter has no such list. */
  mapPhysical(attachment: Attachment): Suspendable<PhysicalList | Errno>;
  unmapPhysical(attachment: Attachment): Suspendable<void>;
}

/** Hooks of exporters that negotiate. */
export interface NegotiationOps {
  /** What it offers, best first. */
  readonly models?: readonly MappingModel[];
  /** 0 suits, EOPNOTSUPP does not, anything else ends the negotiation. */
  readonly match?: (buffer: DmaBuf, device: Device, model: MappingModel, allowPeer2peer: boolean) => Suspendable<Errno>;
  readonly mapPhysical?: (attachment: Attachment) => Suspendable<PhysicalList | Errno>;
  readonly unmapPhysical?: (attachment: Attachment) => Suspendable<void>;
}

/** Importer ops as the framework hands them on: with the model that was agreed on. */
export type AgreedOps = ImporterOps & { readonly model: MappingModel };
