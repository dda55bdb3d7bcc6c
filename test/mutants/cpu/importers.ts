import { EIO } from "../../../spec/errno.ts";
import type { AccessKind } from "../../../spec/roles/env.ts";
import type { Direction, DmaBuf } from "../../../spec/roles/handles.ts";
import { type CpuImport, CpuImporter } from "../../../reference-impl/importers/cpu-importer.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { faultyImporter } from "../life/kit.ts";
import { nothing } from "../pin/worlds.ts";
import { submitted, withCpu } from "./worlds.ts";

const cpu = { kind: "cpu" } as const;

/** Faults of a driver that works with the CPU. */
export const examples: readonly Example[] = [
  faultyImporter(
    "CPU-01",
    "the data is read after the end",
    (reached) =>
      class extends CpuImporter {
        protected override *touch(imported: CpuImport, kind: AccessKind) {
          const errno = yield* super.touch(imported, kind);
          if (errno !== 0) return errno;
          reached();
          return yield* this.accessAll(imported, "read");
        }
      },
    (builder) => submitted(withCpu(builder), "read"),
    { ...cpu, also: ["CPU-20"] },
  ),
  faultyImporter(
    "CPU-02",
    "brackets are ended under the lock",
    (reached) =>
      class extends CpuImporter {
        protected override *end(buffer: DmaBuf, direction: Direction) {
          reached();
          yield* this.env.lock(buffer.resv);
          const errno = yield* super.end(buffer, direction);
          yield* this.env.unlock(buffer.resv);
          return errno;
        }
      },
    (builder) => submitted(withCpu(builder), "read"),
    cpu,
  ),
  faultyImporter(
    "CPU-07",
    "every bracket is ended in both directions",
    (reached) =>
      class extends CpuImporter {
        protected override end(buffer: DmaBuf) {
          reached();
          return super.end(buffer, "bidirectional");
        }
      },
    (builder) => submitted(withCpu(builder), "read"),
    { ...cpu, also: ["CPU-01"] },
  ),
  faultyImporter(
    "CPU-07",
    "an access that fails leaves the bracket open",
    (reached) =>
      class extends CpuImporter {
        private failed = false;
        protected override *accessAll(imported: CpuImport, access: "read" | "write") {
          const errno = yield* super.accessAll(imported, access);
          this.failed = errno !== 0 || access === "write";
          return errno;
        }
        protected override *end(buffer: DmaBuf, direction: Direction) {
          if (!this.failed) return yield* super.end(buffer, direction);
          reached();
          return EIO;
        }
      },
    (builder) => submitted(withCpu(builder), "write").step("release", { import: "p1" }),
    cpu,
  ),
  faultyImporter(
    "CPU-09",
    "nobody waits for the engine's scan",
    (reached) =>
      class extends CpuImporter {
        protected override waitForScans(buffer: DmaBuf) {
          if ((this.scans.get(buffer) ?? []).length > 0) reached();
          return nothing(0);
        }
      },
    (builder) => submitted(submitted(withCpu(builder), "speculativeRead"), "read", "j2"),
    cpu,
  ),
  faultyImporter(
    "CPU-12",
    "vunmap runs without the lock",
    (reached) =>
      class extends CpuImporter {
        protected override *vunmap({ buffer, map }: CpuImport) {
          reached();
          yield* this.env.vunmap(buffer, map);
        }
      },
    (builder) => withCpu(builder).step("release", { import: "p1" }),
    cpu,
  ),
  faultyImporter(
    "CPU-15",
    "the address is given back twice",
    (reached) =>
      class extends CpuImporter {
        protected override *unmap(imported: CpuImport) {
          yield* super.unmap(imported);
          if (imported.map.address === null) return;
          reached();
          yield* this.vunmap(imported);
        }
      },
    (builder) => withCpu(builder).step("release", { import: "p1" }),
    cpu,
  ),
  faultyImporter(
    "CPU-15",
    "I/O memory is rejected and kept",
    (reached) =>
      class extends CpuImporter {
        protected override *mapForKernel(imported: CpuImport) {
          const errno = yield* super.mapForKernel(imported);
          if (errno !== 0 || !imported.map.isIomem) return errno;
          reached();
          imported.map.address = null;
          return EIO;
        }
      },
    (builder) => withCpu(builder.buffer("b1", { placement: "device" })),
    { ...cpu, also: ["LIFE-13"], from: ["M-CP7", "B-135"] },
  ),
  faultyImporter(
    "CPU-20",
    "the user's mapping is touched before the bracket opens",
    (reached) =>
      class extends CpuImporter {
        protected override *touch(imported: CpuImport, kind: AccessKind) {
          if (imported.mapping !== null) {
            reached();
            yield* this.env.cpuAccess(imported.mapping, "read");
          }
          return yield* super.touch(imported, kind);
        }
      },
    (builder) => submitted(withCpu(builder), "read"),
    { ...cpu, also: ["CPU-01", "CPU-09"] },
  ),
  faultyImporter(
    "CPU-23",
    "the mapping is made under the lock",
    (reached) =>
      class extends CpuImporter {
        protected override *mapForUser(imported: CpuImport) {
          reached();
          yield* this.env.lock(imported.buffer.resv);
          const errno = yield* super.mapForUser(imported);
          yield* this.env.unlock(imported.buffer.resv);
          return errno;
        }
      },
    (builder) => withCpu(builder),
    { ...cpu, also: ["RESV-42"] },
  ),
  faultyImporter(
    "CPU-27",
    "I/O memory is touched like any other",
    (reached) =>
      class extends CpuImporter {
        protected override *accessAll(imported: CpuImport, access: "read" | "write") {
          if (imported.map.isIomem) reached();
          imported.map.isIomem = false;
          return yield* super.accessAll(imported, access);
        }
      },
    (builder) => submitted(withCpu(builder.buffer("b1", { placement: "device" })), "read"),
    cpu,
  ),
  faultyImporter(
    "CPU-29",
    "what was forgotten is written after the end",
    (reached) =>
      class extends CpuImporter {
        protected override *touch(imported: CpuImport, kind: AccessKind) {
          const errno = yield* super.touch(imported, kind);
          if (kind !== "write" || imported.map.address === null) return errno;
          reached();
          yield* this.env.cpuAccess(imported.map, "write", 0, imported.map.isIomem);
          return errno;
        }
      },
    (builder) =>
      submitted(withCpu(builder.importer("i2", { ops: "static" })), "write")
        .step("attach", { importer: "i2", buffer: "b1", attachment: "a1" })
        .step("mapUnlocked", { attachment: "a1", mapping: "m1" })
        .step("access", { mapping: "m1", kind: "read" }),
    { ...cpu, also: ["CPU-01", "CPU-09", "CPU-16"] },
  ),
  faultyImporter(
    "RESV-42",
    "the user hears of a scan under the lock",
    (reached) =>
      class extends CpuImporter {
        protected override startScan(buffer: DmaBuf) {
          reached();
          super.startScan(buffer);
          this.env.touchUser();
        }
      },
    (builder) => submitted(withCpu(builder), "speculativeRead"),
    cpu,
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
