import { referenceSystem } from "../../../conformance/reference-system.ts";
import { ReferenceBuffers } from "../../../reference-impl/buffers/buffers.ts";
import type { ReferenceAttachment } from "../../../reference-impl/buffers/buffer.ts";
import { ReferenceNegotiation } from "../../../reference-impl/negotiation/negotiation.ts";
import { EINVAL, EOPNOTSUPP } from "../../../spec/errno.ts";
import { modelPromises } from "../../../spec/roles/mapping-model.ts";
import type { Env } from "../../../spec/roles/env.ts";
import type { Attachment, Device, Direction, DmaBuf } from "../../../spec/roles/handles.ts";
import type { MappingModel, PhysicalList } from "../../../spec/roles/negotiation.ts";
import { mutant, type Mutant } from "../mutant.ts";

type Rest = Parameters<typeof mutant>[3];

/** A fault in the match. */
function faultyMatch(
  rule: string,
  words: string,
  fault: (reached: () => void) => new (env: Env) => ReferenceNegotiation,
  rest: Rest = {},
): Mutant {
  return mutant(
    rule,
    words,
    (reached) => {
      const Faulty = fault(reached);
      return referenceSystem({ negotiation: (env) => new Faulty(env) });
    },
    rest,
  );
}

/** The framework's side of a negotiation. */
export const mutants: readonly Mutant[] = [
  faultyMatch(
    "NEG-01",
    "the importer is told its own favourite",
    (reached) =>
      class extends ReferenceNegotiation {
        override *matchModel(buffer: DmaBuf, device: Device, peers: boolean, accept: readonly MappingModel[]) {
          const model = yield* super.matchModel(buffer, device, peers, accept);
          if (typeof model === "number" || model === accept[0]) return model;
          reached();
          return accept[0]!;
        }
      },
    { also: ["NEG-07", "NEG-14", "NEG-17", "NEG-05", "NEG-22"] },
  ),
  faultyMatch(
    "NEG-07",
    "the exporter's favourite is taken unseen",
    (reached) =>
      class extends ReferenceNegotiation {
        override *matchModel(buffer: DmaBuf, device: Device, peers: boolean, accept: readonly MappingModel[]) {
          const [favourite] = this.modelsOf(buffer);
          if (favourite === undefined || accept.includes(favourite) || accept.length === 0)
            return yield* super.matchModel(buffer, device, peers, accept);
          reached();
          return favourite;
        }
      },
    { also: ["NEG-05", "NEG-08", "NEG-14", "NEG-17", "NEG-22"] },
  ),
  faultyMatch(
    "NEG-05",
    "having the callback passes for consent",
    (reached) =>
      class extends ReferenceNegotiation {
        override *matchModel(buffer: DmaBuf, device: Device, peers: boolean, accept: readonly MappingModel[]) {
          const asked = accept.some((model) => modelPromises[model].stability === "L3");
          if (asked) reached();
          return yield* super.matchModel(buffer, device, peers, asked ? [...accept, "revocable"] : accept);
        }
      },
    { also: ["NEG-07", "NEG-14", "NEG-22"] },
  ),
  faultyMatch(
    "NEG-08",
    "who asks for pinned memory gets what there is",
    (reached) =>
      class extends ReferenceNegotiation {
        override *matchModel(buffer: DmaBuf, device: Device, peers: boolean, accept: readonly MappingModel[]) {
          const pinned = accept.length === 1 && accept[0] === "pinned";
          if (pinned) reached();
          return yield* super.matchModel(buffer, device, peers, pinned ? ["pinned", "dynamic", "revocable"] : accept);
        }
      },
    { also: ["NEG-05", "NEG-07", "NEG-14", "NEG-22"] },
  ),
  faultyMatch(
    "NEG-14",
    "the importer's order decides",
    (reached) =>
      class extends ReferenceNegotiation {
        override modelsOf(buffer: DmaBuf) {
          return super.modelsOf(buffer);
        }
        override *matchModel(buffer: DmaBuf, device: Device, peers: boolean, accept: readonly MappingModel[]) {
          for (const model of accept) {
            if (!this.modelsOf(buffer).includes(model) || !this.isAcceptable(model, peers, accept)) continue;
            const found = yield* super.matchModel(buffer, device, peers, [model]);
            if (found === EINVAL) continue;
            reached();
            return found;
          }
          return EINVAL;
        }
      },
  ),
  faultyMatch(
    "NEG-15",
    "every error passes for a mismatch",
    (reached) =>
      class extends ReferenceNegotiation {
        override *matchModel(buffer: DmaBuf, device: Device, peers: boolean, accept: readonly MappingModel[]) {
          const rest = [...accept];
          for (const model of this.modelsOf(buffer)) {
            if (!rest.includes(model)) continue;
            const found = yield* super.matchModel(buffer, device, peers, [model]);
            if (typeof found !== "number") return found;
            if (found !== EINVAL) reached();
          }
          return EINVAL;
        }
      },
    { also: ["NEG-14"] },
  ),
  mutant(
    "NEG-16",
    "a physical attachment can be mapped as a table",
    (reached) =>
      referenceSystem({
        buffers: (env) =>
          new (class extends ReferenceBuffers {
            override *map(attachment: ReferenceAttachment | null, direction: Direction) {
              if (attachment?.importerOps?.model !== "physical") return yield* super.map(attachment, direction);
              reached();
              return yield* this.mapAndWait(attachment, direction);
            }
          })(env),
      }),
    { also: ["MAP-15", "PIN-04"] },
  ),
  faultyMatch(
    "NEG-17",
    "whether the importer takes peer addresses is not asked",
    (reached) =>
      class extends ReferenceNegotiation {
        protected override isAcceptable(model: MappingModel, peers: boolean, accept: readonly MappingModel[]) {
          const right = super.isAcceptable(model, peers, accept);
          if (!right && accept.includes(model)) reached();
          return accept.includes(model);
        }
      },
    { also: ["NEG-14"] },
  ),
  faultyMatch(
    "NEG-18",
    "anybody gets the list",
    (reached) =>
      class extends ReferenceNegotiation {
        override *mapPhysical(attachment: Attachment) {
          if (attachment.importerOps?.model === "physical") return yield* super.mapPhysical(attachment);
          const { storage } = { storage: this.env.allocateStorage(4096, "device") };
          if (typeof storage === "number") return EOPNOTSUPP;
          reached();
          const list: PhysicalList = { storage, write: true, owner: null, mmio: true };
          return list;
        }
        override *unmapPhysical(attachment: Attachment) {
          if (attachment.importerOps?.model === "physical") yield* super.unmapPhysical(attachment);
        }
      },
    { also: ["NEG-13", "NEG-16", "NEG-19", "LIFE-12"] },
  ),
  faultyMatch(
    "NEG-13",
    "a list of what has no description is tried as a table",
    (reached) =>
      class extends ReferenceNegotiation {
        override *mapPhysical(attachment: Attachment) {
          const list = yield* super.mapPhysical(attachment);
          if (list !== EOPNOTSUPP) return list;
          reached();
          return 5;
        }
      },
  ),
  faultyMatch(
    "NEG-20",
    "it is attached before the match, and stays so",
    (reached) =>
      class extends ReferenceNegotiation {
        override *matchModel(buffer: DmaBuf, device: Device, peers: boolean, accept: readonly MappingModel[]) {
          const model = yield* super.matchModel(buffer, device, peers, accept);
          if (typeof model !== "number") return model;
          const ops = { allowPeer2peer: peers, invalidate: () => undefined };
          const left = yield* this.env.attach(buffer, device, ops);
          if (typeof left !== "number") reached();
          return model;
        }
      },
    { also: ["LIFE-12", "LIFE-14", "ATT-18", "ATT-19", "ATT-13", "ATT-17", "LIFE-13"] },
  ),
  faultyMatch(
    "NEG-22",
    "following memory is taken for surviving its loss",
    (reached) =>
      class extends ReferenceNegotiation {
        override *matchModel(buffer: DmaBuf, device: Device, peers: boolean, accept: readonly MappingModel[]) {
          const moving = accept.filter((model) => modelPromises[model].stability === "L3");
          if (moving.length > 0) reached();
          const all: readonly MappingModel[] = moving.length > 0 ? [...accept, "recoverable", "revocable"] : accept;
          return yield* super.matchModel(buffer, device, peers, all);
        }
      },
    { also: ["NEG-05", "NEG-07", "NEG-14"] },
  ),
  mutant(
    "NEG-11",
    "a pin without a hook is refused",
    (reached) =>
      referenceSystem({
        buffers: (env) =>
          new (class extends ReferenceBuffers {
            protected override *callPin(attachment: ReferenceAttachment) {
              if (attachment.buffer.ops.pin !== undefined) return yield* super.callPin(attachment);
              reached();
              return EOPNOTSUPP;
            }
          })(env),
      }),
    { also: ["PIN-02", "PIN-03", "PIN-16"] },
  ),
];
