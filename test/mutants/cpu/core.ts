import { EBUSY, EINVAL, ENOMEM } from "../../../spec/errno.ts";
import type { Direction, IosysMap, UserMapping } from "../../../spec/roles/handles.ts";
import type { ReferenceBuffer } from "../../../reference-impl/buffers/buffer.ts";
import { ReferenceBuffers } from "../../../reference-impl/buffers/buffers.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { faultyCore } from "../life/kit.ts";
import { nothing } from "../pin/worlds.ts";
import { b1, exported, fenced, reading, v1, v2, writing } from "./worlds.ts";

/** Faults of the core in CPU access. */
export const examples: readonly Example[] = [
  faultyCore(
    "CPU-03",
    "begin does not wait",
    (reached) =>
      class extends ReferenceBuffers {
        protected override waitForCpu() {
          reached();
          return nothing(0);
        }
      },
    (builder) => fenced(exported(builder), "write").step("beginCpu", reading),
    { from: ["M-CP1", "B-128"], also: ["CPU-36"] },
  ),
  faultyCore(
    "CPU-03",
    "who writes waits for writers only",
    (reached) =>
      class extends ReferenceBuffers {
        protected override usageFor(direction: Direction) {
          if (super.usageFor(direction) === "read") reached();
          return "write" as const;
        }
      },
    (builder) => fenced(exported(builder), "read").step("beginCpu", writing),
    { also: ["CPU-36"] },
  ),
  faultyCore(
    "CPU-03",
    "begin waits for explicit work",
    (reached) =>
      class extends ReferenceBuffers {
        protected override usageFor() {
          reached();
          return "bookkeep" as const;
        }
      },
    (builder) => fenced(exported(builder), "bookkeep").step("beginCpu", reading),
  ),
  faultyCore(
    "CPU-04",
    "begin waits although the hook has failed",
    (reached) =>
      class extends ReferenceBuffers {
        override *beginCpu(buffer: ReferenceBuffer, direction: Direction) {
          const errno = yield* this.callBeginCpu(buffer, direction);
          if (errno !== 0) reached();
          return (yield* this.waitForCpu(buffer, direction)) || errno;
        }
      },
    (builder) =>
      fenced(exported(builder), "write")
        .step("beginCpu", reading)
        .fail({ step: "s7", site: "hook:beginCpu", errno: ENOMEM }),
    { also: ["CPU-03"] },
  ),
  faultyCore(
    "CPU-06",
    "an interrupted begin counts as open",
    (reached) => {
      const open = new Set<ReferenceBuffer>();
      return class extends ReferenceBuffers {
        protected override *waitForCpu(buffer: ReferenceBuffer, direction: Direction) {
          if (open.delete(buffer)) {
            reached();
            return EBUSY;
          }
          const errno = yield* super.waitForCpu(buffer, direction);
          if (errno !== 0) open.add(buffer);
          return errno;
        }
      };
    },
    (builder) =>
      fenced(exported(builder), "write")
        .step("beginCpu", reading, { interrupted: true })
        .step("signal", { fence: "f1" })
        .step("beginCpu", reading),
    { also: ["CPU-03", "CPU-08"] },
  ),
  faultyCore(
    "CPU-08",
    "there is one bracket at a time",
    (reached) => {
      const open = new Map<ReferenceBuffer, number>();
      return class extends ReferenceBuffers {
        override *beginCpu(buffer: ReferenceBuffer, direction: Direction) {
          if ((open.get(buffer) ?? 0) > 0) {
            reached();
            return EBUSY;
          }
          const errno = yield* super.beginCpu(buffer, direction);
          if (errno === 0) open.set(buffer, 1);
          return errno;
        }
        override *endCpu(buffer: ReferenceBuffer, direction: Direction) {
          open.delete(buffer);
          return yield* super.endCpu(buffer, direction);
        }
      };
    },
    (builder) => exported(builder).step("beginCpu", reading).step("beginCpu", writing),
    { also: ["CPU-03", "CPU-06", "CPU-36"] },
  ),
  faultyCore(
    "CPU-10",
    "read and write are swapped",
    (reached) =>
      class extends ReferenceBuffers {
        protected override syncDirection(flags: number) {
          const direction = super.syncDirection(flags);
          if (direction === null || direction === "bidirectional") return direction;
          reached();
          return direction === "toDevice" ? "fromDevice" : "toDevice";
        }
      },
    (builder) => exported(builder).step("ioctlSync", { ...b1, flags: 1 }),
    { also: ["CPU-03", "CPU-36"] },
  ),
  faultyCore(
    "CPU-10",
    "unknown flags are ignored",
    (reached) =>
      class extends ReferenceBuffers {
        protected override areSyncFlags(flags: number) {
          if (!super.areSyncFlags(flags)) reached();
          return true;
        }
      },
    (builder) => exported(builder).step("ioctlSync", { ...b1, flags: 9 }),
    { also: ["CPU-03", "CPU-36"] },
  ),
  faultyCore(
    "CPU-13",
    "a vmap that failed counts as a user",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *firstVmap(buffer: ReferenceBuffer) {
          const errno = yield* super.firstVmap(buffer);
          if (errno === 0) return 0;
          reached();
          buffer.vmappings = 1;
          return errno;
        }
      },
    (builder) =>
      exported(builder)
        .step("vmapUnlocked", v1)
        .step("vmapUnlocked", v2)
        .fail({ step: "s2", site: "hook:vmap", errno: ENOMEM }),
    { from: ["M-CP7", "B-134"], also: ["CPU-14", "CPU-16", "CPU-15"] },
  ),
  faultyCore(
    "CPU-14",
    "every vmap reaches the exporter",
    (reached) =>
      class extends ReferenceBuffers {
        override *vmap(buffer: ReferenceBuffer, map: IosysMap) {
          if (buffer.vmappings > 0) {
            reached();
            yield* this.firstVmap(buffer);
          }
          return yield* super.vmap(buffer, map);
        }
      },
    (builder) => exported(builder).step("vmapUnlocked", v1).step("vmapUnlocked", v2),
    { also: ["CPU-13", "CPU-15", "CPU-16", "PIN-17"] },
  ),
  faultyCore(
    "CPU-14",
    "the first vunmap ends it for all",
    (reached) =>
      class extends ReferenceBuffers {
        override *vunmap(buffer: ReferenceBuffer, map: IosysMap) {
          if (buffer.vmappings > 1) reached();
          buffer.vmappings = 1;
          yield* super.vunmap(buffer, map);
        }
      },
    (builder) =>
      exported(builder).step("vmapUnlocked", v1).step("vmapUnlocked", v2).step("vunmapUnlocked", { view: "v1" }),
    { also: ["CPU-16"] },
  ),
  faultyCore(
    "CPU-18",
    "the size is rounded up",
    (reached) =>
      class extends ReferenceBuffers {
        protected override isInside(buffer: ReferenceBuffer, offset: number, pages: number) {
          const inside = offset + pages <= Math.ceil(buffer.size / 4096);
          if (inside && !super.isInside(buffer, offset, pages)) reached();
          return inside;
        }
      },
    (builder) =>
      exported(builder.buffer("b1", { size: 6000 })).step("mmapFd", { ...v1, offset: 0, pages: 2, shared: true }),
    { also: ["CPU-33"] },
  ),
  faultyCore(
    "CPU-18",
    "an offset that wraps round is out of range",
    (reached) =>
      class extends ReferenceBuffers {
        override *mmap(buffer: ReferenceBuffer, mapping: UserMapping, offset: number) {
          if (offset <= Number.MAX_SAFE_INTEGER - mapping.pages) return yield* super.mmap(buffer, mapping, offset);
          reached();
          return EINVAL;
        }
      },
    (builder) => exported(builder).step("mmap", { ...v1, offset: Number.MAX_SAFE_INTEGER, pages: 1, shared: true }),
  ),
  faultyCore(
    "CPU-19",
    "the mapping stays with the driver's file",
    (reached) =>
      class extends ReferenceBuffers {
        protected override setFile() {
          reached();
        }
      },
    (builder) => exported(builder).step("mmap", { ...v1, offset: 0, pages: 1, shared: true }),
    { also: ["LIFE-10"] },
  ),
  faultyCore(
    "CPU-28",
    "an unknown request is invalid",
    (reached) =>
      class extends ReferenceBuffers {
        override ioctl() {
          reached();
          return EINVAL;
        }
      },
    (builder) => exported(builder).step("ioctl", { ...b1, command: 4 }),
  ),
  faultyCore(
    "CPU-31",
    "end waits as begin does",
    (reached) =>
      class extends ReferenceBuffers {
        override *endCpu(buffer: ReferenceBuffer, direction: Direction) {
          reached();
          return (yield* this.callEndCpu(buffer, direction)) || (yield* this.waitForCpu(buffer, direction));
        }
      },
    (builder) => fenced(exported(builder).step("beginCpu", reading), "write").step("endCpu", reading),
  ),
  faultyCore(
    "CPU-33",
    "the range of a descriptor's mapping is left to the exporter",
    (reached) =>
      class extends ReferenceBuffers {
        override mmapFd(buffer: ReferenceBuffer, mapping: UserMapping) {
          if (!this.isInside(buffer, mapping.start, mapping.pages)) reached();
          return this.callMmap(buffer, mapping);
        }
      },
    (builder) =>
      exported(builder)
        .step("mmapFd", { ...v2, offset: 0, pages: 1, shared: true })
        .step("mmapFd", { ...v1, offset: 1, pages: 1, shared: true }),
    { also: ["CPU-18"] },
  ),
  faultyCore(
    "CPU-35",
    "the end hook runs under the lock",
    (reached) =>
      class extends ReferenceBuffers {
        override *endCpu(buffer: ReferenceBuffer, direction: Direction) {
          reached();
          yield* this.env.lock(buffer.resv);
          const errno = yield* this.callEndCpu(buffer, direction);
          yield* this.env.unlock(buffer.resv);
          return errno;
        }
      },
    (builder) => exported(builder).step("beginCpu", reading).step("endCpu", reading),
    { also: ["CPU-03"] },
  ),
  faultyCore(
    "CPU-36",
    "without a hook there is nothing to do",
    (reached) =>
      class extends ReferenceBuffers {
        override *beginCpu(buffer: ReferenceBuffer, direction: Direction) {
          if (buffer.ops.beginCpu !== undefined) return yield* super.beginCpu(buffer, direction);
          reached();
          return 0;
        }
      },
    (builder) => fenced(exported(builder, "scriptedDynamic"), "write").step("beginCpu", reading),
    { also: ["CPU-03"] },
  ),
  faultyCore(
    "CPU-36",
    "the exporter always hears of both directions",
    (reached) =>
      class extends ReferenceBuffers {
        protected override callEndCpu(buffer: ReferenceBuffer, direction: Direction) {
          if (direction !== "bidirectional") reached();
          return super.callEndCpu(buffer, "bidirectional");
        }
      },
    (builder) => exported(builder).step("beginCpu", reading).step("endCpu", reading),
    { also: ["CPU-10"] },
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
