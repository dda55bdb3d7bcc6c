import { GuestImporter, type GuestSlot } from "../../../reference-impl/importers/guest-importer.ts";
import type { Attachment } from "../../../spec/roles/handles.ts";
import { pageSize } from "../../../spec/roles/handles.ts";
import { faultyKind } from "../fault/kit.ts";
import type { Mutant } from "../mutant.ts";

/** Steps that are no longer one: what comes between them has to come in the middle of the operation. */

export const mutants: readonly Mutant[] = [
  faultyKind(
    "guest",
    "FAULT-03",
    "the sequence is read after the list",
    (reached) =>
      class extends GuestImporter {
        private readonly late = new WeakMap<GuestSlot, number>();
        protected override *lookUp(slot: GuestSlot, attachment: Attachment) {
          const list = yield* super.lookUp(slot, attachment);
          this.late.set(slot, slot.sequence);
          return list;
        }
        protected override hasChanged(slot: GuestSlot, sequence: number) {
          const late = this.late.get(slot) ?? sequence;
          if (late !== sequence) reached();
          return super.hasChanged(slot, late);
        }
      },
    { also: ["FAULT-04", "NEG-18", "FAULT-14"] },
  ),
  faultyKind(
    "guest",
    "FAULT-04",
    "the removal is counted when it is over",
    (reached) =>
      class extends GuestImporter {
        protected override *takeOut(slot: GuestSlot, attachment: Attachment) {
          this.env.zap(slot.table, 0, Math.ceil(slot.length / pageSize));
          yield* this.env.point("tlb-flush");
          if (slot.list !== null) {
            slot.list = null;
            yield* this.env.unmapPhysical(attachment);
          }
          yield* this.env.lockMutex(this.mmuLock);
          reached();
          slot.sequence += 1;
          yield* this.env.unlockMutex(this.mmuLock);
        }
      },
    { also: ["FAULT-03", "NEG-18", "FAULT-14"] },
  ),
];
