import { EBADF, ENOENT, ENOMEM } from "../../../spec/errno.ts";
import type { AnyFile, Fence, Usage } from "../../../spec/roles/handles.ts";
import type { ReferenceBuffer } from "../../../reference-impl/buffers/buffer.ts";
import { ReferenceBuffers } from "../../../reference-impl/buffers/buffers.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { faultyCore } from "../life/kit.ts";
import { added, b1, files, mergedFiles, none, withFences } from "./worlds.ts";

const read = { buffer: "b1", syncFile: "y1", flags: 1 } as const;
const write = { buffer: "b1", syncFile: "y1", flags: 2 } as const;
const into = { buffer: "b1", ...none } as const;

/** Faults of the bridge. */
export const examples: readonly Example[] = [
  faultyCore(
    "SYNC-01",
    "no flag is as good as any",
    (reached) =>
      class extends ReferenceBuffers {
        protected override areBridgeFlags(flags: number) {
          if (flags === 0) reached();
          return flags <= 3;
        }
      },
    (builder) => builder.step("export", b1).step("exportSyncFile", { ...read, flags: 0 }),
    { also: ["SYNC-06"] },
  ),
  faultyCore(
    "SYNC-02",
    "an export for writing leaves the readers out",
    (reached) =>
      class extends ReferenceBuffers {
        protected override exportedUsage(write: boolean) {
          if (write) reached();
          return "write" as const;
        }
      },
    (builder) => withFences(builder, { f1: "read" }).step("exportSyncFile", write),
  ),
  faultyCore(
    "SYNC-03",
    "an export answers what the last one did",
    (reached) => {
      const last = new Map<ReferenceBuffer, Fence>();
      return class extends ReferenceBuffers {
        protected override *exportTo(number: number, buffer: ReferenceBuffer, write: boolean) {
          const known = last.get(buffer);
          if (known !== undefined) {
            reached();
            return this.env.createSyncFile(known, number);
          }
          const file = yield* super.exportTo(number, buffer, write);
          if (typeof file === "number") return file;
          last.set(buffer, file.fence);
          this.env.fenceGet(file.fence);
          return file;
        }
      };
    },
    (builder) =>
      withFences(builder, { f1: "write" })
        .step("exportSyncFile", read)
        .step("fenceInit", { fence: "f2", timeline: 1, seqno: 2 })
        .step("lock", { resv: "b1.resv" })
        .step("reserveFences", { resv: "b1.resv", count: 1 })
        .step("addFence", { resv: "b1.resv", fence: "f2", usage: "write" })
        .step("unlock", { resv: "b1.resv" })
        .step("exportSyncFile", { ...read, syncFile: "y2" }),
    { also: ["SYNC-02", "SYNC-04", "SYNC-05", "SYNC-23", "RESV-46", "RESV-48", "FENCE-23"] },
  ),
  faultyCore(
    "SYNC-04",
    "an idle buffer has nothing to export",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *exportTo(number: number, buffer: ReferenceBuffer, write: boolean) {
          if (!this.env.testSignaled(buffer.resv, this.exportedUsage(write)))
            return yield* super.exportTo(number, buffer, write);
          reached();
          return ENOENT;
        }
      },
    (builder) => builder.step("export", b1).step("exportSyncFile", read),
  ),
  faultyCore(
    "SYNC-05",
    "explicit work is exported too",
    (reached) =>
      class extends ReferenceBuffers {
        protected override exportedUsage() {
          reached();
          return "bookkeep" as const;
        }
      },
    (builder) => withFences(builder, { f1: "bookkeep" }).step("exportSyncFile", write),
    { also: ["SYNC-04"] },
  ),
  faultyCore(
    "SYNC-06",
    "what is imported for writing is stored as read",
    (reached) =>
      class extends ReferenceBuffers {
        protected override importMembers(buffer: ReferenceBuffer, members: readonly Fence[], usage: Usage) {
          if (usage === "write") reached();
          return super.importMembers(buffer, members, "read");
        }
      },
    (builder) => files(builder.step("export", b1), 1).step("importSyncFile", { ...into, syncFile: "y1", flags: 2 }),
    { from: ["M-SP7"], also: ["SYNC-25"] },
  ),
  faultyCore(
    "SYNC-06",
    "another file is a bad descriptor",
    (reached) =>
      class extends ReferenceBuffers {
        override *importSyncFile(buffer: ReferenceBuffer, file: AnyFile, flags: number | null) {
          if (file === null) {
            reached();
            return EBADF;
          }
          return yield* super.importSyncFile(buffer, file, flags);
        }
      },
    (builder) => builder.step("export", b1).step("importSyncFile", { ...into, syncFile: null, flags: 2 }),
  ),
  faultyCore(
    "SYNC-07",
    "only the first member comes in",
    (reached) =>
      class extends ReferenceBuffers {
        protected override importMembers(buffer: ReferenceBuffer, members: readonly Fence[], usage: Usage) {
          if (members.length > 1) reached();
          return super.importMembers(buffer, members.slice(0, 1), usage);
        }
      },
    (builder) => mergedFiles(builder.step("export", b1)).step("importSyncFile", { ...into, syncFile: "y9", flags: 1 }),
    { also: ["SYNC-25"] },
  ),
  faultyCore(
    "SYNC-07",
    "a container comes in as it is",
    (reached) =>
      class extends ReferenceBuffers {
        protected override importMembers(buffer: ReferenceBuffer, members: readonly Fence[], usage: Usage) {
          if (members.length < 2) return super.importMembers(buffer, members, usage);
          reached();
          const array = this.env.createArray(members, this.env.fenceContextAlloc(1), 1n, false)!;
          for (const member of members) this.env.fenceGet(member);
          return super.importMembers(buffer, [array], usage);
        }
      },
    (builder) => mergedFiles(builder.step("export", b1)).step("importSyncFile", { ...into, syncFile: "y9", flags: 1 }),
    { also: ["SYNC-25", "RESV-20", "RESV-39", "RESV-46"] },
  ),
  faultyCore(
    "SYNC-08",
    "a file that is over is nothing to import",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *importMembers(buffer: ReferenceBuffer, members: readonly Fence[], usage: Usage) {
          if (members.some((member) => !this.env.isSignaled(member)))
            return yield* super.importMembers(buffer, members, usage);
          reached();
          return ENOENT;
        }
      },
    (builder) =>
      files(builder.step("export", b1), 1)
        .step("signal", { fence: "f1" })
        .step("importSyncFile", { ...into, syncFile: "y1", flags: 1 }),
  ),
  faultyCore(
    "SYNC-10",
    "the number of a file that failed is never free again",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *exportTo(number: number, buffer: ReferenceBuffer, write: boolean) {
          const file = yield* super.exportTo(number, buffer, write);
          if (typeof file !== "number") return file;
          reached();
          this.env.giveDescriptor(number);
          this.env.takeDescriptor();
          this.kept = number;
          return file;
        }
        private kept = -1;
        override *exportSyncFile(buffer: ReferenceBuffer, flags: number | null) {
          const file = yield* super.exportSyncFile(buffer, flags);
          if (typeof file === "number" && this.kept >= 0) this.env.takeDescriptor();
          this.kept = -1;
          return file;
        }
      },
    (builder) =>
      builder
        .step("export", b1)
        .step("exportSyncFile", read)
        .step("exportSyncFile", { ...read, syncFile: "y2" })
        .fail({ step: "s2", site: "sync-file", errno: ENOMEM }),
  ),
  faultyCore(
    "SYNC-10",
    "a fence without a file is kept",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *exportTo(number: number, buffer: ReferenceBuffer, write: boolean) {
          const file = yield* super.exportTo(number, buffer, write);
          if (typeof file !== "number") return file;
          const [entry] = this.env.testSignaled(buffer.resv, this.exportedUsage(write))
            ? []
            : ((yield* this.env.getFences(buffer.resv, this.exportedUsage(write))) as readonly Fence[]);
          if (entry !== undefined) reached();
          return file;
        }
      },
    (builder) =>
      withFences(builder, { f1: "write" })
        .step("exportSyncFile", read)
        .fail({ step: "s7", site: "sync-file", errno: ENOMEM }),
    { also: ["RESV-46", "RESV-48"] },
  ),
  faultyCore(
    "SYNC-24",
    "each member gets its slot when its turn comes",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *importMembers(buffer: ReferenceBuffer, members: readonly Fence[], usage: Usage) {
          if (members.length > 1) reached();
          for (const member of members) {
            const errno = yield* super.importMembers(buffer, [member], usage);
            if (errno !== 0) return errno;
          }
          return 0;
        }
      },
    (builder) => mergedFiles(builder.step("export", b1)).step("importSyncFile", { ...into, syncFile: "y9", flags: 1 }),
  ),
  faultyCore(
    "SYNC-25",
    "a fence that is there already stays as it is",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *importMembers(buffer: ReferenceBuffer, members: readonly Fence[], usage: Usage) {
          yield* this.env.lock(buffer.resv);
          const there = new Set(this.env.iterateFences(buffer.resv, "bookkeep").map(({ fence }) => fence));
          yield* this.env.unlock(buffer.resv);
          const fresh = members.filter((member) => !there.has(member));
          if (fresh.length < members.length) reached();
          return fresh.length === 0 ? 0 : yield* super.importMembers(buffer, fresh, usage);
        }
      },
    (builder) =>
      withFences(builder, { f1: "bookkeep" })
        .step("createSyncFile", { fence: "f1", syncFile: "y1" })
        .step("importSyncFile", { ...into, syncFile: "y1", flags: 2 }),
    { also: ["SYNC-07"] },
  ),
  faultyCore(
    "SYNC-26",
    "an export takes the lock",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *exportTo(number: number, buffer: ReferenceBuffer, write: boolean) {
          reached();
          yield* this.env.lock(buffer.resv);
          const file = yield* super.exportTo(number, buffer, write);
          yield* this.env.unlock(buffer.resv);
          return file;
        }
      },
    (builder) =>
      added(builder.step("export", b1), "f1", "write")
        .step("exportSyncFile", read)
        .step("importSyncFile", { ...into, syncFile: "y1", flags: 1 }),
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
