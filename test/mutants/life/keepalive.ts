import type { ReferenceBuffer } from "../../../reference-impl/buffers/buffer.ts";
import { ReferenceBuffers } from "../../../reference-impl/buffers/buffers.ts";
import type { PollCallback } from "../../../reference-impl/buffers/poll.ts";
import { type CpuImport, CpuImporter } from "../../../reference-impl/importers/cpu-importer.ts";
import type { UserMapping } from "../../../spec/roles/handles.ts";
import { withCpu } from "../cpu/worlds.ts";
import type { Example } from "../faulty.ts";
import type { Mutant } from "../mutant.ts";
import { withFences } from "../sync/worlds.ts";
import { b1, faultyCore, faultyImporter } from "./kit.ts";

const v1 = { buffer: "b1", view: "v1" } as const;

/** Views and polls that outlive their buffer. */
export const examples: readonly Example[] = [
  faultyImporter(
    "LIFE-13",
    "the kernel address is forgotten",
    (reached) =>
      class extends CpuImporter {
        protected override *unmap(imported: CpuImport) {
          if (imported.map.address !== null) reached();
          imported.map.address = null;
          yield* super.unmap(imported);
        }
      },
    (builder) => withCpu(builder).step("release", { import: "p1" }).step("put", b1),
    { kind: "cpu", also: ["CPU-15"] },
  ),
  faultyCore(
    "LIFE-14",
    "an armed poll holds nothing",
    (reached) =>
      class extends ReferenceBuffers {
        protected override pollDirection(buffer: ReferenceBuffer, callback: PollCallback, write: boolean) {
          const ready = super.pollDirection(buffer, callback, write);
          if (ready || !callback.active) return ready;
          reached();
          this.put(buffer);
          return ready;
        }
        protected override pollDone(buffer: ReferenceBuffer, callback: PollCallback) {
          this.getRef(buffer);
          super.pollDone(buffer, callback);
        }
      },
    (builder) =>
      withFences(builder, { f1: "write" })
        .step("poll", { ...b1, input: true, output: false, sleep: false })
        .step("put", b1),
    { also: ["LIFE-10"] },
  ),
  faultyCore(
    "LIFE-32",
    "a user mapping holds nothing",
    (reached) =>
      class extends ReferenceBuffers {
        protected override setFile(buffer: ReferenceBuffer, mapping: UserMapping) {
          super.setFile(buffer, mapping);
          reached();
          this.put(buffer);
        }
      },
    (builder) =>
      builder
        .step("export", b1)
        .step("mmap", { ...v1, offset: 0, pages: 1, shared: true })
        .step("put", b1),
    { also: ["LIFE-10", "LIFE-13", "CPU-15", "CPU-19", "CPU-21"] },
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
