import { EOPNOTSUPP, type Errno } from "../../spec/errno.ts";
import type { spaceOperations } from "../../spec/operations/space.ts";
import type { PageTable } from "../../spec/roles/env.ts";
import type { Importer } from "../../spec/roles/importer.ts";
import type { AddressSpace, Mirror, Vma } from "../../spec/roles/spaces.ts";
import type { Suspendable, Suspension } from "../../spec/roles/suspendable.ts";
import { runRole } from "../env/hooks.ts";
import { RecordedVmaHooks } from "../env/vma-hooks.ts";
import type { RunContext, StepHandlers } from "../run-context.ts";
import { driverErrno } from "./buffers.ts";

/** An operation that a device's user asks of a mirror's importer, with its call and return. */
function* onMirror(
  run: RunContext,
  args:
    | { readonly op: "mirrorFault"; readonly mirror: string; readonly page: number; readonly write: boolean }
    | { readonly op: "copyPage"; readonly mirror: string; readonly page: number }
    | { readonly op: "unmirror"; readonly mirror: string },
): Generator<Suspension, void, unknown> {
  const { recorder, names } = run.world;
  const mirror = names.object<Mirror>(args.mirror)!;
  const importer = run.importer(run.importerOf.get(mirror)!)!;
  const call = recorder.emit({ kind: "call", by: "program", ...args });
  const errno = yield* driverErrno(run, `the importer's ${args.op}`, () => mirrorOperation(importer, mirror, args));
  recorder.emit({ kind: "ret", by: "program", call, errno, ...args });
}

function mirrorOperation(
  importer: Importer,
  mirror: Mirror,
  args: Parameters<typeof onMirror>[1],
): Suspendable<Errno | void> {
  switch (args.op) {
    case "mirrorFault":
      return importer.mirrorFault === undefined ? EOPNOTSUPP : importer.mirrorFault(mirror, args.page, args.write);
    case "copyPage":
      return importer.copyPage === undefined ? EOPNOTSUPP : importer.copyPage(mirror, args.page);
    case "unmirror":
      return importer.unmirror === undefined ? EOPNOTSUPP : importer.unmirror(mirror);
  }
}

function spaceOf(run: RunContext, name: string): AddressSpace {
  return run.world.names.object<AddressSpace>(name)!;
}

function vmaOf(run: RunContext, name: string): Vma {
  return run.world.names.object<Vma>(name)!;
}

/** Address spaces, VMAs and mirrors. */
export const spaceSteps: StepHandlers<keyof typeof spaceOperations> = {
  *createSpace(run, step) {
    yield* run.world.at("space");
    run.world.names.want(step.id, "space", step.space);
    run.program.createSpace();
  },
  *createVma(run, step) {
    yield* run.world.at("space");
    run.world.names.want(step.id, "vma", step.vma);
    const buffer = step.buffer === null ? null : run.buffer(step.buffer);
    const exporter = buffer === null ? undefined : run.world.exporterOf.get(buffer);
    const hooks = exporter === undefined ? null : new RecordedVmaHooks(run.world, exporter, run.exporter(exporter));
    const { start, pages, vmaKind } = step;
    const vma = run.program.createVma(spaceOf(run, step.space), start, pages, vmaKind, buffer, hooks);
    if (hooks !== null) yield* hooks.opened(vma);
  },
  *destroyVma(run, step) {
    yield* run.program.destroyVma(vmaOf(run, step.vma));
  },
  *vmaFault(run, step) {
    yield* run.program.vmaFault(vmaOf(run, step.vma), step.page);
  },
  *changeRange(run, step) {
    const { start, pages, change, owner, blockable } = step;
    yield* run.program.changeRange(spaceOf(run, step.space), start, pages, change, owner, blockable);
  },
  *exitSpace(run, step) {
    yield* run.program.exitSpace(spaceOf(run, step.space));
  },
  *mirror(run, step) {
    const importer = run.importer(step.importer);
    if (importer === undefined) return;
    const device = run.world.devices.get(run.setup.importers.find((entry) => entry.name === step.importer)!.device)!;
    const { recorder, names } = run.world;
    const { start, pages, form } = step;
    const args = { importer: step.importer, space: step.space, mirror: step.mirror, start, pages, form };
    const call = recorder.emit({ kind: "call", op: "mirror", by: "program", ...args });
    const request = { space: spaceOf(run, step.space), start, pages, form, device };
    const result =
      importer.mirror === undefined
        ? EOPNOTSUPP
        : yield* runRole<Mirror | Errno>(run.world, "the importer's mirror", () => importer.mirror!(request));
    if (typeof result !== "number") {
      names.bind(result, step.mirror);
      run.importerOf.set(result, step.importer);
    }
    const errno = typeof result === "number" ? result : 0;
    recorder.emit({ kind: "ret", op: "mirror", by: "program", call, errno, ...args });
  },
  *mirrorFault(run, step) {
    yield* onMirror(run, { op: "mirrorFault", mirror: step.mirror, page: step.page, write: step.write });
  },
  *copyPage(run, step) {
    yield* onMirror(run, { op: "copyPage", mirror: step.mirror, page: step.page });
  },
  // Without a preemption point: whether a device may go on changes with every callback of another task.
  // oxlint-disable-next-line require-yield
  *touch(run, step) {
    const row = run.world.state().mirrors.get(step.mirror)!;
    const table = row.table === null ? undefined : run.world.names.object<PageTable>(row.table);
    // A mirror has a table as soon as it has had an entry; one that walks the CPU's has it from the start.
    if (table !== undefined) run.env(row.importer).touchPage(table, step.page, step.access);
  },
  *unmirror(run, step) {
    yield* onMirror(run, { op: "unmirror", mirror: step.mirror });
  },
};
