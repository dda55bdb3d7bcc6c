import { EINVAL, ENOENT } from "../../../spec/errno.ts";
import type { AccessKind } from "../../../spec/roles/env.ts";
import type { AnyFile, Fence, Poller, SyncFile } from "../../../spec/roles/handles.ts";
import { type CpuImport, CpuImporter } from "../../../reference-impl/importers/cpu-importer.ts";
import { ReferenceSyncFile } from "../../../reference-impl/sync-files/sync-file.ts";
import { ReferenceSyncFiles } from "../../../reference-impl/sync-files/sync-files.ts";
import { submitted, withCpu } from "../cpu/worlds.ts";
import type { Example } from "../faulty.ts";
import { faultyImporter } from "../life/kit.ts";
import type { Mutant } from "../mutant.ts";
import { faultyFiles, files, mergedFiles, none } from "./worlds.ts";

const merge = { first: "y1", syncFile: "y9", flags: 0, pad: 0 } as const;
const f1 = { fence: "f1" } as const;
const f2 = { fence: "f2" } as const;
const info = { syncFile: "y9", count: 0, flags: 0, pad: 0 } as const;

/** Faults of sync files. */
export const examples: readonly Example[] = [
  faultyFiles(
    "SYNC-11",
    "the merge of what is over is an empty container",
    (reached) =>
      class extends ReferenceSyncFiles {
        protected override mergeFences(first: SyncFile, second: SyncFile) {
          const pending = [first.fence, second.fence].some((fence) => !this.env.isSignaled(fence));
          if (pending) return super.mergeFences(first, second);
          reached();
          return this.env.createArray([], this.env.fenceContextAlloc(1), 1n, false);
        }
      },
    (builder) =>
      files(builder, 2)
        .step("signal", f1)
        .step("signal", f2)
        .step("mergeSyncFiles", { ...merge, ...none, second: "y2" }),
    { from: ["M-SP3", "B-146"], also: ["SYNC-12"] },
  ),
  faultyFiles(
    "SYNC-11",
    "the second file is left out",
    (reached) =>
      class extends ReferenceSyncFiles {
        protected override mergeFences(first: SyncFile, second: SyncFile) {
          if (first !== second) reached();
          return super.mergeFences(first, first);
        }
      },
    mergedFiles,
  ),
  faultyFiles(
    "SYNC-11",
    "a descriptor of something else is invalid",
    (reached) =>
      class extends ReferenceSyncFiles {
        protected override mergeTo(number: number, first: SyncFile, second: AnyFile, flagged: boolean) {
          const file = super.mergeTo(number, first, second, flagged);
          if (file !== ENOENT) return file;
          reached();
          return EINVAL;
        }
      },
    (builder) => files(builder, 1).step("mergeSyncFiles", { ...merge, ...none, second: null }),
  ),
  faultyFiles(
    "SYNC-12",
    "info leaves out what is over",
    (reached) =>
      class extends ReferenceSyncFiles {
        override syncFileInfo(file: SyncFile, count: number, flags: number, pad: number) {
          const found = super.syncFileInfo(file, count, flags, pad);
          if (typeof found === "number") return found;
          const records = found.records.filter(({ status }) => status === 0);
          if (records.length < found.records.length) reached();
          return records.length === found.records.length ? found : { ...found, fences: records.length, records };
        }
      },
    (builder) =>
      mergedFiles(builder)
        .step("signal", f1)
        .step("syncFileInfo", { ...info, count: 2 }),
    { from: ["M-SP5", "B-148"], also: ["SYNC-03", "SYNC-04"] },
  ),
  faultyFiles(
    "SYNC-12",
    "without records nobody looks at the padding",
    (reached) =>
      class extends ReferenceSyncFiles {
        override syncFileInfo(file: SyncFile, count: number, flags: number, pad: number) {
          if (count === 0 && flags + pad > 0) reached();
          return super.syncFileInfo(file, count, count === 0 ? 0 : flags, count === 0 ? 0 : pad);
        }
      },
    (builder) => mergedFiles(builder).step("syncFileInfo", { ...info, pad: 1 }),
  ),
  faultyFiles(
    "SYNC-13",
    "the padding of a deadline may be anything",
    (reached) =>
      class extends ReferenceSyncFiles {
        override syncFileDeadline(file: SyncFile, deadline: number, pad: number) {
          if (pad !== 0) reached();
          return super.syncFileDeadline(file, deadline, 0);
        }
      },
    (builder) => files(builder, 1).step("syncFileDeadline", { syncFile: "y1", deadline: 5, pad: 1 }),
  ),
  faultyFiles(
    "SYNC-14",
    "a sleeper is not woken",
    (reached) =>
      class extends ReferenceSyncFiles {
        protected override wakeAll(file: ReferenceSyncFile) {
          if (file.pollers.length > 0) reached();
        }
      },
    (builder) => files(builder, 1).step("pollSyncFile", { syncFile: "y1", sleep: true }).task("t2").step("signal", f1),
  ),
  faultyFiles(
    "SYNC-14",
    "a file that was polled is ready",
    (reached) =>
      class extends ReferenceSyncFiles {
        override pollSyncFile(file: ReferenceSyncFile, poller: Poller | null) {
          const again = file.pollEnabled;
          const ready = super.pollSyncFile(file, poller);
          if (again && !ready) reached();
          return again || ready;
        }
      },
    (builder) =>
      files(builder, 1)
        .step("pollSyncFile", { syncFile: "y1", sleep: false })
        .step("pollSyncFile", { syncFile: "y1", sleep: false }),
  ),
  faultyFiles(
    "SYNC-23",
    "a file borrows its fence",
    (reached) =>
      class extends ReferenceSyncFiles {
        protected override allocFile(fence: Fence, number: number) {
          reached();
          return this.newFile(fence, number);
        }
        override closeSyncFile(file: ReferenceSyncFile) {
          this.env.fenceGet(file.fence);
          super.closeSyncFile(file);
        }
      },
    (builder) => files(builder, 1).step("signal", f1).step("fencePut", f1),
    { also: ["FENCE-24", "FENCE-25", "RESV-46", "FENCE-17"] },
  ),
  faultyFiles(
    "SYNC-23",
    "the last close keeps the fence",
    (reached) =>
      class extends ReferenceSyncFiles {
        override closeSyncFile(file: ReferenceSyncFile) {
          reached();
          this.env.fenceGet(file.fence);
          super.closeSyncFile(file);
        }
      },
    (builder) => mergedFiles(builder),
    { also: ["RESV-46", "SYNC-10"] },
  ),
  faultyFiles(
    "SYNC-27",
    "an unknown request is invalid",
    (reached) =>
      class extends ReferenceSyncFiles {
        override syncFileIoctl() {
          reached();
          return EINVAL;
        }
      },
    (builder) => files(builder, 1).step("syncFileIoctl", { syncFile: "y1", command: 77 }),
  ),
  faultyFiles(
    "SYNC-28",
    "a file stays open in other programs",
    (reached) =>
      class extends ReferenceSyncFiles {
        protected override newFile(fence: Fence, number: number) {
          reached();
          return new ReferenceSyncFile(number, false, fence, (file) => this.wakeAll(file));
        }
      },
    mergedFiles,
  ),
  faultyImporter(
    "SYNC-18",
    "what is ready is read at once",
    (reached) =>
      class extends CpuImporter {
        protected override *touch(imported: CpuImport, kind: AccessKind) {
          const ready = yield* this.env.poll(imported.buffer, { input: true, output: false }, null);
          if (!ready.input) return yield* super.touch(imported, kind);
          reached();
          return yield* this.accessAll(imported, "read");
        }
      },
    (builder) =>
      submitted(withCpu(builder), "read")
        .step("mmapFd", { buffer: "b1", view: "v1", offset: 0, pages: 1, shared: true })
        .step("beginCpu", { buffer: "b1", direction: "fromDevice" })
        .step("poll", { buffer: "b1", input: true, output: false, sleep: false })
        .step("cpuAccess", { view: "v1", kind: "read", offset: 0 }),
    { kind: "cpu", also: ["CPU-01", "CPU-20", "CPU-09"] },
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
