import type { Errno } from "../../spec/errno.ts";
import { EINTR, EINVAL, EIO, ENODEV, EOPNOTSUPP, ERESTARTSYS } from "../../spec/errno.ts";
import type { AccessKind, Env, Mutex } from "../../spec/roles/env.ts";
import type { Device, Direction, DmaBuf, Fence, IosysMap, UserMapping } from "../../spec/roles/handles.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import type { Importer, JobUse } from "../../spec/roles/importer.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { allows } from "./direction.ts";

/** Longest wait there is (`MAX_SCHEDULE_TIMEOUT`). */
const unbounded = Number.MAX_SAFE_INTEGER;

/** A buffer that the CPU works on. */
export class CpuImport {
  readonly buffer: DmaBuf;
  readonly direction: Direction;
  /** The kernel's own address, where the exporter gives one. */
  readonly map: IosysMap = { address: null, isIomem: false };
  /** The user's mapping that was made through this driver, where the exporter allows it. */
  mapping: UserMapping | null = null;
  live = true;
  /** Calls that are using it and have to end before it goes. */
  users = 0;

  constructor(buffer: DmaBuf, direction: Direction) {
    this.buffer = buffer;
    this.direction = direction;
  }
}

/**
 * An importer whose pixels go through the CPU, as a display behind USB (`drivers/gpu/drm/gud/gud_pipe.c`), and that lets its
 * user map what it imported (`drm_gem_prime_mmap`). Without DMA it needs no attachment. A scan of its engine, asked for by
 * a speculative read, is explicit work that no bracket waits for.
 */
export class CpuImporter implements Importer {
  protected readonly env: Env;
  /** Keeps scans and what the CPU does apart. Taken before a reservation lock. */
  protected readonly mutex: Mutex;
  /** Scans that may be under way. */
  protected readonly scans = new Map<DmaBuf, Fence[]>();

  constructor(env: Env) {
    this.env = env;
    this.mutex = env.createMutex("cpuImporter", "engine");
  }

  *import(buffer: DmaBuf, _device: Device, direction: Direction): Generator<Suspension, CpuImport | Errno, unknown> {
    if (direction === "none") return EINVAL;
    yield* this.env.getRef(buffer);
    const imported = new CpuImport(buffer, direction);
    const vmapped = yield* this.mapForKernel(imported);
    const mmapped = yield* this.mapForUser(imported);
    if (vmapped === 0 || mmapped === 0) return imported;
    yield* this.env.put(buffer);
    return vmapped;
  }

  *submit(uses: readonly JobUse[]): Generator<Suspension, Errno, unknown> {
    for (const use of uses) {
      if (!(use.import instanceof CpuImport)) return EINVAL;
      if (!use.import.live) return ENODEV;
      if (!allows(use.import.direction, use.kind)) return EINVAL;
      // The engine scans one buffer at a time.
      if (use.kind === "speculativeRead" && uses.length > 1) return EOPNOTSUPP;
    }
    let errno = 0;
    for (const use of uses) {
      const imported = use.import as CpuImport;
      imported.users += 1;
      yield* this.env.lockMutex(this.mutex);
      const own = use.kind === "speculativeRead" ? yield* this.scan(imported) : yield* this.touch(imported, use.kind);
      yield* this.env.unlockMutex(this.mutex);
      imported.users -= 1;
      errno ||= own;
    }
    return errno;
  }

  *release(imported: CpuImport): Generator<Suspension, void, unknown> {
    if (!imported.live) return;
    imported.live = false;
    yield* this.env.wait({ kind: "other", what: "users of the import" }, () => imported.users === 0);
    yield* this.unmap(imported);
    yield* this.env.put(imported.buffer);
  }

  protected *mapForKernel(imported: CpuImport): Generator<Suspension, Errno, unknown> {
    return yield* this.env.vmapUnlocked(imported.buffer, imported.map);
  }

  protected *mapForUser(imported: CpuImport): Generator<Suspension, Errno, unknown> {
    const pages = Math.floor(imported.buffer.size / pageSize);
    if (pages === 0) return EINVAL;
    const mapping: UserMapping = { pages, shared: true, start: 0, file: null, fault: null };
    const errno = yield* this.env.mmap(imported.buffer, mapping, 0);
    if (errno === 0) imported.mapping = mapping;
    return errno;
  }

  protected *unmap(imported: CpuImport): Generator<Suspension, void, unknown> {
    if (imported.mapping !== null) yield* this.env.munmap(imported.mapping);
    if (imported.map.address !== null) yield* this.vunmap(imported);
  }

  /** In the caller's own hold of the lock, as whoever has more to do under it. */
  protected *vunmap({ buffer, map }: CpuImport): Generator<Suspension, void, unknown> {
    yield* this.env.lock(buffer.resv);
    yield* this.env.vunmap(buffer, map);
    yield* this.env.unlock(buffer.resv);
  }

  /** One bracket: what the CPU does lies inside, after the work that brackets do not know of. */
  protected *touch(imported: CpuImport, kind: AccessKind): Generator<Suspension, Errno, unknown> {
    const { buffer } = imported;
    const direction: Direction = kind === "write" ? "toDevice" : "fromDevice";
    const access = kind === "write" ? "write" : "read";
    const errno = (yield* this.waitForScans(buffer)) || (yield* this.env.beginCpu(buffer, direction));
    if (errno !== 0) return errno === ERESTARTSYS ? EINTR : errno;
    const answer = yield* this.accessAll(imported, access);
    const ended = yield* this.end(buffer, direction);
    this.env.touchUser();
    return ended === 0 ? answer : ended;
  }

  protected *accessAll(imported: CpuImport, access: "read" | "write"): Generator<Suspension, Errno, unknown> {
    const { map, mapping } = imported;
    const answers: string[] = [];
    if (map.address !== null) answers.push(yield* this.env.cpuAccess(map, access, 0, map.isIomem));
    if (mapping !== null) answers.push(yield* this.env.cpuAccess(mapping, access));
    return answers.every((answer) => answer === "ok") ? 0 : EIO;
  }

  /** An end that was interrupted is repeated; what else goes wrong cannot be mended here. */
  protected *end(buffer: DmaBuf, direction: Direction): Generator<Suspension, Errno, unknown> {
    const errno = yield* this.env.endCpu(buffer, direction);
    return errno === EINTR || errno === ERESTARTSYS ? yield* this.env.endCpu(buffer, direction) : errno;
  }

  /** Explicit work: in the object only for those who take the memory away. */
  protected *scan({ buffer }: CpuImport): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    yield* env.lock(buffer.resv);
    const errno = env.reserveFences(buffer.resv, 1);
    if (errno === 0) this.startScan(buffer);
    yield* env.unlock(buffer.resv);
    return errno;
  }

  protected startScan(buffer: DmaBuf): void {
    const { env } = this;
    // Scans end in any order: each has a timeline of its own.
    const fence = env.fenceInit({}, env.fenceContextAlloc(1), 1n);
    env.addFence(buffer.resv, fence, "bookkeep");
    const running = this.scans.get(buffer) ?? [];
    this.scans.set(buffer, [...running, fence]);
    env.startJob("scan", () => {
      env.signal(fence);
      this.scans.set(
        buffer,
        (this.scans.get(buffer) ?? []).filter((other) => other !== fence),
      );
      env.fencePut(fence);
    });
  }

  /** A scan that ends drops its fence, also while another one is waited for. */
  protected *waitForScans(buffer: DmaBuf): Generator<Suspension, Errno, unknown> {
    const fences = this.scans.get(buffer) ?? [];
    for (const fence of fences) this.env.fenceGet(fence);
    let errno: Errno = 0;
    for (const fence of fences) {
      const left = errno === 0 ? yield* this.env.waitFence(fence, true, unbounded) : 0;
      if (left < 0) errno = -left;
      this.env.fencePut(fence);
    }
    return errno;
  }
}
