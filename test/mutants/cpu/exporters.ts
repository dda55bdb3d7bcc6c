import { EBUSY, ENOMEM } from "../../../spec/errno.ts";
import type { Resource } from "../../../spec/roles/env.ts";
import type { Direction, DmaBuf, Fence, IosysMap, UserMapping } from "../../../spec/roles/handles.ts";
import type { Backing, BufferObject } from "../../../reference-impl/exporter/buffer-object.ts";
import { objectOf } from "../../../reference-impl/exporter/buffer-object.ts";
import { DefaultExporter } from "../../../reference-impl/exporter/default-exporter.ts";
import { StaticExporter } from "../../../reference-impl/exporter/static-exporter.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { faultyExporter } from "../life/kit.ts";
import { nothing, patched, toDevice } from "../pin/worlds.ts";
import { b1, exported, fenced, incoherent, mapped, reading, touch, v1, v2, writing } from "./worlds.ts";

const noZap = { zapMappings: () => undefined } as const;

/** Faults of exporters towards the CPU. */
export const examples: readonly Example[] = [
  faultyExporter(
    "CPU-05",
    "begin takes power that only end gives back",
    (reached) => {
      const taken: Resource[] = [];
      return class extends DefaultExporter {
        override *beginCpu(buffer: DmaBuf, direction: Direction) {
          reached();
          taken.push(this.env.take("power"));
          return yield* super.beginCpu(buffer, direction);
        }
        override endCpu(buffer: DmaBuf, direction: Direction) {
          const power = taken.pop();
          if (power !== undefined) this.env.give(power);
          return super.endCpu(buffer, direction);
        }
      };
    },
    (builder) => fenced(exported(builder), "write").step("beginCpu", reading, { interrupted: true }),
  ),
  faultyExporter(
    "CPU-05",
    "a begin that failed leaves an error where the table belongs",
    (reached) => {
      const broken = new Set<DmaBuf>();
      return class extends DefaultExporter {
        override *beginCpu(buffer: DmaBuf, direction: Direction) {
          if (this.env.allocate("cpu-table")) return yield* super.beginCpu(buffer, direction);
          broken.add(buffer);
          return ENOMEM;
        }
        override *release(buffer: DmaBuf) {
          if (broken.has(buffer)) {
            reached();
            this.env.warn("kernel stops: an error is freed as a table");
          }
          yield* super.release(buffer);
        }
      };
    },
    (builder) =>
      exported(builder)
        .step("beginCpu", reading)
        .step("beginCpu", reading)
        .fail({ step: "s2", site: "hook:beginCpu", errno: ENOMEM })
        .fail({ step: "s3", site: "cpu-table", errno: ENOMEM }),
    { from: ["M-CP5", "B-130"], also: ["CPU-24"] },
  ),
  faultyExporter(
    "CPU-06",
    "a bracket that is open cannot be opened again",
    (reached) => {
      const open = new Set<DmaBuf>();
      return class extends DefaultExporter {
        override *beginCpu(buffer: DmaBuf, direction: Direction) {
          if (open.has(buffer)) {
            reached();
            return EBUSY;
          }
          open.add(buffer);
          return yield* super.beginCpu(buffer, direction);
        }
        override endCpu(buffer: DmaBuf, direction: Direction) {
          open.delete(buffer);
          return super.endCpu(buffer, direction);
        }
      };
    },
    (builder) =>
      fenced(exported(builder), "write")
        .step("beginCpu", reading, { interrupted: true })
        .step("signal", { fence: "f1" })
        .step("beginCpu", reading),
  ),
  faultyExporter(
    "CPU-16",
    "the kernel's address does not keep the memory in its place",
    (reached) =>
      class extends DefaultExporter {
        protected override isMovable(object: BufferObject) {
          if (object.kernelMaps > 0) reached();
          return object.pins === 0 && object.fixedMaps === 0;
        }
      },
    (builder) =>
      exported(builder)
        .step("vmapUnlocked", v1)
        .step("beginCpu", reading)
        .step("move", { buffer: "b1", placement: "system" })
        .step("cpuAccess", touch),
    { also: ["CPU-27", "LIFE-16"] },
  ),
  faultyExporter(
    "CPU-16",
    "a vmap that failed leaves its pin",
    (reached) =>
      class extends DefaultExporter {
        override *vmap(buffer: DmaBuf, map: IosysMap) {
          const object = objectOf(buffer);
          const errno = yield* this.pinForKernel(buffer, object);
          if (errno !== 0) return errno;
          const made = this.mapForKernel(object, map);
          if (made !== 0) reached();
          return made;
        }
      },
    (builder) =>
      exported(builder)
        .step("vmapUnlocked", v1)
        .step("move", toDevice)
        .fail({ step: "s2", site: "kernel-mapping", errno: ENOMEM }),
    { also: ["PIN-17"], from: ["M-DM3", "B-156"] },
  ),
  faultyExporter(
    "LIFE-16",
    "a page that could not be shown stays counted",
    (reached) =>
      class extends DefaultExporter {
        protected override *faultLocked(buffer: DmaBuf, mapping: UserMapping, page: number) {
          const { backing } = objectOf(buffer);
          backing.maps += 1;
          const errno = yield* super.faultLocked(buffer, mapping, page);
          if (errno === 0) backing.maps -= 1;
          else reached();
          return errno;
        }
      },
    (builder) => mapped(exported(builder)).step("revoke", b1).step("cpuAccess", touch),
    { from: ["M-DM3", "B-156"] },
  ),
  faultyExporter(
    "LIFE-19",
    "a page that could not be shown keeps its device reference",
    (reached) =>
      class extends DefaultExporter {
        protected override *faultLocked(buffer: DmaBuf, mapping: UserMapping, page: number) {
          const registration = this.env.take("registration");
          const errno = yield* super.faultLocked(buffer, mapping, page);
          if (errno === 0) this.env.give(registration);
          else reached();
          return errno;
        }
      },
    (builder) => mapped(exported(builder)).step("revoke", b1).step("cpuAccess", touch),
    { from: ["M-DM3", "B-156"] },
  ),
  faultyExporter(
    "CPU-21",
    "a move leaves the users' pages",
    (reached) =>
      class extends DefaultExporter {
        protected override switchStorage(
          buffer: DmaBuf,
          object: BufferObject,
          backing: Backing,
          accesses: readonly Fence[],
        ) {
          reached();
          const other = Object.create(this, { env: { value: patched(this.env, noZap) } }) as {
            switchStorage: DefaultExporter["switchStorage"];
          };
          super.switchStorage.call(other, buffer, object, backing, accesses);
        }
      },
    (builder) => mapped(exported(builder)).step("cpuAccess", touch).step("move", { buffer: "b1", placement: "system" }),
  ),
  faultyExporter(
    "CPU-22",
    "a fault does not wait for moves",
    (reached) =>
      class extends DefaultExporter {
        protected override waitForMoves() {
          reached();
          return nothing(0);
        }
      },
    (builder) => fenced(mapped(exported(builder)), "kernel").step("cpuAccess", touch),
  ),
  faultyExporter(
    "CPU-25",
    "the two directions of synchronisation are swapped",
    (reached) =>
      class extends StaticExporter {
        protected override syncForCpu(object: BufferObject, direction: Direction) {
          reached();
          super.syncForDevice(object, direction);
        }
        protected override syncForDevice(object: BufferObject, direction: Direction) {
          super.syncForCpu(object, direction);
        }
      },
    (builder) =>
      incoherent(builder)
        .step("beginCpu", writing)
        .step("cpuAccess", { ...touch, kind: "write" })
        .step("endCpu", writing)
        .step("access", { mapping: "m1", kind: "read" }),
    { kind: "static", from: ["M-CP3", "B-131"] },
  ),
  faultyExporter(
    "CPU-25",
    "begin leaves the caches as they are",
    (reached) =>
      class extends StaticExporter {
        protected override syncForCpu() {
          reached();
        }
      },
    (builder) =>
      incoherent(builder)
        .step("beginCpu", reading)
        .step("cpuAccess", touch)
        .step("endCpu", reading)
        .step("access", { mapping: "m1", kind: "write" })
        .step("beginCpu", reading)
        .step("cpuAccess", touch),
    { kind: "static", from: ["B-131"] },
  ),
  faultyExporter(
    "CPU-27",
    "device memory passes for ordinary memory",
    (reached) =>
      class extends StaticExporter {
        protected override mapForKernel(object: BufferObject, map: IosysMap) {
          const errno = super.mapForKernel(object, map);
          if (map.isIomem) reached();
          map.isIomem = false;
          return errno;
        }
      },
    (builder) => exported(builder.buffer("b1", { placement: "device" }), "static").step("vmapUnlocked", v1),
    { kind: "static" },
  ),
  faultyExporter(
    "CPU-32",
    "a fault forgets where the mapping starts",
    (reached) =>
      class extends StaticExporter {
        protected override showPage(object: BufferObject, mapping: UserMapping, page: number) {
          if (mapping.start > 0) reached();
          this.env.insertPages(mapping, page, 1, object.backing.storage, page * 4096);
        }
      },
    (builder) =>
      mapped(exported(builder.buffer("b1", { size: 8192 }), "static"), 1)
        .step("vmapUnlocked", v2)
        .step("cpuAccess", touch)
        .step("cpuAccess", { view: "v2", kind: "read", offset: 4096 }),
    { kind: "static" },
  ),
  faultyExporter(
    "CPU-32",
    "the kernel's address ignores the offset in a large page",
    (reached) =>
      class extends StaticExporter {
        protected override mapForKernel(object: BufferObject, map: IosysMap) {
          const errno = super.mapForKernel(object, map);
          if (errno !== 0 || object.backing.storage.size < 8192) return errno;
          reached();
          map.address = this.env.mapForCpu(object.backing.storage, 4096);
          return 0;
        }
      },
    (builder) =>
      mapped(exported(builder.buffer("b1", { size: 8192 }), "static"))
        .step("vmapUnlocked", v2)
        .step("cpuAccess", touch)
        .step("cpuAccess", { view: "v2", kind: "read", offset: 0 }),
    { kind: "static", also: ["CPU-16"] },
  ),
  faultyExporter(
    "CPU-35",
    "the vmap hook locks",
    (reached) =>
      class extends StaticExporter {
        override *vmap(buffer: DmaBuf, map: IosysMap) {
          reached();
          yield* this.env.lock(buffer.resv);
          return yield* super.vmap(buffer, map);
        }
      },
    (builder) => exported(builder, "static").step("vmapUnlocked", v1),
    { kind: "static", also: ["RESV-04", "RESV-03"] },
  ),
  faultyExporter(
    "REV-42",
    "a revoked buffer can be mapped for the kernel",
    (reached) =>
      class extends DefaultExporter {
        protected override *pinForKernel(_buffer: DmaBuf, object: BufferObject) {
          if (object.revoked) reached();
          yield* this.env.point("pin-for-kernel");
          object.kernelMaps += 1;
          return 0;
        }
      },
    (builder) => exported(builder).step("revoke", b1).step("vmapUnlocked", v1),
  ),
  faultyExporter(
    "REV-42",
    "a revoke leaves the users' pages",
    (reached) =>
      class extends DefaultExporter {
        protected override *revokeObject(buffer: DmaBuf, object: BufferObject, forever: boolean) {
          reached();
          const other = Object.create(this, { env: { value: patched(this.env, noZap) } }) as {
            revokeObject: DefaultExporter["revokeObject"];
          };
          yield* super.revokeObject.call(other, buffer, object, forever);
        }
      },
    (builder) => mapped(exported(builder)).step("cpuAccess", touch).step("revoke", b1).step("cpuAccess", touch),
    { also: ["CPU-21"] },
  ),
  faultyExporter(
    "REV-43",
    "a fault does not ask whether the buffer is revoked",
    (reached) =>
      class extends DefaultExporter {
        protected override isTaken(object: BufferObject) {
          if (object.revoked) reached();
          return false;
        }
      },
    (builder) => mapped(exported(builder)).step("revoke", b1).step("cpuAccess", touch),
    { also: ["REV-42", "CPU-21"] },
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
