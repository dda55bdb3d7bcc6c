import { EAGAIN } from "../../spec/errno.ts";
import { pageSize, type DmaBuf, type IosysMap, type Storage, type UserMapping } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { runRole } from "../env/hooks.ts";
import type { World } from "../world.ts";
import type { Place } from "./caches.ts";
import { Memory } from "./memory.ts";

/** Entries for some pages of a user mapping. */
interface Entries {
  readonly page: number;
  readonly count: number;
  readonly storage: Storage;
  readonly offset: number;
  /** With the protection of memory that is shared with a host. */
  readonly decrypted: boolean;
}

/** What a view shows at a byte. */
type Shown = Place & Pick<Entries, "decrypted">;

/** Faults that an exporter may ask to be repeated before the process gives up. */
const patience = 64;

/** The CPU's side of the machine: page tables of user mappings, and every touch of memory by the CPU. */
export class UserPages {
  private readonly world: World;
  private readonly entries = new Map<UserMapping, Entries[]>();
  /** Which buffer a mapping was made of, and by whom. */
  private readonly mapped = new Map<UserMapping, { readonly buffer: DmaBuf; readonly exporter: string }>();

  constructor(world: World) {
    this.world = world;
  }

  /** A mapping of this buffer comes into being. */
  add(mapping: UserMapping, buffer: DmaBuf): void {
    this.entries.set(mapping, []);
    this.mapped.set(mapping, { buffer, exporter: this.world.exporterOf.get(buffer) ?? "" });
  }

  /** A mapping ends, or did not come to be. */
  remove(mapping: UserMapping): void {
    this.zap(mapping);
    this.entries.delete(mapping);
    this.mapped.delete(mapping);
  }

  insert(mapping: UserMapping, entries: Entries): void {
    const known = this.entries.get(mapping);
    if (known === undefined) return;
    known.push(entries);
    const { page, count, storage, offset } = entries;
    this.emit(mapping, { on: true, page, count, storage: storage.id, offset });
  }

  /** All entries of all mappings of a buffer go. */
  zapAll(buffer: DmaBuf): void {
    for (const [mapping, of] of this.mapped) if (of.buffer === buffer) this.zap(mapping);
  }

  /** The lock of the one address space there is, as a reader: a fault and an mmap hold it, and so does a touch of user memory. */
  lock(by: string): void {
    this.world.recorder.emit({
      kind: "lock",
      lock: this.lockName(),
      lockClass: "mm",
      form: "plain",
      acquire: null,
      by,
      errno: 0,
      waited: false,
    });
  }

  unlock(by: string): void {
    this.world.recorder.emit({ kind: "unlock", lock: this.lockName(), lockClass: "mm", by });
  }

  /** The CPU touches a byte of a view. */
  *access(
    by: string,
    view: IosysMap | UserMapping,
    kind: "read" | "write",
    offset: number,
    io: boolean,
  ): Generator<Suspension, "ok" | "sigbus" | "fault", unknown> {
    const { world } = this;
    yield* world.at("cpu");
    const place = "fault" in view ? yield* this.resolve(by, view, offset) : resolveKernel(view, offset);
    const buffer = "fault" in view ? this.mapped.get(view)?.buffer : world.viewOf.get(view);
    const isOff =
      place?.storage.placement === "device" && world.memoryOff.has(world.exporterOf.get(buffer ?? {}) ?? "");
    const missing = "fault" in view ? "sigbus" : "fault";
    const answer = place === null ? missing : isOff ? "fault" : "ok";
    const touched = answer === "ok" ? place : null;
    const seq = world.recorder.emit({
      kind: "cpu",
      by,
      buffer: buffer === undefined ? "" : world.names.of(buffer, "buffer", null),
      view: this.nameOf(view),
      access: kind,
      offset: "fault" in view ? view.start * pageSize + offset : offset,
      io,
      answer,
      storage: place?.storage.id ?? null,
      storageOffset: place?.offset ?? 0,
      seen: touched !== null && kind === "read" ? world.caches.cpuRead(touched) : null,
      ...(touched !== null && isShared(touched.storage) && { decrypted: touched.decrypted }),
    });
    if (touched !== null && kind === "write") world.caches.cpuWrite(touched, seq);
    return answer;
  }

  /** Of readers there may be several at a time: each is shown with a lock of its own. */
  private lockName(): string {
    return `mm.${this.world.scheduler.current.name}`;
  }

  private zap(mapping: UserMapping): void {
    const known = this.entries.get(mapping);
    if (known === undefined || known.length === 0) return;
    known.length = 0;
    this.emit(mapping, { on: false, page: 0, count: mapping.pages, storage: null, offset: 0 });
  }

  /** Through the page table, and through the exporter's fault handler where there is no entry; null: SIGBUS. */
  private *resolve(by: string, mapping: UserMapping, offset: number): Generator<Suspension, Shown | null, unknown> {
    for (let tries = 0; tries < patience; tries += 1) {
      const known = this.lookUp(mapping, offset);
      if (known !== null) return known;
      const errno = yield* this.fault(by, mapping, Math.floor(offset / pageSize));
      if (errno !== 0 && errno !== EAGAIN) return null;
    }
    return null;
  }

  private lookUp(mapping: UserMapping, offset: number): Shown | null {
    const page = Math.floor(offset / pageSize);
    const found = this.entries.get(mapping)?.findLast((entry) => page >= entry.page && page < entry.page + entry.count);
    return found === undefined
      ? null
      : {
          storage: found.storage,
          offset: found.offset + offset - found.page * pageSize,
          decrypted: found.decrypted,
        };
  }

  private *fault(by: string, mapping: UserMapping, page: number): Generator<Suspension, number, unknown> {
    const of = this.mapped.get(mapping);
    if (of === undefined || mapping.fault === null || page >= mapping.pages) return -1;
    const { recorder } = this.world;
    const args = { buffer: this.world.names.of(of.buffer, "buffer", null), view: this.nameOf(mapping), page };
    this.lock(by);
    const cb = recorder.emit({ kind: "cb", hook: "cpuFault", to: of.exporter, ...args });
    yield* this.world.at("cb-fault");
    const errno = yield* runRole(this.world, "the exporter's fault handler", () => mapping.fault!(page));
    recorder.emit({ kind: "cbret", hook: "cpuFault", to: of.exporter, cb, errno, injected: false, ...args });
    this.unlock(by);
    return errno;
  }

  private nameOf(view: object): string {
    return this.world.names.of(view, "view", this.world.scheduler.current.stepId);
  }

  private emit(
    mapping: UserMapping,
    what: {
      readonly on: boolean;
      readonly page: number;
      readonly count: number;
      readonly storage: string | null;
      readonly offset: number;
    },
  ): void {
    const buffer = this.mapped.get(mapping)?.buffer;
    if (buffer === undefined) return;
    const name = this.world.names.of(buffer, "buffer", null);
    this.world.recorder.emit({ kind: "page", buffer: name, view: this.nameOf(mapping), ...what });
  }
}

function isShared(storage: Storage): boolean {
  return storage instanceof Memory && storage.shared;
}

function resolveKernel({ address }: IosysMap, offset: number): Shown | null {
  if (address === null || offset + address.offset >= address.storage.size) return null;
  return { storage: address.storage, offset: address.offset + offset, decrypted: address.decrypted };
}
