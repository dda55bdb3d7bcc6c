import type { Errno } from "../../spec/errno.ts";
import { EAGAIN, EFAULT, EOPNOTSUPP } from "../../spec/errno.ts";
import type { Env, Mutex, PageTable } from "../../spec/roles/env.ts";
import type { MirrorRequest, Notifier, RangeNotice, Vma } from "../../spec/roles/spaces.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";

const rounds = 16;

/** An entry: what the device is given for one page, until it is given back. */
interface Entry {
  readonly vma: Vma;
  readonly offset: number;
  readonly addresses: readonly number[];
  readonly write: boolean;
}

/**
 * A range of a process's memory as a list of DMA addresses, and of nothing else: peer memory that a VMA shows (RFC of
 * January 2019, `p2p_map`). It is mapped as it is looked up, and taken down when the notifier says so.
 */
export class DmaOnlyList {
  private readonly env: Env;
  private readonly request: MirrorRequest;
  private readonly table: PageTable;
  /** Taken by the callback, and for the last look before an entry is made. */
  private readonly lock: Mutex;
  private readonly entries = new Map<number, Entry>();
  private notifier: Notifier | null = null;
  private closed = false;
  private users = 0;

  private constructor(env: Env, request: MirrorRequest, number: number) {
    this.env = env;
    this.request = request;
    this.table = env.createPageTable();
    this.lock = env.createMutex("dma_only_list", `list${number}`);
  }

  /** Only with an interval notifier: without one nobody would keep the VMA for the unmap. */
  static *create(
    env: Env,
    request: MirrorRequest,
    number: number,
  ): Generator<Suspension, DmaOnlyList | Errno, unknown> {
    const { space, start, pages, form } = request;
    if (form !== "interval") return EOPNOTSUPP;
    if (!env.spaceGet(space)) return EFAULT;
    const list = new DmaOnlyList(env, request, number);
    env.zap(list.table, start, pages);
    const notifier = yield* env.insertNotifier(space, start, pages, {
      invalidate: (own, notice, sequence) => list.invalidate(own, notice, sequence),
    });
    yield* env.spacePut(space);
    if (typeof notifier === "number") return notifier;
    list.notifier = notifier;
    return list;
  }

  *load(page: number, write: boolean): Generator<Suspension, Errno, unknown> {
    const { env, notifier } = this;
    const { space } = this.request;
    if (this.closed || notifier === null || !env.spaceGet(space)) return EFAULT;
    this.users += 1;
    let errno: Errno = EAGAIN;
    for (let round = 0; round < rounds && errno === EAGAIN; round += 1) {
      const sequence = yield* env.readBegin(notifier);
      yield* env.lockMutex(space.lock);
      errno = yield* this.loadHeld(notifier, sequence, page, write);
      yield* env.unlockMutex(space.lock);
    }
    this.users -= 1;
    yield* env.spacePut(space);
    return errno;
  }

  /** A copy by the CPU is for ordinary pages. */
  *copy(page: number): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    const { space } = this.request;
    if (this.closed || !env.spaceGet(space)) return EFAULT;
    this.users += 1;
    yield* env.lockMutex(space.lock);
    const errno = yield* this.copyHeld(page);
    yield* env.unlockMutex(space.lock);
    this.users -= 1;
    yield* env.spacePut(space);
    return errno;
  }

  *destroy(): Generator<Suspension, void, unknown> {
    const { env, notifier } = this;
    yield* env.lockMutex(this.lock);
    this.closed = true;
    yield* env.unlockMutex(this.lock);
    yield* env.wait({ kind: "other", what: "users of the list" }, () => this.users === 0);
    yield* env.lockMutex(this.lock);
    yield* this.dropRange(this.request.start, this.request.pages);
    yield* env.unlockMutex(this.lock);
    this.notifier = null;
    if (notifier !== null) yield* env.removeNotifier(notifier);
  }

  /** The VMA outlives the map, as the lock of the space is held. */
  private *loadHeld(
    notifier: Notifier,
    sequence: number,
    page: number,
    write: boolean,
  ): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    const { device, space } = this.request;
    const vma = env.findVma(space, page);
    if (vma === null) return EFAULT;
    if (vma.kind !== "peer") return EOPNOTSUPP;
    const known = this.entries.get(page);
    if (known !== undefined && (known.write || !write)) return 0;
    const offset = page - vma.start;
    const addresses = yield* env.p2pMap(vma, device, offset, 1, write, notifier);
    if (typeof addresses === "number") return addresses;
    const entry = { vma, offset, addresses, write };
    yield* env.lockMutex(this.lock);
    const errno = this.closed ? EFAULT : env.readRetry(notifier, sequence) ? EAGAIN : 0;
    const old = errno === 0 ? this.entries.get(page) : entry;
    if (errno === 0) {
      this.entries.set(page, entry);
      env.install(this.table, page, { via: "address", device, address: addresses[0]! }, write);
    }
    yield* env.unlockMutex(this.lock);
    if (old !== undefined) yield* this.giveBack(old);
    return errno;
  }

  private *copyHeld(page: number): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    const { space } = this.request;
    if (env.findVma(space, page)?.kind === "peer") return EOPNOTSUPP;
    const found = yield* env.rangeFault(space, null, {
      start: page,
      pages: 1,
      write: false,
      demand: false,
      sequence: 0,
    });
    if (typeof found === "number") return found;
    const [entry] = found;
    if (entry === null || entry === undefined) return EFAULT;
    env.cpuTouch({ via: "page", page: entry.page });
    return 0;
  }

  private *invalidate(
    notifier: Notifier,
    notice: RangeNotice,
    sequence: number,
  ): Generator<Suspension, boolean, unknown> {
    const { env } = this;
    if (notice.blockable) yield* env.lockMutex(this.lock);
    else if (!env.trylockMutex(this.lock)) return false;
    env.setSequence(notifier, sequence);
    if (notice.change === "release") this.closed = true;
    yield* this.dropRange(notice.start, notice.pages);
    yield* env.unlockMutex(this.lock);
    return true;
  }

  /** Lock held. */
  private *dropRange(start: number, pages: number): Generator<Suspension, void, unknown> {
    for (const [page, entry] of this.entries) {
      if (page < start || page >= start + pages) continue;
      this.entries.delete(page);
      this.env.zap(this.table, page, 1);
      yield* this.giveBack(entry);
    }
  }

  private *giveBack({ vma, offset, addresses }: Entry): Generator<Suspension, void, unknown> {
    yield* this.env.p2pUnmap(vma, this.request.device, offset, 1, addresses);
  }
}
