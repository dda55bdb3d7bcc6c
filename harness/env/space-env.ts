import type { CallArgs } from "../../spec/calls.ts";
import type { Errno } from "../../spec/errno.ts";
import type { Device, DmaBuf } from "../../spec/roles/handles.ts";
import type {
  AddressSpace,
  FoundPage,
  IntervalOps,
  MmPage,
  Notifier,
  RangeChange,
  RangeFaultRequest,
  RangeOps,
  SpaceFramework,
  Vma,
  VmaHooks,
  VmaKind,
} from "../../spec/roles/spaces.ts";
import type { Suspendable, Suspension } from "../../spec/roles/suspendable.ts";
import { HarnessFault } from "../fault.ts";
import { settle } from "../settle.ts";
import { ReservationEnv } from "./reservation-env.ts";
import { recordIntervalOps, recordRangeOps } from "./space-hooks.ts";

/** Calls on address spaces that answer nothing but that they are done. */
type PlainCall =
  "destroyVma" | "exitSpace" | "spacePut" | "removeNotifier" | "unregisterNotifier" | "putNotifier" | "setDirty";

const rangeCallbacks = ["start", "end", "release", "flush", "free"] as const;

/** The half of `Env` about address spaces: every call and return recorded. */
export class SpaceEnv extends ReservationEnv {
  createSpace(): AddressSpace {
    const { world, by } = this;
    const space = world.names.next("space", world.scheduler.current.stepId);
    const call = world.recorder.emit({ kind: "call", op: "createSpace", by, space });
    const made = this.spaces.createSpace();
    world.names.bind(made, space);
    world.recorder.emit({ kind: "ret", op: "createSpace", by, call, errno: 0, space, lock: made.lock.name });
    return made;
  }

  createVma(
    space: AddressSpace,
    start: number,
    pages: number,
    kind: VmaKind,
    buffer: DmaBuf | null,
    hooks: VmaHooks | null,
  ): Vma {
    const { world, by } = this;
    const vma = world.names.next("vma", world.scheduler.current.stepId);
    const shown = buffer === null ? null : this.bufferName(buffer);
    const args = { space: this.addressSpaceName(space), vma, start, pages, vmaKind: kind, buffer: shown };
    const call = world.recorder.emit({ kind: "call", op: "createVma", by, ...args });
    const made = this.spaces.createVma(space, start, pages, kind, buffer, hooks);
    world.names.bind(made, vma);
    world.recorder.emit({ kind: "ret", op: "createVma", by, call, errno: 0, ...args });
    return made;
  }

  *destroyVma(vma: Vma): Generator<Suspension, void, unknown> {
    yield* this.plain("destroyVma", { vma: this.vmaName(vma) }, () => this.spaces.destroyVma(vma));
  }

  *vmaFault(vma: Vma, page: number): Generator<Suspension, Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { vma: this.vmaName(vma), page };
    const call = world.recorder.emit({ kind: "call", op: "vmaFault", by, ...args });
    const errno = yield* settle(this.spaces.vmaFault(vma, page), "vmaFault");
    world.recorder.emit({ kind: "ret", op: "vmaFault", by, call, errno, ...args });
    return errno;
  }

  *changeRange(
    space: AddressSpace,
    start: number,
    pages: number,
    change: RangeChange,
    owner: string | null,
    blockable: boolean,
  ): Generator<Suspension, Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { space: this.addressSpaceName(space), start, pages, change, owner, blockable };
    const call = world.recorder.emit({ kind: "call", op: "changeRange", by, ...args });
    const changed = this.spaces.changeRange(space, start, pages, change, owner, blockable);
    const errno = yield* settle(changed, "changeRange");
    world.recorder.emit({ kind: "ret", op: "changeRange", by, call, errno, ...args });
    return errno;
  }

  /** Not recorded: the callbacks that it leads to are. */
  *zapVma(vma: Vma): Generator<Suspension, void, unknown> {
    this.begun();
    yield* settle(this.spaces.zapVma(vma), "zapVma");
  }

  *exitSpace(space: AddressSpace): Generator<Suspension, void, unknown> {
    yield* this.plain("exitSpace", { space: this.addressSpaceName(space) }, () => this.spaces.exitSpace(space));
  }

  spaceGet(space: AddressSpace): boolean {
    const { world, by } = this;
    const args = { space: this.addressSpaceName(space) };
    const call = world.recorder.emit({ kind: "call", op: "spaceGet", by, ...args });
    const answer = this.spaces.spaceGet(space);
    world.recorder.emit({ kind: "ret", op: "spaceGet", by, call, errno: 0, ...args, answer });
    return answer;
  }

  *spacePut(space: AddressSpace): Generator<Suspension, void, unknown> {
    yield* this.world.at("space-put");
    yield* this.plain("spacePut", { space: this.addressSpaceName(space) }, () => this.spaces.spacePut(space));
  }

  findVma(space: AddressSpace, page: number): Vma | null {
    return this.spaces.findVma(space, page);
  }

  *insertNotifier(
    space: AddressSpace,
    start: number,
    pages: number,
    ops: IntervalOps,
  ): Generator<Suspension, Notifier | Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const notifier = world.names.next("notifier", world.scheduler.current.stepId);
    const twoPass = ops.invalidateStart !== undefined;
    const args = { space: this.addressSpaceName(space), notifier, start, pages, twoPass };
    yield* world.at("insert");
    const call = world.recorder.emit({ kind: "call", op: "insertNotifier", by, ...args });
    const inserted = this.spaces.insertNotifier(space, start, pages, recordIntervalOps(world, by, notifier, ops));
    const result = yield* settle(inserted, "insertNotifier");
    const errno = typeof result === "number" ? result : 0;
    if (typeof result !== "number") world.names.bind(result, notifier);
    world.recorder.emit({ kind: "ret", op: "insertNotifier", by, call, errno, ...args });
    return result;
  }

  *removeNotifier(notifier: Notifier): Generator<Suspension, void, unknown> {
    const args = { notifier: this.notifierName(notifier) };
    yield* this.plain("removeNotifier", args, () => this.spaces.removeNotifier(notifier));
  }

  *registerNotifier(
    space: AddressSpace,
    ops: RangeOps,
    shared: boolean,
  ): Generator<Suspension, Notifier | Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const notifier = world.names.next("notifier", world.scheduler.current.stepId);
    const offered: string[] = rangeCallbacks.filter((name) => ops[name] !== undefined);
    if (ops.refuses === true) offered.push("refuses");
    const args = { space: this.addressSpaceName(space), notifier, ops: offered, shared };
    yield* world.at("insert");
    const call = world.recorder.emit({ kind: "call", op: "registerNotifier", by, ...args });
    const registered = this.spaces.registerNotifier(space, recordRangeOps(world, by, notifier, ops), shared);
    const result = yield* settle(registered, "registerNotifier");
    const errno = typeof result === "number" ? result : 0;
    if (typeof result !== "number") world.names.bind(result, notifier);
    world.recorder.emit({ kind: "ret", op: "registerNotifier", by, call, errno, ...args });
    return result;
  }

  *unregisterNotifier(notifier: Notifier): Generator<Suspension, void, unknown> {
    const args = { notifier: this.notifierName(notifier) };
    yield* this.plain("unregisterNotifier", args, () => this.spaces.unregisterNotifier(notifier));
  }

  *putNotifier(notifier: Notifier): Generator<Suspension, void, unknown> {
    const args = { notifier: this.notifierName(notifier) };
    yield* this.plain("putNotifier", args, () => this.spaces.putNotifier(notifier));
  }

  *readBegin(notifier: Notifier): Generator<Suspension, number, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { notifier: this.notifierName(notifier) };
    yield* world.at("read-begin");
    const call = world.recorder.emit({ kind: "call", op: "readBegin", by, ...args });
    const sequence = yield* settle(this.spaces.readBegin(notifier), "readBegin");
    world.recorder.emit({ kind: "ret", op: "readBegin", by, call, errno: 0, ...args, sequence });
    return sequence;
  }

  readRetry(notifier: Notifier, sequence: number): boolean {
    const { world, by } = this;
    const args = { notifier: this.notifierName(notifier), sequence };
    const call = world.recorder.emit({ kind: "call", op: "readRetry", by, ...args });
    const answer = this.spaces.readRetry(notifier, sequence);
    world.recorder.emit({ kind: "ret", op: "readRetry", by, call, errno: 0, ...args, answer });
    return answer;
  }

  setSequence(notifier: Notifier, sequence: number): void {
    const { world, by } = this;
    const args = { notifier: this.notifierName(notifier), sequence };
    const call = world.recorder.emit({ kind: "call", op: "setSequence", by, ...args });
    this.spaces.setSequence(notifier, sequence);
    world.recorder.emit({ kind: "ret", op: "setSequence", by, call, errno: 0, ...args });
  }

  *rangeFault(
    space: AddressSpace,
    notifier: Notifier | null,
    request: RangeFaultRequest,
  ): Generator<Suspension, readonly (FoundPage | null)[] | Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const { start, pages, write, demand } = request;
    const listener = notifier === null ? null : this.notifierName(notifier);
    const args = { space: this.addressSpaceName(space), notifier: listener, start, pages, write, demand };
    const call = world.recorder.emit({ kind: "call", op: "rangeFault", by, ...args });
    const result = yield* settle(this.spaces.rangeFault(space, notifier, request), "rangeFault");
    const [errno, list] = typeof result === "number" ? [result, []] : [0, result];
    const found = list.map((entry) => entry?.page.id ?? "error");
    const writable = list.map((entry) => entry?.write === true);
    world.recorder.emit({ kind: "ret", op: "rangeFault", by, call, errno, ...args, found, writable });
    yield* world.at("looked-up");
    return result;
  }

  *setDirty(page: MmPage): Generator<Suspension, void, unknown> {
    yield* this.plain("setDirty", { target: page.id }, () => this.spaces.setDirty(page));
  }

  *p2pMap(
    vma: Vma,
    device: Device,
    start: number,
    pages: number,
    write: boolean,
    notifier: Notifier | null,
  ): Generator<Suspension, readonly number[] | Errno, unknown> {
    this.begun();
    const { world, by } = this;
    const listener = notifier === null ? null : this.notifierName(notifier);
    const args = { vma: this.vmaName(vma), device: device.name, start, pages, write, notifier: listener };
    const call = world.recorder.emit({ kind: "call", op: "p2pMap", by, ...args });
    const result = yield* settle(this.spaces.p2pMap(vma, device, start, pages, write, notifier), "p2pMap");
    const [errno, addresses] = typeof result === "number" ? [result, []] : [0, result];
    const first = addresses[0];
    const storage = first === undefined ? null : (world.translations.resolve(device, first)?.storage.id ?? null);
    world.recorder.emit({ kind: "ret", op: "p2pMap", by, call, errno, ...args, addresses, storage });
    yield* world.at("looked-up");
    return result;
  }

  *p2pUnmap(
    vma: Vma,
    device: Device,
    start: number,
    pages: number,
    addresses: readonly number[],
  ): Generator<Suspension, void, unknown> {
    this.begun();
    const { world, by } = this;
    const args = { vma: this.vmaName(vma), device: device.name, start, pages, addresses };
    const call = world.recorder.emit({ kind: "call", op: "p2pUnmap", by, ...args });
    yield* settle(this.spaces.p2pUnmap(vma, device, start, pages, addresses), "p2pUnmap");
    world.recorder.emit({ kind: "ret", op: "p2pUnmap", by, call, errno: 0, ...args });
  }

  protected get spaces(): SpaceFramework {
    const { spaces } = this.world.framework;
    if (spaces === undefined)
      throw new HarnessFault("the program has an address space, and the framework has no part for them");
    return spaces;
  }

  private *plain<K extends PlainCall>(
    op: K,
    args: CallArgs[K],
    body: () => Suspendable<void>,
  ): Generator<Suspension, void, unknown> {
    this.begun();
    const { recorder } = this.world;
    const event = { op, by: this.by, ...args };
    const call = recorder.emit({ kind: "call", ...event } as unknown as Parameters<typeof recorder.emit>[0]);
    yield* settle(body(), op);
    recorder.emit({ kind: "ret", call, errno: 0, ...event } as unknown as Parameters<typeof recorder.emit>[0]);
  }

  protected addressSpaceName(space: AddressSpace): string {
    return this.world.names.of(space, "space", this.world.scheduler.current.stepId);
  }

  protected vmaName(vma: Vma): string {
    return this.world.names.of(vma, "vma", this.world.scheduler.current.stepId);
  }

  protected notifierName(notifier: Notifier): string {
    return this.world.names.of(notifier, "notifier", this.world.scheduler.current.stepId);
  }
}
