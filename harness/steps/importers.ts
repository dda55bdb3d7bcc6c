import { EOPNOTSUPP } from "../../spec/errno.ts";
import type { importerOperations } from "../../spec/operations/importer.ts";
import type { Import } from "../../spec/roles/importer.ts";
import { runRole } from "../env/hooks.ts";
import { HarnessFault } from "../fault.ts";
import type { RunContext, StepHandlers } from "../run-context.ts";
import { driverErrno } from "./buffers.ts";

function attachmentEnv(run: RunContext, attachment: string | null) {
  return run.env(attachment === null ? "program" : run.importerOfAttachment(attachment));
}

/** Attach, pin, map, access, and what importers' users ask for. */
export const importerSteps: StepHandlers<keyof typeof importerOperations> = {
  *attach(run, step) {
    const setup = run.setup.importers.find((entry) => entry.name === step.importer)!;
    run.world.names.want(step.id, "attachment", step.attachment);
    const device = step.noDevice ? null : run.world.devices.get(setup.device)!;
    const buffer = step.buffer === null ? null : run.buffer(step.buffer);
    yield* run.env(step.importer).attach(buffer, device, run.opsOf(step.importer));
  },
  *detach(run, step) {
    const attachment = step.attachment === null ? null : run.attachment(step.attachment);
    const buffer = step.buffer === null ? null : run.buffer(step.buffer);
    yield* attachmentEnv(run, step.attachment).detach(buffer, attachment);
  },
  *pin(run, step) {
    yield* attachmentEnv(run, step.attachment).pin(run.attachment(step.attachment));
  },
  *unpin(run, step) {
    yield* attachmentEnv(run, step.attachment).unpin(run.attachment(step.attachment));
  },
  *map(run, step) {
    run.world.names.want(step.id, "mapping", step.mapping);
    const attachment = step.attachment === null ? null : run.attachment(step.attachment);
    yield* attachmentEnv(run, step.attachment).map(attachment, step.direction);
  },
  *mapUnlocked(run, step) {
    run.world.names.want(step.id, "mapping", step.mapping);
    const attachment = step.attachment === null ? null : run.attachment(step.attachment);
    yield* attachmentEnv(run, step.attachment).mapUnlocked(attachment, step.direction);
  },
  *unmap(run, step) {
    const mapping = run.mapping(step.mapping);
    // The importer's callback is faster.
    if (run.world.isTaken(mapping)) return;
    const { attachment, table } = mapping;
    yield* run.env(importerNamed(run, attachment)).unmap(attachment, table, step.direction);
  },
  *unmapUnlocked(run, step) {
    const mapping = run.mapping(step.mapping);
    // The importer's callback is faster.
    if (run.world.isTaken(mapping)) return;
    const { attachment, table } = mapping;
    yield* run.env(importerNamed(run, attachment)).unmapUnlocked(attachment, table, step.direction);
  },
  *isRevocable(run, step) {
    yield* run.world.at("query");
    run.program.isRevocable(run.attachment(step.attachment));
  },
  // Without a preemption point: whether a device may go on changes with every callback of another task.
  // oxlint-disable-next-line require-yield
  *access(run, step) {
    const { attachment, table } = run.mapping(step.mapping);
    run.env(importerNamed(run, attachment)).access(attachment, table, step.kind);
  },
  *import(run, step) {
    const importer = run.importer(step.importer);
    if (importer === undefined) return;
    const device = run.world.devices.get(run.setup.importers.find((entry) => entry.name === step.importer)!.device)!;
    const { recorder, names } = run.world;
    const args = { importer: step.importer, buffer: step.buffer, import: step.import, direction: step.direction };
    const call = recorder.emit({ kind: "call", op: "import", by: "program", ...args });
    const buffer = run.buffer(step.buffer);
    const result = yield* runRole(run.world, "the importer's import", () =>
      importer.import(buffer, device, step.direction),
    );
    if (typeof result !== "number" && (typeof result !== "object" || result === null))
      throw new HarnessFault(
        `the importer's import answered ${String(result)}; expected an object or a positive error number`,
      );
    if (typeof result !== "number") {
      names.bind(result, step.import);
      run.importerOf.set(result, step.importer);
    }
    recorder.emit({
      kind: "ret",
      op: "import",
      by: "program",
      call,
      errno: typeof result === "number" ? result : 0,
      ...args,
    });
  },
  *submit(run, step) {
    const importer = run.importer(step.importer);
    if (importer === undefined) return;
    const { recorder, names } = run.world;
    const uses = step.imports.map((name) => ({ import: name, kind: step.kind }));
    const args = { importer: step.importer, uses, job: step.job };
    names.want(step.id, "job", step.job);
    const call = recorder.emit({ kind: "call", op: "submit", by: "program", ...args });
    const objects = step.imports.map((name) => ({ import: names.object<Import>(name)!, kind: step.kind }));
    const errno =
      importer.submit === undefined
        ? EOPNOTSUPP
        : yield* driverErrno(run, "the importer's submit", () => importer.submit!(objects));
    recorder.emit({ kind: "ret", op: "submit", by: "program", call, errno, ...args });
  },
  *complete(run, step) {
    yield* run.world.at("interrupt");
    const job = run.world.jobs.all.find((entry) => entry.name === step.job);
    if (job !== undefined) run.world.jobs.finish(job);
  },
  *hang(run, step) {
    yield* run.world.at("interrupt");
    const job = run.world.jobs.all.find((entry) => entry.name === step.job);
    if (job !== undefined) run.world.jobs.hang(job);
  },
  *stop(run, step) {
    const imported = run.world.names.object<Import>(step.import)!;
    const importer = run.importer(run.importerOf.get(imported)!)!;
    const { recorder } = run.world;
    const args = { import: step.import };
    const call = recorder.emit({ kind: "call", op: "stop", by: "program", ...args });
    const errno =
      importer.stop === undefined
        ? EOPNOTSUPP
        : yield* driverErrno(run, "the importer's stop", () => importer.stop!(imported));
    recorder.emit({ kind: "ret", op: "stop", by: "program", call, errno, ...args });
  },
  *release(run, step) {
    const imported = run.world.names.object<Import>(step.import)!;
    const importer = run.importer(run.importerOf.get(imported)!)!;
    const { recorder } = run.world;
    const args = { import: step.import };
    const call = recorder.emit({ kind: "call", op: "release", by: "program", ...args });
    yield* driverErrno(run, "the importer's release", () => importer.release(imported));
    recorder.emit({ kind: "ret", op: "release", by: "program", call, errno: 0, ...args });
  },
  *interrupt(run, step) {
    yield* run.world.at("signal");
    const { recorder, scheduler } = run.world;
    const args = { target: step.target };
    const call = recorder.emit({ kind: "call", op: "interrupt", by: "program", ...args });
    const task = scheduler.task(step.target);
    task.interrupted = true;
    if (task.wait?.interruptible === true) scheduler.wakeUp(task);
    recorder.emit({ kind: "ret", op: "interrupt", by: "program", call, errno: 0, ...args });
  },
};

function importerNamed(run: RunContext, attachment: object): string {
  return run.importerOfAttachment(run.world.names.known(attachment) ?? "");
}
