import type { Errno } from "../../spec/errno.ts";
import { EBUSY, EOPNOTSUPP } from "../../spec/errno.ts";
import { regionRanges } from "../../spec/operations/classify/buffers.ts";
import type { exporterOperations } from "../../spec/operations/exporter.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Exporter } from "../../spec/roles/exporter.ts";
import type { DmaBuf, ExporterOps, FileDescriptor } from "../../spec/roles/handles.ts";
import type { Suspendable, Suspension } from "../../spec/roles/suspendable.ts";
import { runRole } from "../env/hooks.ts";
import { HarnessFault } from "../fault.ts";
import { equip, type Mutable } from "../mutable.ts";
import { PlainExporter } from "../partners/plain-exporter.ts";
import type { RunContext, StepHandlers } from "../run-context.ts";

/** A driver operation answers nothing, 0, or a positive errno. */
export function* driverErrno(
  run: RunContext,
  what: string,
  method: () => Suspendable<Errno | void>,
): Generator<Suspension, Errno, unknown> {
  const result = yield* runRole(run.world, what, method);
  if (result === undefined) return 0;
  if (typeof result === "number" && Number.isInteger(result) && result >= 0 && result < 4096) return result;
  throw new HarnessFault(`${what} answered ${String(result)}; expected nothing, 0, or a positive error number`);
}

/** Calls an optional driver operation on a buffer's exporter, with its call and return. */
function* onBuffer(
  run: RunContext,
  op: "evict" | "revoke" | "unrevoke" | "revokeForever",
  name: string,
): Generator<Suspension, void, unknown> {
  const buffer = run.buffer(name);
  const exporter = run.exporter(run.world.exporterOf.get(buffer)!);
  const { recorder } = run.world;
  const args = { buffer: name };
  const call = recorder.emit({ kind: "call", op, by: "program", ...args });
  const errno =
    exporter[op] === undefined
      ? EOPNOTSUPP
      : yield* driverErrno(run, `the exporter's ${op}`, () => exporter[op]!(buffer));
  recorder.emit({ kind: "ret", op, by: "program", call, errno, ...args });
}

function* onDevice(
  run: RunContext,
  args:
    | { readonly op: "reset"; readonly exporter: string }
    | { readonly op: "setMemory"; readonly exporter: string; readonly on: boolean }
    | { readonly op: "closeDevice"; readonly exporter: string },
): Generator<Suspension, void, unknown> {
  const exporter = run.exporter(args.exporter);
  const { recorder } = run.world;
  const call = recorder.emit({ kind: "call", by: "program", ...args });
  const errno = yield* driverErrno(run, `the exporter's ${args.op}`, () => deviceOperation(exporter, args));
  recorder.emit({ kind: "ret", by: "program", call, errno, ...args });
}

function deviceOperation(exporter: Exporter, args: Parameters<typeof onDevice>[1]): Suspendable<Errno | void> {
  switch (args.op) {
    case "reset":
      return exporter.reset === undefined ? EOPNOTSUPP : exporter.reset();
    case "setMemory":
      return exporter.setMemory === undefined ? EOPNOTSUPP : exporter.setMemory(args.on);
    case "closeDevice":
      return exporter.close === undefined ? EOPNOTSUPP : exporter.close();
  }
}

/** The exporter's hooks without the ones a step leaves out on purpose. */
function opsWithout(exporter: Exporter, missing: readonly string[]): ExporterOps | null {
  if (missing.includes("ops")) return null;
  const has = (name: keyof ExporterOps) => exporter[name] !== undefined && !missing.includes(name);
  const ops: Mutable<ExporterOps> = {};
  if (has("attach")) equip(ops, "attach", (buffer, attachment) => exporter.attach!(buffer, attachment));
  if (has("detach")) equip(ops, "detach", (buffer, attachment) => exporter.detach!(buffer, attachment));
  if (has("pin")) equip(ops, "pin", (attachment) => exporter.pin!(attachment));
  if (has("unpin")) equip(ops, "unpin", (attachment) => exporter.unpin!(attachment));
  if (has("map")) equip(ops, "map", (attachment, direction) => exporter.map!(attachment, direction));
  if (has("unmap"))
    equip(ops, "unmap", (attachment, table, direction) => exporter.unmap!(attachment, table, direction));
  if (has("release")) equip(ops, "release", (buffer) => exporter.release!(buffer));
  if (has("beginCpu")) equip(ops, "beginCpu", (buffer, direction) => exporter.beginCpu!(buffer, direction));
  if (has("endCpu")) equip(ops, "endCpu", (buffer, direction) => exporter.endCpu!(buffer, direction));
  if (has("mmap")) equip(ops, "mmap", (buffer, mapping) => exporter.mmap!(buffer, mapping));
  if (has("vmap")) equip(ops, "vmap", (buffer, map) => exporter.vmap!(buffer, map));
  if (has("vunmap")) equip(ops, "vunmap", (buffer, map) => exporter.vunmap!(buffer, map));
  if (exporter.cacheSgtMapping === true) ops.cacheSgtMapping = true;
  return ops;
}

/** What an exporter without a request of its own does. */
function* plainRequest(
  env: Env,
  buffer: DmaBuf,
  { closeOnExec }: { readonly closeOnExec: boolean },
): Generator<Suspension, FileDescriptor | Errno, unknown> {
  const fd = yield* env.exportFd(buffer, closeOnExec);
  if (typeof fd === "number") yield* env.put(buffer);
  return fd;
}

/** Export, descriptors, references and what exporting devices go through. */
export const bufferSteps: StepHandlers<keyof typeof exporterOperations> = {
  *export(run, step) {
    const setup = run.setup.buffers.find((entry) => entry.name === step.buffer)!;
    const exporter = run.exporter(setup.exporter);
    const env = run.env(setup.exporter);
    const device = run.world.devices.get(run.setup.exporters.find((entry) => entry.name === setup.exporter)!.device)!;
    const resv = setup.resv === null ? {} : { resv: run.reservation(setup.resv) };
    const owner = run.world.owner(setup.exporter);
    run.world.names.want(step.id, "buffer", step.buffer);
    const plain = exporter.export === undefined || step.missing.length > 0 || step.caching;
    if (plain) {
      // What a step leaves out or adds is about export itself: the exporter's own set-up stays out of it.
      const { missing, caching } = step;
      const { kind } = run.setup.exporters.find((entry) => entry.name === setup.exporter)!;
      const dynamic = !caching || kind === "scriptedDynamic";
      const from = missing.length > 0 || caching ? new PlainExporter(env, { dynamic, caching }) : exporter;
      const ops = opsWithout(from, step.missing);
      const priv = step.missing.includes("priv") ? null : from;
      yield* env.export({ size: setup.size, priv, ops, owner, ...resv });
      return;
    }
    const { size, placement, name } = setup;
    const shared = setup.shared === true ? { shared: true } : {};
    const request = { name, size, placement, device, owner, ...resv, ...shared };
    const result = yield* runRole(run.world, "the exporter's export", () => exporter.export!(request));
    if (typeof result !== "number" && run.world.names.known(result as DmaBuf) === null)
      throw new HarnessFault("the exporter's export answered something that env.export did not make");
  },
  *exportRegion(run, step) {
    const setup = run.setup.buffers.find((entry) => entry.name === step.buffer)!;
    const exporter = run.exporter(setup.exporter);
    const device = run.world.devices.get(run.setup.exporters.find((entry) => entry.name === setup.exporter)!.device)!;
    const ranges = regionRanges(step);
    const { flags } = step;
    const size = ranges.reduce((sum, { length }) => sum + length, 0);
    const owner = run.world.owner(setup.exporter);
    run.world.names.want(step.id, "buffer", step.buffer);
    const { recorder } = run.world;
    const args = { exporter: setup.exporter, buffer: step.buffer, ranges, flags };
    const call = recorder.emit({ kind: "call", op: "exportRegion", by: "program", ...args });
    const request = { name: step.buffer, size, placement: "device", device, owner, ranges, flags } as const;
    const result =
      exporter.exportRegion === undefined
        ? EOPNOTSUPP
        : yield* runRole<DmaBuf | Errno>(run.world, "the exporter's exportRegion", () =>
            exporter.exportRegion!(request),
          );
    const errno = typeof result === "number" ? result : 0;
    run.world.names.forgetName(step.buffer);
    recorder.emit({ kind: "ret", op: "exportRegion", by: "program", call, errno, ...args });
  },
  *exportFd(run, step) {
    run.world.names.want(step.id, "fd", step.fd);
    yield* exporterEnv(run, step.buffer).exportFd(run.buffer(step.buffer), step.closeOnExec);
  },
  *requestFd(run, step) {
    const buffer = run.buffer(step.buffer);
    const name = run.world.exporterOf.get(buffer)!;
    const exporter = run.exporter(name);
    run.world.names.want(step.id, "fd", step.fd);
    const { recorder } = run.world;
    const args = { exporter: name, buffer: step.buffer, fd: step.fd, closeOnExec: step.closeOnExec };
    const call = recorder.emit({ kind: "call", op: "requestFd", by: "program", ...args });
    const request = () => exporter.requestFd?.(buffer, step.closeOnExec) ?? plainRequest(run.env(name), buffer, step);
    const result = yield* runRole<FileDescriptor | Errno>(run.world, "the exporter's requestFd", request);
    const errno = typeof result === "number" ? result : 0;
    recorder.emit({ kind: "ret", op: "requestFd", by: "program", call, errno, ...args });
  },
  *close(run, step) {
    yield* run.program.close(run.world.names.object<FileDescriptor>(step.fd)!);
  },
  *get(run, step) {
    yield* run.program.get(run.world.names.object<FileDescriptor>(step.fd)!);
  },
  *getRef(run, step) {
    yield* run.program.getRef(run.buffer(step.buffer));
  },
  *put(run, step) {
    yield* run.program.put(run.buffer(step.buffer));
  },
  *invalidate(run, step) {
    yield* exporterEnv(run, step.buffer).invalidate(run.buffer(step.buffer));
  },
  *seek(run, step) {
    yield* run.program.seek(run.buffer(step.buffer), step.offset, step.whence);
  },
  *setName(run, step) {
    yield* run.program.setName(run.buffer(step.buffer), step.name);
  },
  *getName(run, step) {
    yield* run.world.at("name");
    run.program.getName(run.buffer(step.buffer));
  },
  *listBuffers(run) {
    for (const buffer of yield* run.program.listBuffers()) yield* run.program.put(buffer);
  },
  *move(run, step) {
    const buffer = run.buffer(step.buffer);
    const exporter = run.exporter(run.world.exporterOf.get(buffer)!);
    const { recorder } = run.world;
    const args = { buffer: step.buffer, placement: step.placement };
    const call = recorder.emit({ kind: "call", op: "move", by: "program", ...args });
    const errno =
      exporter.move === undefined
        ? EOPNOTSUPP
        : yield* driverErrno(run, "the exporter's move", () => exporter.move!(buffer, step.placement));
    recorder.emit({ kind: "ret", op: "move", by: "program", call, errno, ...args });
  },
  *evict(run, step) {
    yield* onBuffer(run, "evict", step.buffer);
  },
  *revoke(run, step) {
    yield* onBuffer(run, "revoke", step.buffer);
  },
  *unrevoke(run, step) {
    yield* onBuffer(run, "unrevoke", step.buffer);
  },
  *revokeForever(run, step) {
    yield* onBuffer(run, "revokeForever", step.buffer);
  },
  *reset(run, step) {
    yield* onDevice(run, { op: "reset", exporter: step.exporter });
  },
  *setMemory(run, step) {
    yield* onDevice(run, { op: "setMemory", exporter: step.exporter, on: step.on });
  },
  *closeDevice(run, step) {
    yield* onDevice(run, { op: "closeDevice", exporter: step.exporter });
  },
  *unloadOwner(run, step) {
    yield* run.world.at("unload");
    const owner = run.world.owner(step.exporter);
    const args = { exporter: step.exporter };
    const { recorder } = run.world;
    const call = recorder.emit({ kind: "call", op: "unloadOwner", by: "program", ...args });
    const errno = owner.uses > 0 ? EBUSY : 0;
    if (errno === 0) owner.unloaded = true;
    recorder.emit({ kind: "ret", op: "unloadOwner", by: "program", call, errno, ...args });
  },
};

function exporterEnv(run: RunContext, buffer: string) {
  return run.env(run.world.exporterOf.get(run.buffer(buffer)) ?? "program");
}
