import { EOPNOTSUPP, type Errno } from "../../spec/errno.ts";
import type { faultOperations } from "../../spec/operations/fault.ts";
import type { CallArgs } from "../../spec/calls.ts";
import type { Import, Importer, Slot } from "../../spec/roles/importer.ts";
import type { Suspendable, Suspension } from "../../spec/roles/suspendable.ts";
import { runRole } from "../env/hooks.ts";
import type { RunContext, StepHandlers } from "../run-context.ts";
import { driverErrno } from "./buffers.ts";

type Asked = "fault" | "prefetch" | "unbindSlot" | "guestAccess" | "makePrivate" | "restrict";

/** A request to a driver, with its call and return; EOPNOTSUPP where the driver has no method for it. */
function* asked<K extends Asked>(
  run: RunContext,
  op: K,
  args: CallArgs[K],
  method: (() => Suspendable<Errno | void>) | null,
): Generator<Suspension, void, unknown> {
  const { recorder } = run.world;
  const event = { op, by: "program", ...args };
  const call = recorder.emit({ kind: "call", ...event } as unknown as Parameters<typeof recorder.emit>[0]);
  const errno = method === null ? EOPNOTSUPP : yield* driverErrno(run, `the driver's ${op}`, method);
  recorder.emit({ kind: "ret", call, errno, ...event } as unknown as Parameters<typeof recorder.emit>[0]);
}

function ownerOf(run: RunContext, object: object): Importer {
  return run.importer(run.importerOf.get(object)!)!;
}

/** Faults, slots of guests, physical lists and negotiations. */
export const faultSteps: StepHandlers<keyof typeof faultOperations> = {
  *fault(run, { import: name, page, write }) {
    const imported = run.world.names.object<Import>(name)!;
    const importer = ownerOf(run, imported);
    const method = importer.fault === undefined ? null : () => importer.fault!(imported, page, write);
    yield* asked(run, "fault", { import: name, page, write }, method);
  },
  *prefetch(run, { import: name, start, pages, write }) {
    const imported = run.world.names.object<Import>(name)!;
    const importer = ownerOf(run, imported);
    const method = importer.prefetch === undefined ? null : () => importer.prefetch!(imported, start, pages, write);
    yield* asked(run, "prefetch", { import: name, start, pages, write }, method);
  },
  *bindSlot(run, step) {
    const importer = run.importer(step.importer);
    if (importer === undefined) return;
    const { recorder, names, devices } = run.world;
    const device = devices.get(run.setup.importers.find((entry) => entry.name === step.importer)!.device)!;
    const { offset, length, owner } = step;
    const args = { importer: step.importer, buffer: step.buffer, slot: step.slot, offset, length, owner };
    const call = recorder.emit({ kind: "call", op: "bindSlot", by: "program", ...args });
    const buffer = run.buffer(step.buffer);
    const result =
      importer.bindSlot === undefined
        ? EOPNOTSUPP
        : yield* runRole<Slot | Errno>(run.world, "the importer's bindSlot", () =>
            importer.bindSlot!(buffer, device, offset, length, owner),
          );
    if (typeof result !== "number") {
      names.bind(result, step.slot);
      run.importerOf.set(result, step.importer);
    }
    const errno = typeof result === "number" ? result : 0;
    recorder.emit({ kind: "ret", op: "bindSlot", by: "program", call, errno, ...args });
  },
  *unbindSlot(run, { slot }) {
    const bound = run.world.names.object<Slot>(slot)!;
    const importer = ownerOf(run, bound);
    yield* asked(
      run,
      "unbindSlot",
      { slot },
      importer.unbindSlot === undefined ? null : () => importer.unbindSlot!(bound),
    );
  },
  *guestAccess(run, { slot, page, write, private: isPrivate }) {
    const bound = run.world.names.object<Slot>(slot)!;
    const importer = ownerOf(run, bound);
    const method =
      importer.guestAccess === undefined ? null : () => importer.guestAccess!(bound, page, write, isPrivate);
    yield* asked(run, "guestAccess", { slot, page, write, private: isPrivate }, method);
  },
  *makePrivate(run, { buffer, owner }) {
    const object = run.buffer(buffer);
    const exporter = run.exporter(run.world.exporterOf.get(object)!);
    const method = exporter.makePrivate === undefined ? null : () => exporter.makePrivate!(object, owner);
    yield* asked(run, "makePrivate", { buffer, owner }, method);
  },
  *restrict(run, { buffer, write }) {
    const object = run.buffer(buffer);
    const exporter = run.exporter(run.world.exporterOf.get(object)!);
    const method = exporter.restrict === undefined ? null : () => exporter.restrict!(object, write);
    yield* asked(run, "restrict", { buffer, write }, method);
  },
  *negotiate(run, step) {
    const setup = run.setup.importers.find((entry) => entry.name === step.importer)!;
    run.world.names.want(step.id, "attachment", step.attachment);
    const device = run.world.devices.get(setup.device)!;
    yield* run.env(step.importer).negotiate(run.buffer(step.buffer), device, run.opsOf(step.importer)!, step.accept);
  },
  *mapPhysical(run, step) {
    yield* run.env(run.importerOfAttachment(step.attachment)).mapPhysical(run.attachment(step.attachment));
  },
  *unmapPhysical(run, step) {
    yield* run.env(run.importerOfAttachment(step.attachment)).unmapPhysical(run.attachment(step.attachment));
  },
};
