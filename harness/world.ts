import { EINTR, type Errno } from "../spec/errno.ts";
import type { WaitFor } from "../spec/event.ts";
import type { DeviceSetup, Setup } from "../spec/program.ts";
import type { Profile } from "../spec/profile.ts";
import {
  describesPlatform,
  traitsOf,
  treeOf,
  waysUp,
  type DeviceFacts,
  type DeviceTraits,
  type Platform,
} from "../spec/platform.ts";
import type { DmaAttributes } from "../spec/roles/dma.ts";
import type { AccessKind, RequestKind } from "../spec/roles/env.ts";
import type { Framework } from "../spec/roles/framework.ts";
import type {
  Attachment,
  Device,
  Direction,
  DmaBuf,
  FenceCallback,
  ImporterOps,
  Poller,
  Segment,
  SgTable,
} from "../spec/roles/handles.ts";
import type { Suspension, Wait, WaitReason } from "../spec/roles/suspendable.ts";
import type { State } from "../spec/state/state.ts";
import type { Chooser } from "./chooser.ts";
import { Caches } from "./machine/caches.ts";
import { JobQueue } from "./machine/jobs.ts";
import { MemoryPool } from "./machine/memory.ts";
import { PageTables } from "./machine/page-tables.ts";
import { Translations } from "./machine/translations.ts";
import { UserPages } from "./machine/user-pages.ts";
import { Names } from "./names.ts";
import { Recorder, type Sink } from "./recorder.ts";
import { Scheduler, type SchedulerHooks } from "./scheduler.ts";

/** A mapping the importer side knows: which attachment, which table object, under which name. */
export interface LiveMapping {
  readonly name: string;
  readonly attachment: Attachment;
  readonly table: SgTable;
  readonly direction: Direction;
  /** The segments as map returned them, to see whether they were changed. */
  readonly original: readonly Segment[];
}

/** A device; its masks are its driver's to set. */
interface HarnessDevice extends Omit<Device, "dmaMask"> {
  dmaMask: number;
  coherentMask: number;
}

function platformOf(setup: Setup): Platform {
  const { cpuGood, peerSupport, bridges } = treeOf(setup);
  return {
    cpuGood,
    peerSupport,
    bridges: Object.fromEntries(bridges.map((bridge) => [bridge.name, bridge])),
    devices: Object.fromEntries(setup.devices.map((device) => [device.name, factsOf(device)])),
    exporters: Object.fromEntries(setup.exporters.map(({ name, device }) => [name, device])),
  };
}

function factsOf(device: DeviceSetup): DeviceFacts {
  const traits = traitsOf(device);
  return { ...traits, dmaMask: maskOf(traits, device.dmaBits), maxSegment: device.maxSegment };
}

function maskOf({ mask }: DeviceTraits, dmaBits: number): number {
  switch (mask) {
    case "set":
      return 2 ** dmaBits - 1;
    case "default":
      return 2 ** 32 - 1;
    case "none":
      return 0;
  }
}

/** Module of an exporter's or fence owner's code. */
export interface OwnerModule {
  readonly name: string;
  uses: number;
  unloaded: boolean;
}

/** What most preemption points come to. One for all: a generator for each of them would cost more than what it does. */
const passed: Iterable<Suspension, void, unknown> & Iterator<Suspension, void, unknown> = {
  [Symbol.iterator]: () => passed,
  next: () => over,
};
const over: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** Whether the importer changed the table while it had it. */
export function isAltered({ original, table: { segments } }: LiveMapping): boolean {
  if (segments.length !== original.length) return true;
  return segments.some(
    ({ address, length }, at) => address !== original[at]!.address || length !== original[at]!.length,
  );
}

/** Everything one run shares: scheduler, history, names, machine. Made fresh for every program. */
export class World {
  readonly setup: Setup;
  readonly profile: Profile;
  readonly scheduler: Scheduler;
  readonly recorder: Recorder;
  readonly names = new Names();
  /** The set-up says something about the platform: then the history does as well. */
  readonly described: boolean;
  readonly platform: Platform;
  /** Devices whose BAR was made known to peers for an exporter that uses the short way. */
  readonly initialised = new Set<string>();
  /** What the short way mapped, by device and address. */
  readonly short = new Map<
    string,
    { readonly bus: boolean; readonly direction: Direction; readonly attributes: DmaAttributes }[]
  >();
  readonly memory: MemoryPool = new MemoryPool(this);
  readonly translations: Translations = new Translations(this);
  readonly jobs: JobQueue = new JobQueue(this);
  readonly caches: Caches = new Caches();
  readonly mmu: UserPages = new UserPages(this);
  readonly devices = new Map<string, HarnessDevice>();
  readonly pageTables: PageTables = new PageTables(this);
  readonly owners = new Map<string, OwnerModule>();
  /** Live mappings by table object; more than one where a table was handed out twice. */
  readonly mappings = new Map<SgTable, LiveMapping[]>();
  readonly mappingsByName = new Map<string, LiveMapping>();
  /** The ops each attachment was made with, and what they said then. */
  readonly importerOps = new WeakMap<Attachment, { readonly ops: ImporterOps | null; readonly said: string }>();
  /** Recorded form of each fence callback handed in. */
  readonly callbacks = new Map<FenceCallback, FenceCallback>();
  /** The last mapping each table stood for, live or not. */
  readonly lastMapping = new Map<SgTable, string>();
  private readonly tableNames = new Map<SgTable, string>();
  /** Exporter devices whose memory is off. */
  readonly memoryOff = new Set<string>();
  /** Attachments whose importer device was stopped. */
  readonly stopped = new Set<object>();
  /** Numbers of the descriptor table that are taken. */
  readonly descriptors = new Set<number>();
  /** Pollers as the framework has them. */
  readonly pollers = new Map<Poller, Poller>();
  /** Buffer of each kernel address that vmap filled in. */
  readonly viewOf = new Map<object, DmaBuf>();
  /** Exporter of each buffer object. */
  readonly exporterOf = new Map<object, string>();
  /** The framework's own methods, not recorded. */
  framework!: Framework;
  /** Read-only view of the folded state; the judge owns it. */
  readonly state: () => State;

  constructor(
    setup: Setup,
    profile: Profile,
    chooser: Chooser,
    hooks: SchedulerHooks,
    sink: Sink | null,
    state: () => State,
  ) {
    this.setup = setup;
    this.profile = profile;
    this.scheduler = new Scheduler(chooser, hooks);
    this.recorder = new Recorder(this.scheduler, sink);
    this.state = state;
    this.described = describesPlatform(setup);
    this.platform = platformOf(setup);
    for (const { name, maxSegment } of setup.devices) {
      const traits = this.platform.devices[name]!;
      const upstream = waysUp(this.platform.bridges, traits.bus).ports.map((port) => port.name);
      const { dmaMask } = traits;
      const device = { name, dmaMask, coherentMask: dmaMask, maxSegment, traits, upstream };
      this.devices.set(name, device);
      this.names.bind(device, name);
    }
  }

  /** Says in the history what the set-up says of the platform. */
  tellPlatform(): void {
    if (!this.described) return;
    const { cpuGood, peerSupport, bridges } = treeOf(this.setup);
    const devices = Object.entries(this.platform.devices).map(([name, facts]) => ({ name, ...facts }));
    const exporters = this.setup.exporters.map(({ name, device }) => ({ name, device }));
    this.recorder.emit({ kind: "platform", cpuGood, peerSupport, bridges, devices, exporters });
  }

  setMask(device: Device, which: "streaming" | "coherent", mask: number): void {
    const own = this.devices.get(device.name)!;
    if (which === "streaming") own.dmaMask = mask;
    else own.coherentMask = mask;
  }

  /** A preemption point, passed or paused at here and now: `yield*` it at once. */
  at(site: string): Iterable<Suspension, void, unknown> {
    return this.scheduler.pauses(site) ? [site] : passed;
  }

  /** The errno injected at this passage of `site`, 0 for none. */
  failure(site: string): Errno {
    const task = this.scheduler.current;
    const step = task.stepId;
    if (step === null || this.scheduler.draining || !this.scheduler.chooser.counts(step)) return 0;
    return this.scheduler.chooser.fail(step, site, task.pass(`!${site}`));
  }

  /** Blocks the current task; see `Kernel.wait`. */
  *wait(reason: WaitReason, ready: () => boolean, interruptible: boolean): Generator<Suspension, Errno, unknown> {
    const task = this.scheduler.current;
    if (ready()) return 0;
    const injected = interruptible ? this.failure("wait") : 0;
    if (injected !== 0) return injected;
    const description = this.describe(reason);
    task.blocks += 1;
    this.recorder.emit({ kind: "blocked", wait: description, interruptible });
    const wait: Wait = { reason, ready, interruptible };
    if (!(interruptible && task.interrupted)) yield wait;
    const errno = ready() ? 0 : EINTR;
    if (errno !== 0) task.interrupted = false;
    this.recorder.emit({ kind: "resumed", wait: description, errno });
    return errno;
  }

  /** Names what a wait is for. */
  describe(reason: WaitReason): WaitFor {
    const task = this.scheduler.current;
    switch (reason.kind) {
      case "lock":
        return {
          kind: "lock",
          ...(task.request ?? {
            lock: this.names.of(reason.lock, "reservation", task.stepId),
            lockClass: "reservation",
            form: "plain",
            acquire: null,
            by: "framework",
          }),
        };
      case "fence":
        return { kind: "fence", fence: this.names.of(reason.fence, "fence", task.stepId) };
      case "unmapped":
        return { kind: "unmapped", buffer: this.names.of(reason.buffer, "buffer", task.stepId) };
      case "other":
        return reason;
    }
  }

  /** The device of an importer touches a byte of a mapping; see `Machine.access`. */
  access(
    by: string,
    attachment: Attachment,
    table: SgTable,
    kind: AccessKind,
    offset: number,
    request?: RequestKind,
  ): "ok" | "fault" {
    const step = this.scheduler.current.stepId;
    let rest = offset;
    let address = -1;
    for (const segment of table.segments) {
      if (rest < segment.length) {
        address = segment.address + rest;
        break;
      }
      rest -= segment.length;
    }
    const stopped = this.stopped.has(attachment);
    const target = stopped || address < 0 ? null : this.translations.resolve(attachment.device, address);
    const off =
      target?.storage.placement === "device" && this.memoryOff.has(this.exporterOf.get(attachment.buffer) ?? "");
    // A table that was handed out twice: the newest mapping may be used if any may.
    const live = this.mappings.get(table)?.findLast((mapping) => mapping.attachment === attachment);
    const answer = target === null || off ? "fault" : "ok";
    const place = answer === "ok" ? target : null;
    const seen = place === null || kind === "write" ? null : this.caches.deviceRead(attachment.device, place);
    const seq = this.recorder.emit({
      kind: "access",
      importer: by,
      attachment: this.names.of(attachment, "attachment", step),
      mapping: live?.name ?? this.lastMapping.get(table) ?? null,
      job: this.jobs.running?.name ?? null,
      access: kind,
      address,
      answer,
      storage: target?.storage.id ?? null,
      ...(request !== undefined && this.described && { request }),
      seen,
    });
    if (place !== null && kind === "write") this.caches.deviceWrite(attachment.device, place, seq);
    return answer;
  }

  /** The module behind an exporter. */
  owner(exporter: string): OwnerModule {
    let owner = this.owners.get(exporter);
    if (owner === undefined) {
      owner = { name: exporter, uses: 0, unloaded: false };
      this.owners.set(exporter, owner);
    }
    return owner;
  }

  /** Remembers what a map returned. */
  addMapping(name: string, attachment: Attachment, table: SgTable, direction: Direction): void {
    const mapping = {
      name,
      attachment,
      table,
      direction,
      original: table.segments.map(({ address, length }) => ({ address, length })),
    };
    const known = this.mappings.get(table);
    if (known === undefined) this.mappings.set(table, [mapping]);
    else known.push(mapping);
    this.mappingsByName.set(name, mapping);
    this.lastMapping.set(table, name);
  }

  /** Whether somebody is just about to unmap it: it is taken, and the call has not begun. */
  isTaken(mapping: LiveMapping): boolean {
    const live = this.state().mappings.get(mapping.name)?.live === true;
    return live && this.mappings.get(mapping.table)?.includes(mapping) !== true;
  }

  /** The oldest live mapping that an unmap of this table ends: one of that direction if there is any. */
  takeMapping(attachment: Attachment | null, table: SgTable, direction: Direction): LiveMapping | undefined {
    const known = this.mappings.get(table);
    const own = known?.filter((mapping) => mapping.attachment === attachment) ?? [];
    const taken = own.find((mapping) => mapping.direction === direction) ?? own[0];
    if (taken !== undefined) known!.splice(known!.indexOf(taken), 1);
    return taken;
  }

  /** Identity of a table object at the exporter's hooks. */
  tableName(table: SgTable): string {
    let name = this.tableNames.get(table);
    if (name === undefined) {
      name = this.names.next("table", this.scheduler.current.stepId);
      this.tableNames.set(table, name);
    }
    return name;
  }

  /** What a change of storage counts as, from the driver operation it happens in. */
  changeUnderWay(buffer: string): "export" | "move" | "revoke" | "unrevoke" {
    // The first storage of a buffer is no change.
    if ((this.state().buffers.get(buffer)?.storage ?? null) === null) return "export";
    const task = this.state().tasks.get(this.scheduler.current.name);
    for (const frame of task?.frames.toReversed() ?? []) {
      if (frame.kind !== "call") continue;
      switch (frame.op) {
        case "export":
          return "export";
        case "revoke":
        case "revokeForever":
        case "closeDevice":
          return "revoke";
        case "unrevoke":
          return "unrevoke";
        case "reset":
          return "revoke";
        case "setMemory":
          return frame.on ? "unrevoke" : "revoke";
        default:
          break;
      }
    }
    return "move";
  }
}
