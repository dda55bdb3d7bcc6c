import { referenceSystem, type Replacement } from "../../../conformance/reference-system.ts";
import type { ReferenceAttachment, ReferenceBuffer } from "../../../reference-impl/buffers/buffer.ts";
import { ReferenceBuffers } from "../../../reference-impl/buffers/buffers.ts";
import type { BufferObject } from "../../../reference-impl/exporter/buffer-object.ts";
import { DefaultExporter } from "../../../reference-impl/exporter/default-exporter.ts";
import type { MappedTable } from "../../../reference-impl/exporter/mapped-table.ts";
import type { ReferenceFence } from "../../../reference-impl/fences/fence.ts";
import { ReferenceFences } from "../../../reference-impl/fences/fences.ts";
import type { ReferenceReservation } from "../../../reference-impl/reservations/reservation.ts";
import { ReferenceReservations } from "../../../reference-impl/reservations/reservations.ts";
import type { Env } from "../../../spec/roles/env.ts";
import type { Exporter } from "../../../spec/roles/exporter.ts";
import type {
  Attachment,
  Direction,
  DmaBuf,
  Fence,
  FenceCallback,
  IosysMap,
  Usage,
} from "../../../spec/roles/handles.ts";
import { mutant, type Mutant } from "../mutant.ts";

/**
 * Counters too narrow and arrays too short: nothing is wrong until the tenth time or so, and until then nothing shows
 * how near it is. Restates what arithmetic width and bounds do in the bug collection.
 */

type Fault<T> = (reached: () => void) => new (env: Env) => T;
type Rest = Parameters<typeof mutant>[3];

function part<K extends keyof Replacement>(key: K) {
  return (rule: string, words: string, fault: Fault<unknown>, rest: Rest = {}) =>
    mutant(
      rule,
      words,
      (reached) => {
        const Faulty = fault(reached);
        return referenceSystem({ [key]: (env: Env) => new Faulty(env) });
      },
      rest,
    );
}

function exporter(rule: string, words: string, fault: Fault<Exporter>, rest: Rest = {}): Mutant {
  return mutant(
    rule,
    words,
    (reached) => {
      const Faulty = fault(reached);
      return referenceSystem({ exporters: { subject: (env) => new Faulty(env) } });
    },
    rest,
  );
}

const core = part("buffers");
const fences = part("fences");
const objects = part("reservations");

/** How often something happened to each of many. */
class Tally<T extends object> {
  private readonly counts = new WeakMap<T, number>();

  /** The number of this time, from 1. */
  next(of: T): number {
    const count = (this.counts.get(of) ?? 0) + 1;
    this.counts.set(of, count);
    return count;
  }
}

export const mutants: readonly Mutant[] = [
  core(
    "ATT-13",
    "an invalidate reaches the nine newest attachments",
    (reached) =>
      class extends ReferenceBuffers {
        override *invalidate(buffer: ReferenceBuffer) {
          if (buffer.attachments.length < 10) return yield* super.invalidate(buffer);
          reached();
          this.assertHeld(buffer, "mappings of a buffer are invalidated");
          for (const attachment of buffer.attachments.slice(0, 9))
            if (attachment.listed && this.isRevocable(attachment)) yield* this.notify(attachment);
        }
      },
  ),
  exporter(
    "PIN-03",
    "ten pins are taken for none",
    (reached) =>
      class extends DefaultExporter {
        protected override isMovable(object: BufferObject) {
          if (object.pins < 10) return super.isMovable(object);
          reached();
          return object.fixedMaps === 0 && object.kernelMaps === 0 && object.agreements === 0;
        }
      },
  ),
  objects(
    "RESV-46",
    "the tenth entry takes the place of the first",
    (reached) =>
      class extends ReferenceReservations {
        override addFence(resv: ReferenceReservation, fence: Fence, usage: Usage) {
          const before = resv.fences?.table.length ?? 0;
          super.addFence(resv, fence, usage);
          const list = resv.fences;
          if (list === null || before !== 9 || list.table.length !== 10) return;
          reached();
          this.putFences(list.table.splice(0, 1).map((entry) => entry.fence));
        }
      },
  ),
  fences(
    "FENCE-13",
    "the eleventh callback of a fence is forgotten",
    (reached) =>
      class extends ReferenceFences {
        protected override queueCallback(fence: ReferenceFence, callback: FenceCallback) {
          super.queueCallback(fence, callback);
          if (fence.callbacks?.length !== 11) return;
          reached();
          fence.callbacks.pop();
        }
      },
  ),
  core(
    "CPU-14",
    "the count of kernel mappings starts again after eleven",
    (reached) =>
      class extends ReferenceBuffers {
        override *vmap(buffer: ReferenceBuffer, map: IosysMap) {
          const errno = yield* super.vmap(buffer, map);
          if (buffer.vmappings !== 11) return errno;
          reached();
          buffer.vmappings = 0;
          return errno;
        }
      },
  ),
  exporter(
    "MAP-17",
    "with ten tables of a buffer an unmap leaves the translation",
    (reached) =>
      class extends DefaultExporter {
        protected override unmapTable(object: BufferObject, table: MappedTable) {
          this.crowded = object.tables.size >= 10;
          super.unmapTable(object, table);
        }
        private crowded = false;
        protected override unmapStorage(table: MappedTable) {
          if (this.crowded) reached();
          else super.unmapStorage(table);
        }
      },
  ),
  exporter(
    "REV-07",
    "nine mappings are more than a revoke can count",
    (reached) =>
      class extends DefaultExporter {
        protected override *waitUnmaps(buffer: DmaBuf, object: BufferObject) {
          if (object.maps < 9) return yield* super.waitUnmaps(buffer, object);
          reached();
        }
      },
  ),
  exporter(
    "ATT-20",
    "power is given back for the ten first attachments of a buffer",
    (reached) =>
      class extends DefaultExporter {
        private readonly detached = new Tally<DmaBuf>();
        override detach(buffer: DmaBuf, attachment: Attachment) {
          if (this.detached.next(buffer) <= 10) super.detach(buffer, attachment);
          else reached();
        }
      },
  ),
  core(
    "CPU-36",
    "the eleventh begin of a buffer does not reach the exporter",
    (reached) =>
      class extends ReferenceBuffers {
        private readonly begun = new Tally<ReferenceBuffer>();
        override *beginCpu(buffer: ReferenceBuffer, direction: Direction) {
          if (this.begun.next(buffer) !== 11) return yield* super.beginCpu(buffer, direction);
          reached();
          return 0;
        }
      },
  ),
  fences(
    "FENCE-29",
    "the eleventh deadline of a fence is not passed on",
    (reached) =>
      class extends ReferenceFences {
        private readonly deadlines = new Tally<ReferenceFence>();
        override setFenceDeadline(fence: ReferenceFence, deadline: number) {
          if (this.deadlines.next(fence) === 11) reached();
          else super.setFenceDeadline(fence, deadline);
        }
      },
  ),
  core(
    "LIFE-31",
    "the eleventh name of a buffer is cut short",
    (reached) =>
      class extends ReferenceBuffers {
        private readonly named = new Tally<ReferenceBuffer>();
        override setName(buffer: ReferenceBuffer, name: string | null) {
          if (name === null || name.length < 8 || this.named.next(buffer) !== 11) return super.setName(buffer, name);
          reached();
          return super.setName(buffer, name.slice(0, 8));
        }
      },
  ),
  core(
    "LIFE-29",
    "the eleventh seek of a buffer answers nothing",
    (reached) =>
      class extends ReferenceBuffers {
        private readonly seeks = new Tally<ReferenceBuffer>();
        override seek(buffer: ReferenceBuffer, offset: number, whence: number) {
          if (this.seeks.next(buffer) !== 11) return super.seek(buffer, offset, whence);
          reached();
          return 1;
        }
      },
  ),
  core(
    "ATT-03",
    "the eleventh attach to a buffer does not ask the exporter",
    (reached) =>
      class extends ReferenceBuffers {
        private readonly attached = new Tally<ReferenceBuffer>();
        protected override *callAttach(attachment: ReferenceAttachment) {
          if (this.attached.next(attachment.buffer) !== 11) return yield* super.callAttach(attachment);
          reached();
          return 0;
        }
      },
    { also: ["ATT-04", "ATT-20"] },
  ),
];
