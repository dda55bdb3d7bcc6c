import { referenceSystem } from "../../../conformance/reference-system.ts";
import { DefaultExporter } from "../../../reference-impl/exporter/default-exporter.ts";
import type { DynamicImport, Mapping } from "../../../reference-impl/importers/dynamic-import.ts";
import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import type { JobAccess, Submission } from "../../../reference-impl/importers/submission.ts";
import type { Errno } from "../../../spec/errno.ts";
import { program, type ProgramBuilder } from "../../../spec/builder.ts";
import type { Program } from "../../../spec/program.ts";
import type { Env, Mutex } from "../../../spec/roles/env.ts";
import type { Exporter, ExportRequest } from "../../../spec/roles/exporter.ts";
import type { Attachment, Device, Direction, DmaBuf, Fence } from "../../../spec/roles/handles.ts";
import type { Importer } from "../../../spec/roles/importer.ts";
import { mutant, type Mutant } from "../mutant.ts";

/** A mutant with the programs that show it together: each has one task, and none of them comes to a deadlock. */
export interface JointExample {
  readonly mutant: Mutant;
  readonly programs: readonly Program[];
}

type Show = (builder: ProgramBuilder) => ProgramBuilder;

interface Faults {
  readonly exporter?: new (env: Env) => Exporter;
  readonly importer?: new (env: Env) => Importer;
}

function joint(rule: string, words: string, faults: (reached: () => void) => Faults, ...shows: readonly Show[]) {
  const faulty = mutant(
    rule,
    words,
    (reached) => {
      const { exporter: E, importer: I } = faults(reached);
      return referenceSystem({
        ...(E === undefined ? {} : { exporters: { subject: (env) => new E(env) } }),
        ...(I === undefined ? {} : { importers: { subject: (env) => new I(env) } }),
      });
    },
    { joint: true },
  );
  const programs = shows.map((show) => show(program(faulty.profile).importer("i1", { kind: "subject" })).build());
  return { mutant: faulty, programs };
}

/** A dynamic importer with two private locks. */
class Locking extends DynamicImporter {
  protected readonly jobs: Mutex = this.env.createMutex("jobs", "jobs");
  protected readonly list: Mutex = this.env.createMutex("list", "list");

  protected *both(first: Mutex, second: Mutex) {
    yield* this.env.lockMutex(first);
    yield* this.env.lockMutex(second);
    yield* this.env.unlockMutex(second);
    yield* this.env.unlockMutex(first);
  }
}

const p1 = { importer: "i1", buffer: "b1", import: "p1" } as const;
const job = { importer: "i1", imports: ["p1"], kind: "write", job: "j1" } as const;

/** Orders of locks and waits that go round in a circle, of which no single run shows more than a part. */
export const examples: readonly JointExample[] = [
  joint(
    "MOVE-06",
    "an import takes jobs and list, a submit list and jobs",
    (reached) => ({
      importer: class extends Locking {
        override *import(buffer: DmaBuf, device: Device, direction: Direction) {
          yield* this.both(this.jobs, this.list);
          return yield* super.import(buffer, device, direction);
        }
        protected override *submitHeld(submission: Submission) {
          reached();
          yield* this.both(this.list, this.jobs);
          return yield* super.submitHeld(submission);
        }
      },
    }),
    (builder) => builder.step("export", { buffer: "b1" }).step("import", p1),
    (builder) => builder.step("export", { buffer: "b1" }).step("import", p1).step("submit", job),
  ),
  joint(
    "REV-39",
    "an export takes the power lock after the device lock, a reset before",
    (reached) => ({
      exporter: class extends DefaultExporter {
        private readonly power: Mutex = this.env.createMutex("power", "power");
        protected override *exportLocked(request: ExportRequest) {
          yield* this.env.lockMutex(this.power);
          const buffer = yield* super.exportLocked(request);
          yield* this.env.unlockMutex(this.power);
          return buffer;
        }
        override *reset() {
          reached();
          yield* this.env.lockMutex(this.power);
          const errno = yield* super.reset();
          yield* this.env.unlockMutex(this.power);
          return errno;
        }
      },
    }),
    (builder) => builder.step("export", { buffer: "b1" }),
    (builder) => builder.step("reset", { exporter: "e1" }),
  ),
  joint(
    "FENCE-33",
    "a job ends under the lock with which a submit waits for fences",
    (reached) => ({
      importer: class extends Locking {
        protected override *waitImplicit(submission: Submission) {
          yield* this.env.lockMutex(this.jobs);
          const errno = yield* super.waitImplicit(submission);
          yield* this.env.unlockMutex(this.jobs);
          return errno;
        }
        protected override endJob(accesses: readonly JobAccess[], fence: Fence, error: number) {
          const { env, jobs } = this;
          const end = () => super.endJob(accesses, fence, error);
          env.defer("job end", function* () {
            yield* env.lockMutex(jobs);
            reached();
            end();
            yield* env.unlockMutex(jobs);
          });
        }
      },
    }),
    (builder) => builder.step("export", { buffer: "b1" }).step("import", p1).step("submit", job),
    (builder) =>
      builder.step("export", { buffer: "b1" }).step("import", p1).step("submit", job).step("complete", { job: "j1" }),
  ),
  joint(
    "MOVE-06",
    "unmap work needs a lock under which an attach asks for the device that revokes",
    (reached) => ({
      exporter: class extends DefaultExporter {
        // The hook may block; that of the reference does not, and so is typed.
        override attach(buffer: DmaBuf, attachment: Attachment) {
          return this.attachLocked(super.attach(buffer, attachment)) as unknown as Errno;
        }
        private *attachLocked(errno: Errno) {
          yield* this.env.lockMutex(this.mutex);
          yield* this.env.unlockMutex(this.mutex);
          return errno;
        }
      },
      importer: class extends Locking {
        override *import(buffer: DmaBuf, device: Device, direction: Direction) {
          yield* this.env.lockMutex(this.list);
          const imported = yield* super.import(buffer, device, direction);
          yield* this.env.unlockMutex(this.list);
          return imported;
        }
        protected override *unmapWork(imported: DynamicImport, mapping: Mapping) {
          reached();
          yield* this.env.lockMutex(this.list);
          yield* this.env.unlockMutex(this.list);
          yield* super.unmapWork(imported, mapping);
        }
      },
    }),
    (builder) => builder.step("export", { buffer: "b1" }).step("import", p1),
    (builder) =>
      builder
        .step("export", { buffer: "b1" })
        .step("import", p1)
        .step("submit", job)
        .step("complete", { job: "j1" })
        .step("revoke", { buffer: "b1" }),
  ),
];

export const mutants = examples.map((example) => example.mutant);
