import type { Errno } from "../../spec/errno.ts";
import type {
  Attachment,
  Direction,
  DmaBuf,
  ExporterOps,
  IosysMap,
  SgTable,
  UserMapping,
} from "../../spec/roles/handles.ts";
import type { Suspendable, Suspension } from "../../spec/roles/suspendable.ts";
import { HarnessFault } from "../fault.ts";
import { equip, type Mutable } from "../mutable.ts";
import type { World } from "../world.ts";
import { runRole } from "./hooks.ts";
import { recordNegotiationOps } from "./negotiation-hooks.ts";

function errnoOf(what: string, result: unknown): Errno {
  if (result === undefined || result === null) return 0;
  if (typeof result === "number" && Number.isInteger(result) && result >= 0 && result < 4096) return result;
  throw new HarnessFault(`${what} answered ${describe(result)}; expected nothing, 0, or a positive error number`);
}

function describe(value: unknown): string {
  if (typeof value === "number" && value < 0)
    return `${value} (error numbers are positive here: return EBUSY, not -EBUSY)`;
  return (typeof value === "string" ? value : (JSON.stringify(value) ?? typeof value)).slice(0, 80);
}

function checkTable(what: string, result: unknown): SgTable | Errno | null {
  if (result === null || typeof result === "number") return result === null ? null : errnoOf(what, result);
  const segments = (result as { segments?: unknown } | undefined)?.segments;
  if (Array.isArray(segments) && segments.every(isSegment)) return result as SgTable;
  throw new HarnessFault(
    `${what} answered ${describe(result)}; expected { segments: [{ address, length }, ...] } or a positive error number`,
  );
}

function isSegment(value: unknown): boolean {
  const segment = value as { address?: unknown; length?: unknown } | null;
  return typeof segment?.address === "number" && typeof segment.length === "number";
}

/**
 * The hooks of one exporter's buffer, recorded. A class and not closures: each generator function that is made gets
 * a hidden class of its own, which the old generation keeps, and with it everything that the run has made.
 */
class ExporterHooks {
  private readonly world: World;
  private readonly by: string;
  private readonly ops: ExporterOps;

  constructor(world: World, by: string, ops: ExporterOps) {
    this.world = world;
    this.by = by;
    this.ops = ops;
  }

  *attach(buffer: DmaBuf, attachment: Attachment): Generator<Suspension, Errno, unknown> {
    yield* this.world.at("cb-attach");
    const args = { buffer: this.bufferName(buffer), attachment: this.attachmentName(attachment) };
    const cb = this.world.recorder.emit({
      kind: "cb",
      hook: "attach",
      to: this.by,
      ...args,
      peer2peer: attachment.peer2peer,
    });
    const injected = this.world.failure("hook:attach");
    const errno =
      injected !== 0
        ? injected
        : errnoOf(
            "attach",
            yield* runRole(this.world, "the exporter's attach", () => this.ops.attach!(buffer, attachment)),
          );
    const { peer2peer } = attachment;
    this.world.recorder.emit({
      kind: "cbret",
      hook: "attach",
      to: this.by,
      cb,
      errno,
      injected: injected !== 0,
      ...args,
      peer2peer,
    });
    return errno;
  }

  *detach(buffer: DmaBuf, attachment: Attachment): Generator<Suspension, void, unknown> {
    yield* this.world.at("cb-detach");
    const args = { buffer: this.bufferName(buffer), attachment: this.attachmentName(attachment) };
    const cb = this.world.recorder.emit({ kind: "cb", hook: "detach", to: this.by, ...args });
    yield* runRole(this.world, "the exporter's detach", () => this.ops.detach!(buffer, attachment));
    this.world.recorder.emit({ kind: "cbret", hook: "detach", to: this.by, cb, errno: 0, injected: false, ...args });
  }

  *pin(attachment: Attachment): Generator<Suspension, Errno, unknown> {
    yield* this.world.at("cb-pin");
    const args = { attachment: this.attachmentName(attachment) };
    const cb = this.world.recorder.emit({ kind: "cb", hook: "pin", to: this.by, ...args });
    const injected = this.world.failure("hook:pin");
    const errno =
      injected !== 0
        ? injected
        : errnoOf("pin", yield* runRole(this.world, "the exporter's pin", () => this.ops.pin!(attachment)));
    this.world.recorder.emit({ kind: "cbret", hook: "pin", to: this.by, cb, errno, injected: injected !== 0, ...args });
    return errno;
  }

  *unpin(attachment: Attachment): Generator<Suspension, void, unknown> {
    yield* this.world.at("cb-unpin");
    const args = { attachment: this.attachmentName(attachment) };
    const cb = this.world.recorder.emit({ kind: "cb", hook: "unpin", to: this.by, ...args });
    yield* runRole(this.world, "the exporter's unpin", () => this.ops.unpin!(attachment));
    this.world.recorder.emit({ kind: "cbret", hook: "unpin", to: this.by, cb, errno: 0, injected: false, ...args });
  }

  *map(attachment: Attachment, direction: Direction): Generator<Suspension, SgTable | Errno | null, unknown> {
    const args = { attachment: this.attachmentName(attachment), direction };
    const cb = this.world.recorder.emit({ kind: "cb", hook: "map", to: this.by, ...args });
    // Inside the hook: here it shows whether another one can run at the same time.
    yield* this.world.at("cb-map");
    const injected = this.world.failure("hook:map");
    const nothing = injected === 0 && this.world.failure("hook:map-nothing") !== 0;
    const result = nothing
      ? null
      : injected !== 0
        ? injected
        : checkTable(
            "map",
            yield* runRole(this.world, "the exporter's map", () => this.ops.map!(attachment, direction)),
          );
    const table = typeof result === "object" ? result : null;
    this.world.recorder.emit({
      kind: "cbret",
      hook: "map",
      to: this.by,
      cb,
      errno: typeof result === "number" ? result : 0,
      injected: nothing || injected !== 0,
      ...args,
      table: table === null ? null : this.world.tableName(table),
      segments: table === null ? [] : this.world.translations.resolveTable(attachment.device, table),
    });
    yield* this.world.at("cbret-map");
    return result;
  }

  *unmap(attachment: Attachment, table: SgTable, direction: Direction): Generator<Suspension, void, unknown> {
    yield* this.world.at("cb-unmap");
    const args = { attachment: this.attachmentName(attachment), direction, table: this.world.tableName(table) };
    const cb = this.world.recorder.emit({ kind: "cb", hook: "unmap", to: this.by, ...args });
    yield* runRole(this.world, "the exporter's unmap", () => this.ops.unmap!(attachment, table, direction));
    this.world.recorder.emit({ kind: "cbret", hook: "unmap", to: this.by, cb, errno: 0, injected: false, ...args });
  }

  *release(buffer: DmaBuf): Generator<Suspension, void, unknown> {
    const args = { buffer: this.bufferName(buffer) };
    const cb = this.world.recorder.emit({ kind: "cb", hook: "release", to: this.by, ...args });
    yield* runRole(this.world, "the exporter's release", () => this.ops.release!(buffer));
    this.world.recorder.emit({ kind: "cbret", hook: "release", to: this.by, cb, errno: 0, injected: false, ...args });
  }

  *beginCpu(buffer: DmaBuf, direction: Direction): Generator<Suspension, Errno, unknown> {
    return yield* this.bracket("beginCpu", buffer, direction);
  }

  *endCpu(buffer: DmaBuf, direction: Direction): Generator<Suspension, Errno, unknown> {
    return yield* this.bracket("endCpu", buffer, direction);
  }

  *mmap(buffer: DmaBuf, mapping: UserMapping): Generator<Suspension, Errno, unknown> {
    const { recorder, names } = this.world;
    const view = names.of(mapping, "view", this.world.scheduler.current.stepId);
    const { start, pages, shared } = mapping;
    const args = { buffer: this.bufferName(buffer), view, offset: start, pages, shared };
    const cb = recorder.emit({ kind: "cb", hook: "mmap", to: this.by, ...args });
    yield* this.world.at("cb-mmap");
    const injected = this.world.failure("hook:mmap");
    const errno = injected !== 0 ? injected : yield* this.answer("mmap", () => this.ops.mmap!(buffer, mapping));
    recorder.emit({ kind: "cbret", hook: "mmap", to: this.by, cb, errno, injected: injected !== 0, ...args });
    return errno;
  }

  *vmap(buffer: DmaBuf, map: IosysMap): Generator<Suspension, Errno, unknown> {
    const { recorder, names } = this.world;
    const args = { buffer: this.bufferName(buffer) };
    const cb = recorder.emit({ kind: "cb", hook: "vmap", to: this.by, ...args });
    yield* this.world.at("cb-vmap");
    const injected = this.world.failure("hook:vmap");
    const errno = injected !== 0 ? injected : yield* this.answer("vmap", () => this.ops.vmap!(buffer, map));
    const address = map.address === null ? null : names.of(map.address, "address", this.world.scheduler.current.stepId);
    recorder.emit({
      kind: "cbret",
      hook: "vmap",
      to: this.by,
      cb,
      errno,
      injected: injected !== 0,
      ...args,
      address,
      iomem: map.isIomem,
    });
    return errno;
  }

  *vunmap(buffer: DmaBuf, map: IosysMap): Generator<Suspension, void, unknown> {
    const { recorder, names } = this.world;
    const address = map.address === null ? null : names.known(map.address);
    const args = { buffer: this.bufferName(buffer), address };
    const cb = recorder.emit({ kind: "cb", hook: "vunmap", to: this.by, ...args });
    yield* runRole(this.world, "the exporter's vunmap", () => this.ops.vunmap!(buffer, map));
    recorder.emit({ kind: "cbret", hook: "vunmap", to: this.by, cb, errno: 0, injected: false, ...args });
  }

  private *bracket(
    hook: "beginCpu" | "endCpu",
    buffer: DmaBuf,
    direction: Direction,
  ): Generator<Suspension, Errno, unknown> {
    const { recorder } = this.world;
    const args = { buffer: this.bufferName(buffer), direction };
    const cb = recorder.emit({ kind: "cb", hook, to: this.by, ...args });
    yield* this.world.at(`cb-${hook}`);
    const injected = this.world.failure(`hook:${hook}`);
    const errno = injected !== 0 ? injected : yield* this.answer(hook, () => this.ops[hook]!(buffer, direction));
    recorder.emit({ kind: "cbret", hook, to: this.by, cb, errno, injected: injected !== 0, ...args });
    return errno;
  }

  private *answer(hook: string, method: () => Suspendable<Errno | void>): Generator<Suspension, Errno, unknown> {
    return errnoOf(hook, yield* runRole(this.world, `the exporter's ${hook}`, method));
  }

  private attachmentName(attachment: Attachment): string {
    return this.world.names.of(attachment, "attachment", this.world.scheduler.current.stepId);
  }

  private bufferName(buffer: DmaBuf): string {
    return this.world.names.of(buffer, "buffer", null);
  }
}

/**
 * An exporter's ops as the framework gets them: each call recorded, failures injected at `hook:<name>`,
 * and at `hook:map-nothing` a map that answers neither a table nor an error.
 */
export function recordExporterOps(world: World, by: string, ops: ExporterOps): ExporterOps {
  const hooks = new ExporterHooks(world, by, ops);
  const recorded: Mutable<ExporterOps> = {};
  if (ops.attach !== undefined) equip(recorded, "attach", (buffer, attachment) => hooks.attach(buffer, attachment));
  if (ops.detach !== undefined) equip(recorded, "detach", (buffer, attachment) => hooks.detach(buffer, attachment));
  if (ops.pin !== undefined) equip(recorded, "pin", (attachment) => hooks.pin(attachment));
  if (ops.unpin !== undefined) equip(recorded, "unpin", (attachment) => hooks.unpin(attachment));
  if (ops.map !== undefined) equip(recorded, "map", (attachment, direction) => hooks.map(attachment, direction));
  if (ops.unmap !== undefined)
    equip(recorded, "unmap", (attachment, table, direction) => hooks.unmap(attachment, table, direction));
  if (ops.release !== undefined) equip(recorded, "release", (buffer) => hooks.release(buffer));
  if (ops.beginCpu !== undefined) equip(recorded, "beginCpu", (buffer, direction) => hooks.beginCpu(buffer, direction));
  if (ops.endCpu !== undefined) equip(recorded, "endCpu", (buffer, direction) => hooks.endCpu(buffer, direction));
  if (ops.mmap !== undefined) equip(recorded, "mmap", (buffer, mapping) => hooks.mmap(buffer, mapping));
  if (ops.vmap !== undefined) equip(recorded, "vmap", (buffer, map) => hooks.vmap(buffer, map));
  if (ops.vunmap !== undefined) equip(recorded, "vunmap", (buffer, map) => hooks.vunmap(buffer, map));
  if (ops.cacheSgtMapping === true) recorded.cacheSgtMapping = true;
  recordNegotiationOps(world, by, ops, recorded);
  return recorded;
}
