import { cpuHooks, type AttachmentOps } from "../../spec/calls.ts";
import type { Errno } from "../../spec/errno.ts";
import type {
  Attachment,
  Device,
  Direction,
  DmaBuf,
  ExportInfo,
  FileDescriptor,
  ImporterOps,
  SgTable,
} from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { settle } from "../settle.ts";
import { recordExporterOps } from "./exporter-hooks.ts";
import { recordImporterOps } from "./hooks.ts";
import { isAltered } from "../world.ts";
import { PlatformEnv } from "./platform-env.ts";

/** What export was not given, in the words of the operation's arguments. */
function missingItems(info: ExportInfo): readonly string[] {
  const missing: string[] = [];
  if (info.priv === null || info.priv === undefined) missing.push("priv");
  if (info.ops === null) return [...missing, "ops"];
  if (info.ops.map === undefined) missing.push("map");
  if (info.ops.unmap === undefined) missing.push("unmap");
  if (info.ops.release === undefined) missing.push("release");
  return missing;
}

function attachmentOps(ops: ImporterOps | null): AttachmentOps {
  if (ops === null) return "static";
  return ops.invalidate === undefined ? "noCallback" : "callback";
}

function describeOps(ops: ImporterOps | null): string {
  return `${attachmentOps(ops)} ${String(ops?.allowPeer2peer)}`;
}

/** The buffer half of `Env`: every call and return recorded. */
export class BufferEnv extends PlatformEnv {
  *export(info: ExportInfo): Generator<Suspension, DmaBuf | Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const { recorder, names } = world;
    const step = world.scheduler.current.stepId;
    const buffer = names.next("buffer", step);
    const args = {
      buffer,
      exporter: by,
      size: info.size,
      missing: missingItems(info),
      attach: info.ops?.attach !== undefined,
      detach: info.ops?.detach !== undefined,
      pin: info.ops?.pin !== undefined,
      unpin: info.ops?.unpin !== undefined,
      caching: info.ops?.cacheSgtMapping === true,
      cpuHooks: info.ops === null ? [] : cpuHooks.filter((hook) => info.ops![hook] !== undefined),
    };
    const shared = info.resv === undefined ? null : names.of(info.resv, "reservation", step);
    const call = recorder.emit({ kind: "call", op: "export", by, ...args, resv: shared });
    const ops = info.ops === null ? null : recordExporterOps(world, by, info.ops);
    const result = yield* settle(world.framework.buffers.export({ ...info, ops }), "export");
    const errno = typeof result === "number" ? result : 0;
    let resv = shared;
    if (typeof result !== "number") {
      names.bind(result, buffer);
      world.exporterOf.set(result, by);
      if (names.known(result.resv) === null) names.bind(result.resv, `${buffer}.resv`);
      resv = names.of(result.resv, "reservation", step);
    }
    recorder.emit({ kind: "ret", op: "export", by, call, errno, ...args, resv });
    return result;
  }

  *exportFd(buffer: DmaBuf, closeOnExec: boolean): Generator<Suspension, FileDescriptor | Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const fd = world.names.next("fd", world.scheduler.current.stepId);
    const args = { buffer: this.bufferName(buffer), fd, closeOnExec };
    const call = world.recorder.emit({ kind: "call", op: "exportFd", by, ...args });
    const result = yield* settle(world.framework.buffers.exportFd(buffer, closeOnExec), "exportFd");
    if (typeof result === "number") {
      world.recorder.emit({ kind: "ret", op: "exportFd", by, call, errno: result, ...args, number: -1 });
      return result;
    }
    world.names.bind(result, fd);
    const { number, closeOnExec: flagged } = result;
    world.recorder.emit({ kind: "ret", op: "exportFd", by, call, errno: 0, ...args, number, closeOnExec: flagged });
    return result;
  }

  *close(fd: FileDescriptor): Generator<Suspension, Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { fd: world.names.of(fd, "fd", world.scheduler.current.stepId) };
    const call = world.recorder.emit({ kind: "call", op: "close", by, ...args });
    const errno = yield* settle(world.framework.buffers.close(fd), "close");
    world.recorder.emit({ kind: "ret", op: "close", by, call, errno, ...args });
    return errno;
  }

  *get(fd: FileDescriptor): Generator<Suspension, DmaBuf | Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { fd: world.names.of(fd, "fd", world.scheduler.current.stepId) };
    const call = world.recorder.emit({ kind: "call", op: "get", by, ...args, buffer: null });
    const result = yield* settle(world.framework.buffers.get(fd), "get");
    const [errno, buffer] = typeof result === "number" ? [result, null] : [0, this.bufferName(result)];
    world.recorder.emit({ kind: "ret", op: "get", by, call, errno, ...args, buffer });
    return result;
  }

  *getRef(buffer: DmaBuf): Generator<Suspension, void, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { buffer: this.bufferName(buffer) };
    const call = world.recorder.emit({ kind: "call", op: "getRef", by, ...args });
    yield* settle(world.framework.buffers.getRef(buffer), "getRef");
    world.recorder.emit({ kind: "ret", op: "getRef", by, call, errno: 0, ...args });
  }

  *put(buffer: DmaBuf): Generator<Suspension, void, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { buffer: this.bufferName(buffer) };
    yield* world.at("put");
    const call = world.recorder.emit({ kind: "call", op: "put", by, ...args });
    yield* settle(world.framework.buffers.put(buffer), "put");
    world.recorder.emit({ kind: "ret", op: "put", by, call, errno: 0, ...args });
  }

  *attach(
    buffer: DmaBuf | null,
    device: Device | null,
    ops: ImporterOps | null,
    priv?: unknown,
  ): Generator<Suspension, Attachment | Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const attachment = world.names.next("attachment", world.scheduler.current.stepId);
    const args = {
      buffer: buffer === null ? null : this.bufferName(buffer),
      device: device?.name ?? null,
      importer: by,
      attachment,
      ops: attachmentOps(ops),
      allowPeer2peer: ops?.allowPeer2peer === true,
      dmaMask: device?.dmaMask ?? 0,
      maxSegment: device?.maxSegment ?? 0,
    };
    yield* world.at("attach");
    const call = world.recorder.emit({ kind: "call", op: "attach", by, ...args });
    // The hook and the callback may see the attachment before attach returns: its name has to be waiting.
    const recorded = ops === null ? null : recordImporterOps(world, by, ops);
    world.names.want(world.scheduler.current.stepId, "attachment", attachment);
    const result = yield* settle(world.framework.buffers.attach(buffer, device, recorded, priv), "attach");
    world.names.forgetName(attachment);
    const errno = typeof result === "number" ? result : 0;
    if (typeof result !== "number") {
      world.names.bind(result, attachment);
      world.importerOps.set(result, { ops, said: describeOps(ops) });
    }
    const peer2peer = typeof result === "number" ? false : result.peer2peer;
    world.recorder.emit({ kind: "ret", op: "attach", by, call, errno, ...args, peer2peer });
    return result;
  }

  *detach(buffer: DmaBuf | null, attachment: Attachment | null): Generator<Suspension, void, unknown> {
    this.begun();
    const { world, by } = this;
    const args = {
      buffer: buffer === null ? null : this.bufferName(buffer),
      attachment: attachment === null ? null : this.attachmentName(attachment),
      altered: attachment !== null && this.opsAltered(attachment),
    };
    yield* world.at("detach");
    const call = world.recorder.emit({ kind: "call", op: "detach", by, ...args });
    yield* settle(world.framework.buffers.detach(buffer, attachment), "detach");
    world.recorder.emit({ kind: "ret", op: "detach", by, call, errno: 0, ...args });
  }

  *pin(attachment: Attachment): Generator<Suspension, Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { attachment: this.attachmentName(attachment) };
    yield* world.at("pin");
    const call = world.recorder.emit({ kind: "call", op: "pin", by, ...args });
    const errno = yield* settle(world.framework.buffers.pin(attachment), "pin");
    world.recorder.emit({ kind: "ret", op: "pin", by, call, errno, ...args });
    return errno;
  }

  *unpin(attachment: Attachment): Generator<Suspension, void, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { attachment: this.attachmentName(attachment) };
    const call = world.recorder.emit({ kind: "call", op: "unpin", by, ...args });
    yield* settle(world.framework.buffers.unpin(attachment), "unpin");
    world.recorder.emit({ kind: "ret", op: "unpin", by, call, errno: 0, ...args });
  }

  *map(attachment: Attachment | null, direction: Direction): Generator<Suspension, SgTable | Errno, unknown> {
    return yield* this.mapping("map", attachment, direction);
  }

  *mapUnlocked(attachment: Attachment | null, direction: Direction): Generator<Suspension, SgTable | Errno, unknown> {
    return yield* this.mapping("mapUnlocked", attachment, direction);
  }

  *unmap(attachment: Attachment | null, table: SgTable, direction: Direction): Generator<Suspension, void, unknown> {
    yield* this.unmapping("unmap", attachment, table, direction);
  }

  *unmapUnlocked(
    attachment: Attachment | null,
    table: SgTable,
    direction: Direction,
  ): Generator<Suspension, void, unknown> {
    yield* this.unmapping("unmapUnlocked", attachment, table, direction);
  }

  *invalidate(buffer: DmaBuf): Generator<Suspension, void, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { buffer: this.bufferName(buffer) };
    yield* world.at("invalidate");
    const call = world.recorder.emit({ kind: "call", op: "invalidate", by, ...args });
    yield* settle(world.framework.buffers.invalidate(buffer), "invalidate");
    world.recorder.emit({ kind: "ret", op: "invalidate", by, call, errno: 0, ...args });
  }

  isRevocable(attachment: Attachment): boolean {
    const { world, by } = this;
    const args = { attachment: this.attachmentName(attachment) };
    const call = world.recorder.emit({ kind: "call", op: "isRevocable", by, ...args });
    const answer = world.framework.buffers.isRevocable(attachment);
    world.recorder.emit({ kind: "ret", op: "isRevocable", by, call, errno: 0, ...args, answer });
    return answer;
  }

  *seek(buffer: DmaBuf, offset: number, whence: number): Generator<Suspension, number, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { buffer: this.bufferName(buffer), offset, whence };
    const call = world.recorder.emit({ kind: "call", op: "seek", by, ...args });
    const result = yield* settle(world.framework.buffers.seek(buffer, offset, whence), "seek");
    world.recorder.emit({ kind: "ret", op: "seek", by, call, errno: result < 0 ? -result : 0, ...args, result });
    return result;
  }

  *setName(buffer: DmaBuf, name: string | null): Generator<Suspension, Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { buffer: this.bufferName(buffer), name };
    const call = world.recorder.emit({ kind: "call", op: "setName", by, ...args });
    const errno = yield* settle(world.framework.buffers.setName(buffer, name), "setName");
    world.recorder.emit({ kind: "ret", op: "setName", by, call, errno, ...args });
    return errno;
  }

  getName(buffer: DmaBuf): string {
    const { world, by } = this;
    const args = { buffer: this.bufferName(buffer) };
    const call = world.recorder.emit({ kind: "call", op: "getName", by, ...args });
    const name = world.framework.buffers.getName(buffer);
    world.recorder.emit({ kind: "ret", op: "getName", by, call, errno: 0, ...args, name });
    return name;
  }

  *listBuffers(): Generator<Suspension, readonly DmaBuf[], unknown> {
    this.begun();
    const { world, by } = this;
    const call = world.recorder.emit({ kind: "call", op: "listBuffers", by });
    const found = yield* settle(world.framework.buffers.listBuffers(), "listBuffers");
    const buffers = found.map((buffer) => this.bufferName(buffer));
    world.recorder.emit({ kind: "ret", op: "listBuffers", by, call, errno: 0, buffers });
    return found;
  }

  /** Whether the importer changed the ops that it attached with. */
  private opsAltered(attachment: Attachment): boolean {
    const declared = this.world.importerOps.get(attachment);
    return declared !== undefined && describeOps(declared.ops) !== declared.said;
  }

  protected bufferName(buffer: DmaBuf): string {
    return this.world.names.of(buffer, "buffer", this.world.scheduler.current.stepId);
  }

  protected attachmentName(attachment: Attachment): string {
    return this.world.names.of(attachment, "attachment", this.world.scheduler.current.stepId);
  }

  private *mapping(
    op: "map" | "mapUnlocked",
    attachment: Attachment | null,
    direction: Direction,
  ): Generator<Suspension, SgTable | Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const mapping = world.names.next("mapping", world.scheduler.current.stepId);
    const args = { attachment: attachment === null ? null : this.attachmentName(attachment), direction, mapping };
    yield* world.at(op);
    const call = world.recorder.emit({ kind: "call", op, by, ...args });
    const result = yield* settle(world.framework.buffers[op](attachment, direction), op);
    if (typeof result === "number" || attachment === null) {
      const errno = typeof result === "number" ? result : 0;
      world.recorder.emit({ kind: "ret", op, by, call, errno, ...args, table: null, segments: [] });
      return result;
    }
    const segments = world.translations.resolveTable(attachment.device, result);
    world.recorder.emit({ kind: "ret", op, by, call, errno: 0, ...args, table: world.tableName(result), segments });
    world.addMapping(mapping, attachment, result, direction);
    return result;
  }

  private *unmapping(
    op: "unmap" | "unmapUnlocked",
    attachment: Attachment | null,
    table: SgTable,
    direction: Direction,
  ): Generator<Suspension, void, unknown> {
    this.begun();
    const { world, by } = this;
    // Before the pause: who unmaps it is settled here.
    const live = world.takeMapping(attachment, table, direction);
    yield* world.at(op);
    const args = {
      attachment: attachment === null ? null : this.attachmentName(attachment),
      mapping: live?.name ?? null,
      direction,
      altered: live !== undefined && isAltered(live),
    };
    const call = world.recorder.emit({ kind: "call", op, by, ...args });
    yield* settle(world.framework.buffers[op](attachment, table, direction), op);
    world.recorder.emit({ kind: "ret", op, by, call, errno: 0, ...args });
  }
}
