import type { Direction } from "../../../spec/roles/handles.ts";
import type { ReferenceAttachment } from "../../../reference-impl/buffers/buffer.ts";
import { ReferenceBuffers } from "../../../reference-impl/buffers/buffers.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { faultyCore } from "../life/kit.ts";
import { a1, m1, staticImporter } from "./worlds.ts";

/** Faults of the core's automatic pins. */
export const examples: readonly Example[] = [
  faultyCore(
    "PIN-09",
    "map for a static importer does not pin",
    (reached) =>
      class extends ReferenceBuffers {
        protected override isPinnedOnMap(attachment: ReferenceAttachment) {
          if (this.isDynamicAttachment(attachment)) return super.isPinnedOnMap(attachment);
          reached();
          return false;
        }
      },
    (builder) => staticImporter(builder).step("attach", a1).step("mapUnlocked", m1),
    { profile: "K6.16" },
  ),
  faultyCore(
    "PIN-09",
    "only the first map of an attachment pins",
    (reached) =>
      class extends ReferenceBuffers {
        private readonly pinned = new Set<ReferenceAttachment>();
        protected override *callPin(attachment: ReferenceAttachment) {
          if (!this.pinned.has(attachment)) {
            this.pinned.add(attachment);
            return yield* super.callPin(attachment);
          }
          reached();
          return 0;
        }
      },
    (builder) =>
      staticImporter(builder)
        .step("attach", a1)
        .step("mapUnlocked", m1)
        .step("mapUnlocked", { ...m1, mapping: "m2" }),
    { profile: "K6.16", also: ["PIN-11", "PIN-12", "MAP-19", "MAP-23"] },
  ),
  faultyCore(
    "PIN-10",
    "attach caches a table without a pin",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *pinAndCache(attachment: ReferenceAttachment) {
          if (!this.isDynamic(attachment.buffer)) return yield* super.pinAndCache(attachment);
          reached();
          const table = yield* this.mapAndWait(attachment, "bidirectional");
          if (typeof table === "number") return table;
          this.cacheTable(attachment, table, "bidirectional");
          return 0;
        }
      },
    (builder) => staticImporter(builder).step("attach", a1),
    { profile: "K6.12", also: ["ATT-27", "PIN-11", "MAP-19"] },
  ),
  faultyCore(
    "PIN-10",
    "detach unpins before it unmaps",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *dropCachedTable(attachment: ReferenceAttachment) {
          const { buffer, cachedTable: table } = attachment;
          if (table === null || !this.isDynamic(buffer)) return yield* super.dropCachedTable(attachment);
          reached();
          attachment.cachedTable = null;
          yield* this.callUnpin(attachment);
          yield* this.callUnmap(attachment, table, attachment.cachedDirection);
        }
      },
    (builder) => staticImporter(builder).step("attach", a1).step("detach", { attachment: "a1" }),
    { profile: "K6.12", also: ["MAP-37"] },
  ),
  faultyCore(
    "PIN-11",
    "a failed map keeps its pin",
    (reached) =>
      class extends ReferenceBuffers {
        private failed = false;
        protected override *callMap(attachment: ReferenceAttachment, direction: Direction) {
          const table = yield* super.callMap(attachment, direction);
          this.failed = typeof table === "number";
          return table;
        }
        protected override *callUnpin(attachment: ReferenceAttachment) {
          if (!this.failed) return yield* super.callUnpin(attachment);
          this.failed = false;
          reached();
        }
      },
    (builder) =>
      staticImporter(builder)
        .step("attach", a1)
        .step("mapUnlocked", m1)
        .fail({ step: "s3", site: "hook:map", errno: 12 }),
    { profile: "K6.16", also: ["MAP-23", "PIN-09", "PIN-12", "PIN-17"] },
  ),
  faultyCore(
    "PIN-12",
    "a dynamic importer is not pinned although the switch is off",
    (reached) =>
      class extends ReferenceBuffers {
        protected override isPinnedOnMap(attachment: ReferenceAttachment) {
          if (!this.isDynamicAttachment(attachment)) return super.isPinnedOnMap(attachment);
          reached();
          return false;
        }
      },
    (builder) => builder.step("export", { buffer: "b1" }).step("attach", a1).step("mapUnlocked", m1),
    { profile: "K6.16" },
  ),
  faultyCore(
    "PIN-12",
    "a dynamic importer is pinned although nobody can switch that on",
    (reached) =>
      class extends ReferenceBuffers {
        protected override isPinnedOnMap(attachment: ReferenceAttachment) {
          if (this.isDynamicAttachment(attachment)) reached();
          return this.isDynamic(attachment.buffer);
        }
      },
    (builder) => builder.step("export", { buffer: "b1" }).step("attach", a1).step("mapUnlocked", m1),
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
