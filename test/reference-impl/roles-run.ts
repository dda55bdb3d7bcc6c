import type { Chooser } from "../../harness/chooser.ts";
import { execute } from "../../harness/execute.ts";
import type { System } from "../../harness/system.ts";
import { DefaultExporter } from "../../reference-impl/exporter/default-exporter.ts";
import { DynamicExporter } from "../../reference-impl/exporter/dynamic-exporter.ts";
import { StaticExporter } from "../../reference-impl/exporter/static-exporter.ts";
import { ReferenceFramework } from "../../reference-impl/framework.ts";
import { DynamicImporter } from "../../reference-impl/importers/dynamic-importer.ts";
import { PinnedImporter } from "../../reference-impl/importers/pinned-importer.ts";
import { PinnedRevocableImporter } from "../../reference-impl/importers/pinned-revocable-importer.ts";
import { StaticImporter } from "../../reference-impl/importers/static-importer.ts";
import { errnoName } from "../../spec/errno.ts";
import type { CbRetEvent, HistoryEvent } from "../../spec/event.ts";
import type { BufferSetup, Setup } from "../../spec/program.ts";
import type { Profile } from "../../spec/profile.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Placement } from "../../spec/roles/handles.ts";
import { observe } from "../../spec/state/observe.ts";
import { initialState, type State } from "../../spec/state/state.ts";

/** Ids of the storage of this run that lies in device memory, which the history does not tell. */
const inDevice = new Set<string>();

function notingPlacement(env: Env): Env {
  return Object.create(env, {
    allocateStorage: {
      value: (size: number, placement: Placement) => {
        const storage = env.allocateStorage(size, placement);
        if (typeof storage !== "number" && placement === "device") inDevice.add(storage.id);
        return storage;
      },
    },
  }) as Env;
}

/** The reference in every role. */
export const systems: System = {
  name: "reference",
  version: "test",
  framework: (env) => new ReferenceFramework(env),
  exporters: {
    default: (env) => new DefaultExporter(notingPlacement(env)),
    dynamic: (env) => new DynamicExporter(notingPlacement(env)),
    static: (env) => new StaticExporter(notingPlacement(env)),
  },
  importers: {
    static: (env) => new StaticImporter(env),
    dynamic: (env) => new DynamicImporter(env),
    pinned: (env) => new PinnedImporter(env),
    revocable: (env) => new PinnedRevocableImporter(env),
  },
};

function importer(name: string, kind: string) {
  return { name, kind, device: "d1", ops: "callback", allowPeer2peer: true, onInvalidate: "unmap" } as const;
}

function buffer(name: string, exporter: string, rest: Partial<BufferSetup> = {}): BufferSetup {
  return { name, exporter, size: 10_000, placement: "system", resv: null, ...rest };
}

function setup(exporterKinds: readonly string[], buffers: readonly BufferSetup[]): Setup {
  return {
    devices: [
      { name: "d0", dmaBits: 40, maxSegment: 65_536 },
      { name: "d1", dmaBits: 40, maxSegment: 6000 },
    ],
    exporters: exporterKinds.map((kind, index) => ({ name: `e${index + 1}`, kind, device: "d0" })),
    importers: [
      importer("n1", "static"),
      importer("n2", "dynamic"),
      importer("n3", "dynamic"),
      importer("n4", "pinned"),
      importer("n5", "revocable"),
    ],
    buffers: buffers.flatMap((row) => [row, { ...row, name: `${row.name}x` }]),
    reservations: ["r1"],
  };
}

/** Worlds to draw programs for. */
export const setups: readonly Setup[] = [
  setup(
    ["default"],
    [
      buffer("b1", "e1"),
      buffer("b2", "e1", { placement: "device", size: 4096 }),
      buffer("b3", "e1"),
      buffer("b4", "e1"),
    ],
  ),
  setup(
    ["dynamic", "static"],
    [
      buffer("b1", "e1", { placement: "device" }),
      buffer("b2", "e2"),
      buffer("b3", "e1", { resv: "r1" }),
      buffer("b4", "e2", { resv: "r1" }),
      buffer("b5", "e2", { placement: "device" }),
    ],
  ),
  setup(
    ["default", "default"],
    [
      buffer("b1", "e1", { resv: "r1" }),
      buffer("b2", "e2", { placement: "device", resv: "r1" }),
      buffer("b3", "e1"),
      buffer("b4", "e2", { placement: "device" }),
    ],
  ),
];

/** What a run got wrong, in words, and how often it did what. */
export interface Checked {
  readonly problems: readonly string[];
  readonly stats: Readonly<Record<string, number>>;
  readonly events: readonly HistoryEvent[];
}

/** Watches the memory and the locks of a run. */
class Watch {
  readonly state: State = initialState();
  readonly problems: string[] = [];
  readonly stats: Record<string, number> = {};
  private readonly profile: Profile;
  private readonly freed = new Set<string>();
  private readonly placed = new Set<string>();
  private readonly taken = new Map<string, string>();

  constructor(profile: Profile) {
    this.profile = profile;
  }

  event(event: HistoryEvent): void {
    this.check(event);
    observe(this.state, event);
  }

  private check(event: HistoryEvent): void {
    const { state } = this;
    switch (event.kind) {
      case "warn":
      case "fault":
        this.problem(event, event.text);
        return;
      case "alloc":
        if (event.errno === 0) this.taken.set(event.id, event.what);
        return;
      case "free":
        if (event.what === "fence") {
          if (state.fences.get(event.id)?.signaled === false) this.problem(event, "a fence is freed unsignaled");
          return;
        }
        if (!this.taken.delete(event.id)) this.problem(event, `a ${event.what} is given back twice`);
        if (event.what === "storage") {
          this.freed.add(event.id);
          for (const range of state.translations.values())
            if (range.storage === event.id) this.problem(event, "storage is freed while a device has it mapped");
          for (const [name, row] of state.buffers)
            if (row.storage === event.id && !row.released && row.access === "accessible")
              this.problem(event, `storage is freed under the live buffer ${name}`);
        }
        return;
      case "access":
        this.count(`access ${event.answer}`);
        if (event.mapping === null || state.mappings.get(event.mapping)?.live !== true)
          this.problem(event, "an access through a mapping that is gone");
        if (event.storage !== null && this.freed.has(event.storage)) this.problem(event, "an access to freed storage");
        if (event.answer === "fault" && this.profile.synchronousRevoke) this.problem(event, "an access faults");
        return;
      case "ret":
        this.count(`${event.op} ${errnoName(event.errno)}`);
        this.checkRet(event);
        return;
      case "cb":
        this.count(`hook ${event.hook}`);
        return;
      case "cbret":
        if (event.hook === "map" && event.errno === 0) this.checkMap(event);
        if (event.hook === "pin" && event.errno === 0) this.checkPin(event);
        return;
      case "epoch":
        this.count(`epoch ${event.change}`);
        // The first is the export, whatever it happens in.
        if (event.change === "move" && this.placed.has(event.buffer)) {
          const buffer = state.buffers.get(event.buffer)!;
          const pins = [...state.attachments.values()].filter((row) => row.buffer === event.buffer && row.hookPins > 0);
          if (pins.length > 0) this.problem(event, "a pinned buffer moves");
          if (state.reservations.get(buffer.resv)?.owner !== event.task) this.problem(event, "a move without the lock");
        }
        this.placed.add(event.buffer);
        return;
      case "end":
        this.checkEnd(event);
        return;
      default:
    }
  }

  private checkMap(event: CbRetEvent<"map">): void {
    const buffer = this.state.buffers.get(this.state.attachments.get(event.attachment)!.buffer)!;
    for (const segment of event.segments)
      if (segment.storage !== buffer.storage) this.problem(event, "a mapping shows another place than the current one");
    if (buffer.access === "revokedForever") this.problem(event, "a map succeeds on a buffer revoked for good");
  }

  private checkPin(event: CbRetEvent<"pin">): void {
    const { state } = this;
    const buffer = state.buffers.get(state.attachments.get(event.attachment)!.buffer)!;
    for (const entry of state.reservations.get(buffer.resv)?.entries ?? [])
      if (entry.usage === "kernel" && state.fences.get(entry.fence)?.signaled === false)
        this.problem(event, "a pin returns while the memory is not ready");
    if (inDevice.has(buffer.storage ?? "") && buffer.listed.some((name) => !state.attachments.get(name)!.peer2peer))
      this.problem(event, "a buffer is pinned where not everybody reaches it");
  }

  private checkRet(event: HistoryEvent & { readonly kind: "ret" }): void {
    const { state } = this;
    if (!this.profile.synchronousRevoke || event.errno !== 0) return;
    if (event.op !== "revoke" && event.op !== "revokeForever" && event.op !== "closeDevice") return;
    for (const mapping of state.mappings.values()) {
      if (!mapping.live) continue;
      if (
        event.op === "closeDevice"
          ? state.buffers.get(mapping.buffer)!.exporter === event.exporter
          : mapping.buffer === event.buffer
      )
        if (!this.wasUnrevoked(mapping.buffer)) this.problem(event, "a mapping is live when a revoke returns");
    }
  }

  /** Another task may have given access back between the revoke's last wait and its return. */
  private wasUnrevoked(buffer: string): boolean {
    return this.state.buffers.get(buffer)?.access === "accessible";
  }

  private checkEnd(event: HistoryEvent & { readonly kind: "end" }): void {
    const { state } = this;
    for (const { task, wait } of event.waiting)
      this.problem(event, `${task} waits at the end: ${JSON.stringify(wait)}`);
    for (const [id, what] of this.taken) this.problem(event, `${what} ${id} is leaked`);
    if (state.translations.size > 0) this.problem(event, "a translation is left");
    for (const [name, row] of state.buffers) {
      if (row.releases !== 1)
        this.problem(event, `${name} is released ${row.releases} times with ${row.refs} references`);
      if (row.refs !== 0) this.problem(event, `${name} has ${row.refs} references`);
    }
    for (const [name, row] of state.fences) {
      if (!row.signaled && row.published) this.problem(event, `fence ${name} is unsignaled`);
      if (row.by !== "program" && row.kind === "plain" && row.refs !== 0)
        this.problem(event, `fence ${name} has ${row.refs} references`);
    }
    for (const [name, row] of state.attachments)
      if (row.pins !== 0 || row.hookPins !== 0 || row.maps.length > 0 || row.hookMaps.length > 0 || row.listed)
        this.problem(event, `attachment ${name} is not clean: ${JSON.stringify(row)}`);
    for (const [name, row] of state.reservations) if (row.owner !== null) this.problem(event, `${name} is locked`);
  }

  private problem(event: HistoryEvent, what: string): void {
    this.problems.push(`${what} (event ${event.seq}, step ${event.step ?? "none"})`);
  }

  private count(what: string): void {
    this.stats[what] = (this.stats[what] ?? 0) + 1;
  }
}

/** Runs what the chooser draws and looks for anything that must not be. */
export function checkRun(world: Setup, profile: Profile, chooser: Chooser): Checked {
  inDevice.clear();
  const watch = new Watch(profile);
  const execution = execute(world, profile, systems, chooser, {
    state: watch.state,
    event: (event) => watch.event(event),
  });
  if (execution instanceof Promise) throw new Error("the reference is synchronous");
  if (execution.fault !== null) watch.problems.push(execution.fault);
  return { problems: watch.problems, stats: watch.stats, events: execution.events };
}
