import { referenceSystem } from "../../../conformance/reference-system.ts";
import { type BufferObject, objectOf } from "../../../reference-impl/exporter/buffer-object.ts";
import { DefaultExporter } from "../../../reference-impl/exporter/default-exporter.ts";
import { DynamicExporter } from "../../../reference-impl/exporter/dynamic-exporter.ts";
import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import type { Submission } from "../../../reference-impl/importers/submission.ts";
import { EIO, ENODEV } from "../../../spec/errno.ts";
import type { Exporter } from "../../../spec/roles/exporter.ts";
import type { Attachment, Direction, DmaBuf } from "../../../spec/roles/handles.ts";
import { inExporter, type Made } from "../faulty.ts";
import { mutant, type Mutant } from "../mutant.ts";

/** A fault in an exporter of this kind. */
function faulty(
  kind: "subject" | "dynamic",
  rule: string,
  words: string,
  fault: Made<Exporter>,
  also: readonly string[] = [],
): Mutant {
  return inExporter(rule, words, fault, { kind, also });
}

/** What may be taken away once is moved before. */
function forgetsAgreements(reached: () => void) {
  return class extends DefaultExporter {
    protected override isMovable(object: BufferObject) {
      const { agreements } = object;
      object.agreements = 0;
      const movable = super.isMovable(object);
      object.agreements = agreements;
      if (movable && agreements > 0) reached();
      return movable;
    }
  };
}

/** What was agreed on, and what is done. */
export const mutants: readonly Mutant[] = [
  faulty(
    "dynamic",
    "NEG-02",
    "pinned memory moves all the same",
    (reached) =>
      class extends DynamicExporter {
        protected override isMovable(object: BufferObject) {
          const { agreements } = object;
          object.agreements = 0;
          const movable = super.isMovable(object);
          object.agreements = agreements;
          if (movable && agreements > 0) reached();
          return movable;
        }
      },
  ),
  faulty("subject", "NEG-03", "revocable memory moves all the same", forgetsAgreements),
  faulty("subject", "REV-36", "what may be taken away once is moved first", forgetsAgreements, ["NEG-03"]),
  faulty(
    "subject",
    "REV-36",
    "unrevoke forgets what was promised to who came in beside the revoke",
    (reached) =>
      class extends DefaultExporter {
        protected override *unrevokeObject(buffer: DmaBuf, object: BufferObject) {
          const { revoked } = object;
          yield* super.unrevokeObject(buffer, object);
          if (!revoked || object.agreements === 0) return;
          reached();
          object.agreements = 0;
        }
        override detach(buffer: DmaBuf, attachment: Attachment) {
          super.detach(buffer, attachment);
          objectOf(buffer).agreements = Math.max(objectOf(buffer).agreements, 0);
        }
      },
    ["NEG-03"],
  ),
  faulty(
    "dynamic",
    "NEG-04",
    "after a move the memory is away for a while",
    (reached) =>
      class extends DynamicExporter {
        private readonly moved = new Set<DmaBuf>();
        protected override *announce(buffer: DmaBuf, object: BufferObject) {
          this.moved.add(buffer);
          yield* super.announce(buffer, object);
        }
        override *map(attachment: Attachment, direction: Direction) {
          if (!this.moved.delete(attachment.buffer)) return yield* super.map(attachment, direction);
          reached();
          return ENODEV;
        }
      },
    ["MAP-24", "MOVE-24", "REV-20", "REV-21"],
  ),
  mutant(
    "NEG-06",
    "a revoke costs the whole context",
    (reached) =>
      referenceSystem({
        importers: {
          subject: (env) =>
            new (class extends DynamicImporter {
              private lost = false;
              protected override *submitHeld(submission: Submission) {
                if (this.lost) {
                  reached();
                  return EIO;
                }
                const errno = yield* super.submitHeld(submission);
                if (errno === ENODEV) this.lost = true;
                return errno;
              }
            })(env),
        },
      }),
    { also: ["REV-24", "MOVE-20", "FAULT-07"] },
  ),
  faulty(
    "subject",
    "NEG-10",
    "unrevoke waits until somebody maps again",
    (reached) =>
      class extends DefaultExporter {
        protected override *unrevokeObject(buffer: DmaBuf, object: BufferObject) {
          const { revoked, agreements } = object;
          yield* super.unrevokeObject(buffer, object);
          if (!revoked || agreements === 0 || object.maps > 0) return;
          reached();
          yield* this.env.wait({ kind: "other", what: "importers to map again" }, () => object.maps > 0);
        }
      },
    ["REV-22", "REV-50", "REV-13"],
  ),
  faulty(
    "subject",
    "NEG-19",
    "a list does not say that it shows a device",
    (reached) =>
      class extends DefaultExporter {
        override mapPhysical(attachment: Attachment) {
          const list = super.mapPhysical(attachment);
          if (typeof list === "number") return list;
          reached();
          return { ...list, mmio: false };
        }
      },
  ),
];
