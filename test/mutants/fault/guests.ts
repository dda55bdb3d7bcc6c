import { referenceSystem } from "../../../conformance/reference-system.ts";
import { DefaultExporter } from "../../../reference-impl/exporter/default-exporter.ts";
import { GuestImporter, GuestSlot } from "../../../reference-impl/importers/guest-importer.ts";
import { EFAULT, EINVAL } from "../../../spec/errno.ts";
import type { Attachment, Device, DmaBuf, IosysMap } from "../../../spec/roles/handles.ts";
import type { Guest, PhysicalList } from "../../../spec/roles/negotiation.ts";
import { mutant, type Mutant } from "../mutant.ts";
import { faultyKind } from "./kit.ts";

/** Importers that show memory to guests. */
export const mutants: readonly Mutant[] = [
  faultyKind(
    "guest",
    "ATT-26",
    "what cannot be had as a list is mapped for DMA",
    (reached) =>
      class extends GuestImporter {
        override *bindSlot(buffer: DmaBuf, device: Device, offset: number, length: number, owner: Guest) {
          const slot = yield* super.bindSlot(buffer, device, offset, length, owner);
          if (slot !== EINVAL || !this.fits(buffer, offset, length)) return slot;
          const attachment = yield* this.env.attach(buffer, device, this.slotOps);
          if (typeof attachment === "number") return slot;
          reached();
          const table = yield* this.env.mapUnlocked(attachment, "toDevice");
          if (typeof table !== "number") yield* this.env.unmapUnlocked(attachment, table, "toDevice");
          yield* this.env.detach(buffer, attachment);
          return slot;
        }
      },
    { also: ["LIFE-15"] },
  ),
  faultyKind(
    "guest",
    "ATT-26",
    "what cannot be had as a list is read by the CPU",
    (reached) =>
      class extends GuestImporter {
        override *bindSlot(buffer: DmaBuf, device: Device, offset: number, length: number, owner: Guest) {
          const slot = yield* super.bindSlot(buffer, device, offset, length, owner);
          if (slot !== EINVAL || !this.fits(buffer, offset, length)) return slot;
          const map: IosysMap = { address: null, isIomem: false };
          if ((yield* this.env.vmapUnlocked(buffer, map)) !== 0) return slot;
          reached();
          yield* this.env.vunmapUnlocked(buffer, map);
          return slot;
        }
      },
    { also: ["LIFE-15"] },
  ),
  faultyKind(
    "guest",
    "ATT-26",
    "what cannot be had as a list is mapped for DMA when the guest asks for it",
    (reached) =>
      class extends GuestImporter {
        private readonly refused = new Set<GuestSlot>();
        override *bindSlot(buffer: DmaBuf, device: Device, offset: number, length: number, owner: Guest) {
          const made = yield* super.bindSlot(buffer, device, offset, length, owner);
          if (made !== EINVAL || !this.fits(buffer, offset, length)) return made;
          const slot = new GuestSlot(this.env, offset, length, owner);
          yield* this.env.getRef(buffer);
          const attachment = yield* this.env.attach(buffer, device, this.slotOps, slot);
          if (typeof attachment === "number") {
            yield* this.env.put(buffer);
            return made;
          }
          slot.attachment = attachment;
          this.refused.add(slot);
          return slot;
        }
        protected override *lookUp(slot: GuestSlot, attachment: Attachment) {
          if (!this.refused.has(slot)) return yield* super.lookUp(slot, attachment);
          reached();
          const table = yield* this.env.mapUnlocked(attachment, "toDevice");
          if (typeof table !== "number") yield* this.env.unmapUnlocked(attachment, table, "toDevice");
          return EFAULT;
        }
      },
    { also: ["LIFE-15"] },
  ),
  faultyKind(
    "guest",
    "FAULT-03",
    "the sequence is not looked at before the entry is written",
    (reached) =>
      class extends GuestImporter {
        protected override hasChanged(slot: GuestSlot, sequence: number) {
          if (super.hasChanged(slot, sequence)) reached();
          return false;
        }
      },
    { from: ["M-MM1"], also: ["FAULT-04", "NEG-18", "FAULT-12", "FAULT-14"] },
  ),
  faultyKind(
    "guest",
    "FAULT-04",
    "faults go on while the callback takes entries out",
    (reached) =>
      class extends GuestImporter {
        protected override hasChanged(slot: GuestSlot, sequence: number) {
          if (slot.running > 0) reached();
          return slot.sequence !== sequence;
        }
      },
    { also: ["FAULT-03", "NEG-18", "FAULT-14"] },
  ),
  faultyKind(
    "guest",
    "FAULT-11",
    "only the first byte of a slot has to be inside",
    (reached) =>
      class extends GuestImporter {
        protected override fits(buffer: DmaBuf, offset: number, length: number) {
          if (!super.fits(buffer, offset, length)) reached();
          return offset <= buffer.size;
        }
      },
  ),
  faultyKind(
    "guest",
    "FAULT-11",
    "a slot has to cover the whole buffer",
    (reached) =>
      class extends GuestImporter {
        protected override fits(buffer: DmaBuf, offset: number, length: number) {
          const covers = offset === 0 && length === buffer.size;
          if (super.fits(buffer, offset, length) && !covers) reached();
          return covers;
        }
      },
  ),
  faultyKind(
    "guest",
    "FAULT-12",
    "nobody asks whose memory it is",
    (reached) =>
      class extends GuestImporter {
        protected override check(slot: GuestSlot, list: PhysicalList, write: boolean, isPrivate: boolean) {
          if (list.owner !== null && list.owner !== slot.owner) reached();
          return super.check(slot, { ...list, owner: list.owner === null ? null : slot.owner }, write, isPrivate);
        }
      },
  ),
  faultyKind(
    "guest",
    "FAULT-13",
    "a wrong kind of access is put right in silence",
    (reached) =>
      class extends GuestImporter {
        protected override check(slot: GuestSlot, list: PhysicalList, write: boolean, isPrivate: boolean) {
          const right = list.owner !== null;
          if (right !== isPrivate) reached();
          return super.check(slot, list, write, right);
        }
      },
  ),
  mutant("FAULT-14", "nobody is told that a buffer becomes read-only", (reached) =>
    referenceSystem({
      exporters: {
        subject: (env) =>
          new (class extends DefaultExporter {
            protected override *announceRight(_buffer: DmaBuf) {
              reached();
              yield* this.env.point("restrict");
            }
          })(env),
      },
    }),
  ),
  faultyKind(
    "guest",
    "FAULT-14",
    "a change of rights without a change of place is nothing",
    (reached) =>
      class extends GuestImporter {
        protected override *takenBack(attachment: Attachment) {
          const slot = attachment.importerPriv as GuestSlot;
          if (slot.list === null || slot.list.write === false) return yield* super.takenBack(attachment);
          reached();
          yield* this.env.point("ignored");
        }
      },
    { also: ["FAULT-04", "REV-02", "REV-09", "NEG-18"] },
  ),
];
