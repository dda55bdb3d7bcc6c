import { EFAULT, ENODEV, ENOMEM } from "../../../spec/errno.ts";
import type { Direction, SgTable } from "../../../spec/roles/handles.ts";
import type { ReferenceAttachment } from "../../../reference-impl/buffers/buffer.ts";
import { ReferenceBuffers } from "../../../reference-impl/buffers/buffers.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { faultyCore } from "../life/kit.ts";
import { a1, a2, m1, nothing, pendingFence, staticImporter } from "../pin/worlds.ts";
import { allStatic, caching, detached, mapped, waitingMap } from "./worlds.ts";

/** Faults of map and unmap in the core. */
export const examples: readonly Example[] = [
  faultyCore(
    "MAP-02",
    "the unlocked map does not lock",
    (reached) =>
      class extends ReferenceBuffers {
        override *mapUnlocked(attachment: ReferenceAttachment | null, direction: Direction) {
          if (attachment !== null) reached();
          return yield* this.map(attachment, direction);
        }
      },
    (builder) => mapped(builder),
    { also: ["MAP-18", "MAP-34"] },
  ),
  faultyCore(
    "MAP-04",
    "a map of nothing has an errno of its own",
    (reached) =>
      class extends ReferenceBuffers {
        protected override refuseNoAttachment(what: string) {
          super.refuseNoAttachment(what);
          reached();
          return ENODEV;
        }
      },
    (builder) => builder.step("mapUnlocked", { attachment: null, mapping: "m1" }),
  ),
  faultyCore(
    "MAP-05",
    "a hook that gives nothing counts as a bad address",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *callMap(attachment: ReferenceAttachment, direction: Direction) {
          const table = yield* super.callMap(attachment, direction);
          if (table !== ENOMEM) return table;
          reached();
          return EFAULT;
        }
      },
    (builder) => mapped(builder).fail({ step: "s3", site: "hook:map-nothing", errno: ENOMEM }),
  ),
  faultyCore(
    "MAP-08",
    "a cached table is good for every direction",
    (reached) =>
      class extends ReferenceBuffers {
        protected override mapCached(_attachment: ReferenceAttachment, table: SgTable) {
          reached();
          return table;
        }
      },
    (builder) =>
      caching(builder)
        .step("mapUnlocked", { ...m1, direction: "toDevice" })
        .step("mapUnlocked", { attachment: "a1", mapping: "m2", direction: "fromDevice" }),
    { profile: "K6.12" },
  ),
  faultyCore(
    "MAP-08",
    "what was cached is forgotten",
    (reached) =>
      class extends ReferenceBuffers {
        protected override cacheTable() {
          reached();
        }
      },
    (builder) => mapped(staticImporter(builder), false),
    { profile: "K6.12", also: ["MAP-37", "MAP-38", "PIN-10", "ATT-27", "MAP-17", "REV-51"] },
  ),
  faultyCore(
    "MAP-18",
    "a static importer gets a mapping before the memory is ready",
    (reached) =>
      class extends ReferenceBuffers {
        protected override waitKernel() {
          reached();
          return nothing(0);
        }
      },
    waitingMap,
  ),
  faultyCore(
    "MAP-18",
    "map hands on what is left of the wait",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *waitKernel(attachment: ReferenceAttachment) {
          const left = yield* this.env.waitFences(attachment.buffer.resv, "kernel", true);
          reached();
          return left < 0 ? -left : left;
        }
      },
    waitingMap,
    { from: ["M-MP7", "B-69"], also: ["MAP-19"] },
  ),
  faultyCore(
    "MAP-18",
    "map waits for writers too",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *waitKernel(attachment: ReferenceAttachment) {
          reached();
          const left = yield* this.env.waitFences(attachment.buffer.resv, "write", true);
          return left < 0 ? -left : 0;
        }
      },
    waitingMap,
  ),
  faultyCore(
    "MAP-19",
    "an interrupted wait leaves the mapping",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *mapAndWait(attachment: ReferenceAttachment, direction: Direction) {
          const table = yield* this.callMap(attachment, direction);
          if (typeof table === "number" || this.isDynamicAttachment(attachment)) return table;
          const errno = yield* this.waitKernel(attachment);
          if (errno !== 0) reached();
          return errno === 0 ? table : errno;
        }
      },
    (builder) => {
      const fenced = pendingFence(allStatic(builder));
      return fenced.step("mapUnlocked", m1, { interrupted: true }).step("detach", { attachment: "a1" });
    },
    { also: ["MAP-23", "MAP-28", "MAP-38"] },
  ),
  faultyCore(
    "MAP-34",
    "maps of one buffer run beside each other",
    (reached) =>
      class extends ReferenceBuffers {
        override *mapUnlocked(attachment: ReferenceAttachment | null, direction: Direction) {
          if (attachment !== null) reached();
          return yield* this.map(attachment, direction);
        }
      },
    (builder) =>
      builder
        .importer("i1")
        .importer("i2")
        .step("export", { buffer: "b1" })
        .step("attach", a1)
        .step("attach", a2)
        .step("mapUnlocked", m1)
        .task("t2")
        .step("mapUnlocked", { attachment: "a2", mapping: "m2" })
        .preempt({ step: "s4", site: "cb-map", until: "s5" }),
    { also: ["MAP-02", "MAP-18"] },
  ),
  faultyCore(
    "MAP-37",
    "unmap of a cached table reaches the exporter",
    (reached) =>
      class extends ReferenceBuffers {
        override *unmap(attachment: ReferenceAttachment | null, table: SgTable, direction: Direction) {
          if (attachment?.cachedTable === table) {
            reached();
            yield* this.callUnmap(attachment, table, direction);
          } else yield* super.unmap(attachment, table, direction);
        }
      },
    (builder) => detached(mapped(staticImporter(builder), false)),
    { profile: "K6.12", also: ["MAP-38", "MAP-11", "PIN-10", "MAP-08"] },
  ),
  faultyCore(
    "MAP-38",
    "the unmap hook gets the importer's copy",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *callUnmap(attachment: ReferenceAttachment, table: SgTable, direction: Direction) {
          reached();
          yield* super.callUnmap(attachment, { segments: [...table.segments] }, direction);
        }
      },
    (builder) => mapped(builder).step("unmapUnlocked", { mapping: "m1" }),
    { also: ["MAP-17"] },
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
