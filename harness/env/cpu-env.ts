import type { Errno } from "../../spec/errno.ts";
import type { Direction, DmaBuf, IosysMap, UserMapping } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { settle } from "../settle.ts";
import { BufferEnv } from "./buffer-env.ts";
import { runRole } from "./hooks.ts";

/** The CPU half of `Env`: brackets, kernel addresses, user mappings, requests on descriptors. */
export class CpuEnv extends BufferEnv {
  *beginCpu(buffer: DmaBuf, direction: Direction): Generator<Suspension, Errno, unknown> {
    return yield* this.bracket("beginCpu", buffer, direction);
  }

  *endCpu(buffer: DmaBuf, direction: Direction): Generator<Suspension, Errno, unknown> {
    return yield* this.bracket("endCpu", buffer, direction);
  }

  *ioctlSync(buffer: DmaBuf, flags: number | null): Generator<Suspension, Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { buffer: this.bufferName(buffer), flags };
    yield* world.at("ioctl");
    const call = world.recorder.emit({ kind: "call", op: "ioctlSync", by, ...args });
    const errno = yield* settle(world.framework.buffers.ioctlSync(buffer, flags), "ioctlSync");
    world.recorder.emit({ kind: "ret", op: "ioctlSync", by, call, errno, ...args });
    return errno;
  }

  *ioctl(buffer: DmaBuf, command: number): Generator<Suspension, Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { buffer: this.bufferName(buffer), command };
    const call = world.recorder.emit({ kind: "call", op: "ioctl", by, ...args });
    const errno = yield* settle(world.framework.buffers.ioctl(buffer, command), "ioctl");
    world.recorder.emit({ kind: "ret", op: "ioctl", by, call, errno, ...args });
    return errno;
  }

  *vmap(buffer: DmaBuf, map: IosysMap): Generator<Suspension, Errno, unknown> {
    return yield* this.vmapping("vmap", buffer, map);
  }

  *vmapUnlocked(buffer: DmaBuf, map: IosysMap): Generator<Suspension, Errno, unknown> {
    return yield* this.vmapping("vmapUnlocked", buffer, map);
  }

  *vunmap(buffer: DmaBuf, map: IosysMap): Generator<Suspension, void, unknown> {
    yield* this.vunmapping("vunmap", buffer, map);
  }

  *vunmapUnlocked(buffer: DmaBuf, map: IosysMap): Generator<Suspension, void, unknown> {
    yield* this.vunmapping("vunmapUnlocked", buffer, map);
  }

  *mmap(buffer: DmaBuf, mapping: UserMapping, offset: number): Generator<Suspension, Errno, unknown> {
    return yield* this.mapUser("mmap", buffer, mapping, offset);
  }

  *mmapFd(buffer: DmaBuf, mapping: UserMapping): Generator<Suspension, Errno, unknown> {
    return yield* this.mapUser("mmapFd", buffer, mapping, mapping.start);
  }

  /** What `do_munmap` does: the entries go, and with the mapping its reference on the file. */
  *munmap(mapping: UserMapping): Generator<Suspension, void, unknown> {
    this.begun();
    const { world, by } = this;
    const { file } = mapping;
    yield* world.at("munmap");
    const args = { buffer: file === null ? "" : this.bufferName(file), view: this.viewName(mapping) };
    const call = world.recorder.emit({ kind: "call", op: "munmap", by, ...args });
    world.mmu.remove(mapping);
    if (mapping.close !== undefined) {
      world.mmu.lock(by);
      yield* runRole(world, "the exporter's close of a mapping", mapping.close);
      world.mmu.unlock(by);
    }
    mapping.file = null;
    if (file !== null) yield* settle(world.framework.buffers.put(file), "put");
    world.recorder.emit({ kind: "ret", op: "munmap", by, call, errno: 0, ...args });
  }

  private viewName(view: object): string {
    return this.world.names.of(view, "view", this.world.scheduler.current.stepId);
  }

  private *bracket(
    op: "beginCpu" | "endCpu",
    buffer: DmaBuf,
    direction: Direction,
  ): Generator<Suspension, Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { buffer: this.bufferName(buffer), direction };
    yield* world.at(op);
    const call = world.recorder.emit({ kind: "call", op, by, ...args });
    const errno = yield* settle(world.framework.buffers[op](buffer, direction), op);
    world.recorder.emit({ kind: "ret", op, by, call, errno, ...args });
    return errno;
  }

  private *vmapping(op: "vmap" | "vmapUnlocked", buffer: DmaBuf, map: IosysMap): Generator<Suspension, Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const step = world.scheduler.current.stepId;
    const args = { buffer: this.bufferName(buffer), view: world.names.next("view", step) };
    yield* world.at(op);
    const call = world.recorder.emit({ kind: "call", op, by, ...args });
    const errno = yield* settle(world.framework.buffers[op](buffer, map), op);
    const address = map.address === null ? null : world.names.of(map.address, "address", step);
    if (errno === 0) {
      world.names.bind(map, args.view);
      world.viewOf.set(map, buffer);
    }
    world.recorder.emit({ kind: "ret", op, by, call, errno, ...args, address, iomem: map.isIomem });
    return errno;
  }

  private *vunmapping(
    op: "vunmap" | "vunmapUnlocked",
    buffer: DmaBuf,
    map: IosysMap,
  ): Generator<Suspension, void, unknown> {
    this.begun();
    const { world, by } = this;
    const known = world.names.known(map);
    const live = known !== null && world.state().views.get(known)?.live === true;
    const args = { buffer: this.bufferName(buffer), view: live ? known : null };
    yield* world.at(op);
    const call = world.recorder.emit({ kind: "call", op, by, ...args });
    yield* settle(world.framework.buffers[op](buffer, map), op);
    world.recorder.emit({ kind: "ret", op, by, call, errno: 0, ...args });
  }

  /** What `mmap_region` does around the file's own part: the descriptor's form holds the file from the start. */
  private *mapUser(
    op: "mmap" | "mmapFd",
    buffer: DmaBuf,
    mapping: UserMapping,
    offset: number,
  ): Generator<Suspension, Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const { buffers } = world.framework;
    const view = world.names.next("view", world.scheduler.current.stepId);
    world.names.bind(mapping, view);
    const { pages, shared } = mapping;
    const args = { buffer: this.bufferName(buffer), view, offset, pages, shared };
    yield* world.at(op);
    const call = world.recorder.emit({ kind: "call", op, by, ...args });
    world.mmu.add(mapping, buffer);
    world.mmu.lock(by);
    let errno: Errno;
    if (op === "mmap") errno = yield* settle(buffers.mmap(buffer, mapping, offset), op);
    else {
      yield* settle(buffers.getRef(buffer), "getRef");
      mapping.file = buffer;
      errno = yield* settle(buffers.mmapFd(buffer, mapping), op);
    }
    world.mmu.unlock(by);
    const { file, start } = mapping;
    if (errno !== 0) {
      world.mmu.remove(mapping);
      mapping.file = null;
      if (file !== null) yield* settle(buffers.put(file), "put");
    }
    const result = { file: mapping.file === null ? null : this.bufferName(mapping.file), start };
    world.recorder.emit({ kind: "ret", op, by, call, errno, ...args, ...result });
    return errno;
  }
}
