import { EBUSY, ENOMEM, type Errno } from "../../spec/errno.ts";
import type { Profile } from "../../spec/profile.ts";
import type { AccessKind, Mutex, Owner, PageTable, PageTarget, RequestKind, Resource } from "../../spec/roles/env.ts";
import type {
  Attachment,
  DmaBuf,
  Fence,
  IosysMap,
  KernelAddress,
  Placement,
  SgTable,
  Storage,
  UserMapping,
} from "../../spec/roles/handles.ts";
import type { AddressSpace, MmPage } from "../../spec/roles/spaces.ts";
import type { Suspendable, Suspension, WaitReason } from "../../spec/roles/suspendable.ts";
import { settle } from "../settle.ts";
import type { Task } from "../task.ts";
import type { OwnerModule, World } from "../world.ts";

class HarnessMutex implements Mutex {
  readonly lockClass: string;
  readonly name: string;
  owner: object | null = null;

  constructor(lockClass: string, name: string) {
    this.lockClass = lockClass;
    this.name = name;
  }
}

class HarnessResource implements Resource {
  readonly what: string;
  readonly id: string;

  constructor(what: string, id: string) {
    this.what = what;
    this.id = id;
  }
}

function* deferred(world: World, name: string, work: () => Suspendable<void>): Generator<Suspension, void, unknown> {
  // A program names the site, so the words of the work become a name.
  yield* world.at(`deferred:${name.replace(/[^\w.:-]+/g, "-")}`);
  yield* settle(work(), name);
}

/** The kernel and machine half of `Env`: scheduling, failures, memory, devices. `by` names the role instance it serves. */
export class KernelEnv {
  readonly world: World;
  readonly by: string;

  constructor(world: World, by: string) {
    this.world = world;
    this.by = by;
  }

  get profile(): Profile {
    return this.world.profile;
  }

  get self(): string {
    return this.by;
  }

  currentTask(): object {
    return this.world.scheduler.current;
  }

  now(): number {
    return this.world.recorder.now;
  }

  *point(site: string): Generator<Suspension, void, unknown> {
    this.begun();
    if (this.world.scheduler.pauses(site)) yield site;
  }

  *wait(reason: WaitReason, ready: () => boolean, interruptible = false): Generator<Suspension, Errno, unknown> {
    this.begun();
    // Asked twice where it is not ready; mostly it is.
    return ready() ? 0 : yield* this.world.wait(reason, ready, interruptible);
  }

  *waitUnmapped(buffer: DmaBuf, unmapped: () => boolean): Generator<Suspension, void, unknown> {
    this.begun();
    yield* this.world.wait({ kind: "unmapped", buffer }, unmapped, false);
  }

  wakeUp(task: object): void {
    this.world.scheduler.wakeUp(task as Task);
  }

  interruptPending(): boolean {
    return this.world.scheduler.current.interrupted;
  }

  defer(name: string, work: () => Suspendable<void>): void {
    const { world } = this;
    world.scheduler.defer(name, () => deferred(world, name, work));
  }

  allocate(site: string): boolean {
    if (this.world.failure(site) === 0) return true;
    this.world.recorder.emit({ kind: "alloc", what: site, id: "", by: this.by, placement: null, errno: ENOMEM });
    return false;
  }

  failure(site: string): Errno {
    return this.world.failure(site);
  }

  warn(text: string): void {
    this.world.recorder.emit({ kind: "warn", text });
  }

  atomic<T>(body: () => T): T {
    const task = this.world.scheduler.current;
    task.atomicDepth += 1;
    try {
      return body();
    } finally {
      task.atomicDepth -= 1;
    }
  }

  touchUser(): void {
    this.world.mmu.lock(this.by);
    this.world.mmu.unlock(this.by);
  }

  takeDescriptor(): number {
    const { descriptors } = this.world;
    let number = 0;
    while (descriptors.has(number)) number += 1;
    descriptors.add(number);
    return number;
  }

  giveDescriptor(descriptor: number): void {
    this.world.descriptors.delete(descriptor);
  }

  createMutex(lockClass: string, name: string): Mutex {
    return new HarnessMutex(lockClass, `${this.by}.${name}`);
  }

  *lockMutex(mutex: Mutex): Generator<Suspension, void, unknown> {
    this.begun();
    const { world } = this;
    const task = world.scheduler.current;
    const held = mutex as HarnessMutex;
    const request = {
      lock: mutex.name,
      lockClass: mutex.lockClass,
      form: "plain",
      acquire: null,
      by: this.by,
    } as const;
    yield* world.at("mutex");
    const outer = task.request;
    task.request = request;
    const blocks = task.blocks;
    yield* world.wait({ kind: "lock", lock: mutex }, () => held.owner === null, false);
    task.request = outer;
    held.owner = task;
    world.recorder.emit({ kind: "lock", ...request, errno: 0, waited: task.blocks !== blocks });
  }

  trylockMutex(mutex: Mutex): boolean {
    const held = mutex as HarnessMutex;
    const taken = held.owner === null;
    if (taken) held.owner = this.world.scheduler.current;
    this.world.recorder.emit({
      kind: "lock",
      lock: mutex.name,
      lockClass: mutex.lockClass,
      form: "try",
      acquire: null,
      by: this.by,
      errno: taken ? 0 : EBUSY,
      waited: false,
    });
    return taken;
  }

  unlockMutex(mutex: Mutex): Generator<Suspension, void, unknown> {
    (mutex as HarnessMutex).owner = null;
    this.world.recorder.emit({ kind: "unlock", lock: mutex.name, lockClass: mutex.lockClass, by: this.by });
    return this.released("mutex-unlock");
  }

  moduleGet(owner: Owner): boolean {
    const module = owner as OwnerModule;
    if (module.unloaded) return false;
    module.uses += 1;
    return true;
  }

  modulePut(owner: Owner): void {
    (owner as OwnerModule).uses -= 1;
  }

  traceSignaled(fence: Fence, error: number): void {
    const { world } = this;
    const name = world.names.of(fence, "fence", world.scheduler.current.stepId);
    world.recorder.emit({ kind: "signal", fence: name, time: world.framework.fences.timestamp(fence), error });
  }

  traceReleased(fence: Fence): void {
    const { world } = this;
    const id = world.names.of(fence, "fence", world.scheduler.current.stepId);
    world.recorder.emit({ kind: "free", what: "fence", id, by: this.by });
  }

  traceListed(attachment: Attachment, listed: boolean): void {
    const { world } = this;
    const name = world.names.of(attachment, "attachment", world.scheduler.current.stepId);
    world.recorder.emit({ kind: "list", attachment: name, listed });
  }

  allocateStorage(size: number, placement: Placement): Storage | Errno {
    const { world, by } = this;
    const owner = placement === "system" ? undefined : world.setup.exporters.find(({ name }) => name === by);
    return world.memory.allocate(by, size, placement, owner?.device ?? null);
  }

  freeStorage(storage: Storage): void {
    this.world.memory.free(this.by, storage);
  }

  setStorage(buffer: DmaBuf, storage: Storage | null): void {
    const { world } = this;
    const name = world.names.of(buffer, "buffer", world.scheduler.current.stepId);
    world.recorder.emit({
      kind: "epoch",
      buffer: name,
      change: world.changeUnderWay(name),
      storage: storage?.id ?? null,
    });
  }

  access(attachment: Attachment, table: SgTable, kind: AccessKind, offset = 0, request?: RequestKind): "ok" | "fault" {
    return this.world.access(this.by, attachment, table, kind, offset, request);
  }

  mapForCpu(storage: Storage, offset = 0, decrypted = false): KernelAddress {
    const address = { storage, offset, decrypted };
    this.world.names.of(address, "address", this.world.scheduler.current.stepId);
    return address;
  }

  *cpuAccess(
    view: IosysMap | UserMapping,
    kind: "read" | "write",
    offset = 0,
    io = false,
  ): Generator<Suspension, "ok" | "sigbus" | "fault", unknown> {
    this.begun();
    return yield* this.world.mmu.access(this.by, view, kind, offset, io);
  }

  insertPages(
    mapping: UserMapping,
    page: number,
    count: number,
    storage: Storage,
    offset: number,
    decrypted = false,
  ): void {
    this.world.mmu.insert(mapping, { page, count, storage, offset, decrypted });
  }

  zapMappings(buffer: DmaBuf): void {
    this.world.mmu.zapAll(buffer);
  }

  stopDevice(attachment: Attachment): void {
    const { world } = this;
    world.stopped.add(attachment);
    const name = world.names.of(attachment, "attachment", world.scheduler.current.stepId);
    world.recorder.emit({ kind: "device", change: "stop", exporter: null, attachment: name, job: null });
  }

  tracePrimary(space: AddressSpace, page: number, target: MmPage | Storage | null, write: boolean): void {
    const { world, by } = this;
    const of = world.names.of(space, "space", world.scheduler.current.stepId);
    world.pageTables.setPrimary(space, page, target, write);
    const args = { space: of, page, target: target?.id ?? null, write };
    const call = world.recorder.emit({ kind: "call", op: "primaryEntry", by, ...args });
    world.recorder.emit({ kind: "ret", op: "primaryEntry", by, call, errno: 0, ...args });
  }

  allocatePage(): MmPage | null {
    return this.world.pageTables.allocatePage(this.by);
  }

  freePage(page: MmPage): void {
    this.world.recorder.emit({ kind: "free", what: "page", id: page.id, by: this.by });
  }

  createPageTable(walks?: AddressSpace): PageTable {
    return this.world.pageTables.create(this.by, walks);
  }

  stopWalking(table: PageTable): void {
    this.world.pageTables.stopWalking(table);
  }

  install(table: PageTable, page: number, target: PageTarget, write: boolean): void {
    this.world.pageTables.install(this.by, table, page, target, write);
  }

  zap(table: PageTable, start: number, pages: number): void {
    this.world.pageTables.zap(this.by, table, start, pages);
  }

  touchPage(table: PageTable, page: number, kind: AccessKind): "ok" | "fault" {
    return this.world.pageTables.touch(this.by, table, page, kind);
  }

  cpuTouch(target: PageTarget): void {
    this.world.pageTables.cpuTouch(this.by, target);
  }

  setDeviceMemory(on: boolean): void {
    const { world } = this;
    if (on) world.memoryOff.delete(this.by);
    else world.memoryOff.add(this.by);
    world.recorder.emit({
      kind: "device",
      change: on ? "memoryOn" : "memoryOff",
      exporter: this.by,
      attachment: null,
      job: null,
    });
  }

  take(what: string): Resource {
    const { world } = this;
    const resource = new HarnessResource(what, world.names.next("resource", world.scheduler.current.stepId));
    world.recorder.emit({ kind: "alloc", what, id: resource.id, by: this.by, placement: null, errno: 0 });
    return resource;
  }

  give(resource: Resource): void {
    const { what, id } = resource as HarnessResource;
    this.world.recorder.emit({ kind: "free", what, id, by: this.by });
  }

  startJob(_name: string, work: () => void, killed?: () => void): void {
    this.world.jobs.start(this.by, work, killed ?? null);
  }

  /** First thing in every blocking call: tells a call that runs from one that was made and thrown away. */
  protected begun(): void {
    this.world.scheduler.current.callsBegun += 1;
  }

  /** What an unlock returns: a preemption point for those who want one, and no call that could be forgotten. */
  protected *released(site: string): Generator<Suspension, void, unknown> {
    if (this.world.scheduler.pauses(site)) yield site;
  }
}
