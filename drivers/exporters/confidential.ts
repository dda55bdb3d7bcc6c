import type { Errno } from "../../spec/errno.ts";
import { EBUSY, EINVAL, ENODEV, EOPNOTSUPP } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Exporter, ExportRequest } from "../../spec/roles/exporter.ts";
import type { Attachment, Device, DmaBuf, Storage } from "../../spec/roles/handles.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import type { Guest, MappingModel, PhysicalList } from "../../spec/roles/negotiation.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";

/** A buffer of protected memory. Under the reservation lock. */
class ProtectedBuffer {
  readonly memory: Storage;
  /** The guest that alone may have it; null as long as it is bound to none. */
  owner: Guest | null = null;
  revoked = false;
  /** Attachments that have its list. */
  readonly lists = new Set<Attachment>();

  constructor(memory: Storage) {
    this.memory = memory;
  }
}

/**
 * Protected memory as a provider of its own kind, which fits nobody but whoever takes physical lists and knows what they
 * mean: secure memory in the January 2025 thread on PFNs of dma-bufs, private MMIO of the 2025 RFC. No DMA address, no
 * mmap, no vmap; what is not understood is refused when it is attached.
 */
export class Confidential implements Exporter {
  readonly models: readonly MappingModel[] = ["physical"];
  private readonly env: Env;

  constructor(env: Env) {
    this.env = env;
  }

  *export({ size, owner }: ExportRequest): Generator<Suspension, DmaBuf | Errno, unknown> {
    const { env } = this;
    if (size === 0 || size % pageSize !== 0) return EINVAL;
    const memory = env.allocateStorage(size, "device");
    if (typeof memory === "number") return memory;
    const buffer = yield* env.export({ size, priv: new ProtectedBuffer(memory), ops: this, owner });
    if (typeof buffer === "number") env.freeStorage(memory);
    else env.setStorage(buffer, memory);
    return buffer;
  }

  match(buffer: DmaBuf, _device: Device, model: MappingModel): Errno {
    if (bufferOf(buffer).revoked) return ENODEV;
    return model === "physical" ? 0 : EOPNOTSUPP;
  }

  attach(buffer: DmaBuf, { importerOps }: Attachment): Errno {
    if (bufferOf(buffer).revoked) return ENODEV;
    return importerOps?.model === "physical" ? 0 : EOPNOTSUPP;
  }

  /** There is no address that a device could be given. */
  map(): Errno {
    return EOPNOTSUPP;
  }

  unmap(): void {
    this.env.warn("kernel stops: a table is unmapped that this exporter has not made");
  }

  /** Lock held. */
  mapPhysical(attachment: Attachment): PhysicalList | Errno {
    const { memory, owner, revoked, lists } = bufferOf(attachment.buffer);
    if (revoked) return ENODEV;
    if (lists.has(attachment)) return EBUSY;
    lists.add(attachment);
    return { storage: memory, write: true, owner, mmio: true };
  }

  /** Lock held. */
  unmapPhysical(attachment: Attachment): void {
    bufferOf(attachment.buffer).lists.delete(attachment);
  }

  /** Binds the memory to a guest (`TDI bind` of the RFC), as long as nobody has it. */
  *makePrivate(buffer: DmaBuf, owner: Guest): Generator<Suspension, Errno, unknown> {
    const { priv } = buffer;
    if (!(priv instanceof ProtectedBuffer)) return ENODEV;
    yield* this.env.lock(buffer.resv);
    const isFree = priv.lists.size === 0;
    if (isFree) priv.owner = owner;
    yield* this.env.unlock(buffer.resv);
    return isFree ? 0 : EBUSY;
  }

  /** The guest gives the device back, or it fails: as VFIO of 7.1, flag and message in one hold, then both waits. */
  *revoke(buffer: DmaBuf): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    const { priv } = buffer;
    if (!(priv instanceof ProtectedBuffer)) return ENODEV;
    yield* env.getRef(buffer);
    yield* env.lock(buffer.resv);
    const done = priv.revoked;
    priv.revoked = true;
    if (!done) {
      yield* env.invalidate(buffer);
      yield* env.waitFences(buffer.resv, "bookkeep");
    }
    yield* env.unlock(buffer.resv);
    if (!done) yield* env.waitUnmapped(buffer, () => priv.lists.size === 0);
    yield* env.put(buffer);
    return 0;
  }

  *unrevoke(buffer: DmaBuf): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    const { priv } = buffer;
    if (!(priv instanceof ProtectedBuffer)) return ENODEV;
    yield* env.lock(buffer.resv);
    if (priv.revoked) {
      priv.revoked = false;
      yield* env.invalidate(buffer);
    }
    yield* env.unlock(buffer.resv);
    return 0;
  }

  release(buffer: DmaBuf): void {
    this.env.freeStorage(bufferOf(buffer).memory);
  }
}

function bufferOf(buffer: DmaBuf): ProtectedBuffer {
  return buffer.priv as ProtectedBuffer;
}
