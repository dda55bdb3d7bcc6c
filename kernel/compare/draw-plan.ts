import type { Plan } from "../../adapters/linux/compile.ts";
import { foreignKinds, linuxOperations } from "../../adapters/linux/encode-step.ts";
import { referenceSystem } from "../../conformance/reference-system.ts";
import { Judge } from "../../contracts/judge.ts";
import { SystemHeap } from "../../drivers/exporters/system-heap.ts";
import { Udmabuf } from "../../drivers/exporters/udmabuf.ts";
import { Vgem } from "../../drivers/exporters/vgem.ts";
import { OnlineChooser } from "../../generators/online-chooser.ts";
import { Random } from "../../generators/random.ts";
import { drawTemper, type Temper } from "../../generators/temper.ts";
import { drawSetup, type Kinds } from "../../generators/world-shape.ts";
import type { Chooser } from "../../harness/chooser.ts";
import { execute } from "../../harness/execute.ts";
import { ReplayChooser, type Admit } from "../../harness/replay-chooser.ts";
import type { Factory, System } from "../../harness/system.ts";
import type { Exporter } from "../../spec/roles/exporter.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import { operationNames } from "../../spec/operations/operations.ts";
import { pageSize, type Direction } from "../../spec/roles/handles.ts";
import { programSchema, type Program, type Setup, type Step } from "../../spec/program.ts";
import type { Profile } from "../../spec/profile.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import type { Situation } from "../../spec/situation.ts";
import { firstSoftwareTimeline } from "../../adapters/linux/slots.ts";
import { backingOff, beingTold, drawDwelling, dwelling, foreignRate, usingForeign, worldFor } from "./dwelling.ts";
import { planOf } from "./plan-of.ts";
import { MovingExporter } from "./moving-exporter.ts";
import { RoundedReservations } from "./rounded-reservations.ts";

/** A program drawn on the reference, what the reference did, and the plan that repeats it on a kernel. */
export interface Drawn {
  readonly seed: number;
  readonly program: Program;
  readonly plan: Plan;
  readonly events: readonly HistoryEvent[];
}

/** What programs for a kernel are drawn from. */
export interface DrawBounds {
  readonly profile: string;
  /** Longest program, in steps. */
  readonly longest: number;
  /** Operations that the kernel's module has. */
  readonly operations: ReadonlyMap<string, number>;
  /** What all programs dwell on; otherwise some do, on what is rare. */
  readonly situation?: Situation | undefined;
}

/** What stands for the exporters of the module and of the kernel itself. */
export const comparedExporters = {
  moving: (env) => new MovingExporter(env),
  systemHeap: (env) => new SystemHeap(env),
  udmabuf: (env) => new Udmabuf(env),
  vgem: (env) => new Vgem(env),
} as const satisfies Readonly<Record<string, Factory<Exporter>>>;

/** The reference that kernels are compared with: its reservation lists have their spare room. */
export const comparedReference: System = referenceSystem({
  reservations: (env) => new RoundedReservations(env),
  exporters: comparedExporters,
});
const own = ["scripted", "scriptedDynamic", "moving"];
/** Who may export and import in a program for a kernel: roles of the module alone. */
export const ownKinds: Kinds = { exporters: own, importers: ["scripted"] };
/** The same and those that the kernel itself has. */
export const kinds: Kinds = {
  exporters: [...own, ...own, ...own, ...foreignKinds, ...foreignKinds],
  importers: ["scripted"],
};
/** Largest buffer of an exporter that the kernel itself has, whose memory is there. */
const largestForeign = 16 * pageSize;

/** Leaves out what the kernel target does not have: its operations, pauses inside a step, failures of our own. */
export function tame(temper: Temper, longest: number, operations: ReadonlyMap<string, number>, random: Random): Temper {
  const cumulative = new Float64Array(operationNames.length);
  let sum = 0;
  operationNames.forEach((name, index) => {
    const weight = temper.cumulative[index]! - (index === 0 ? 0 : temper.cumulative[index - 1]!);
    if (linuxOperations.has(name) && operations.has(name)) sum += weight;
    cumulative[index] = sum;
  });
  const length = Math.min(longest, temper.length);
  // Most refusals make a kernel complain, and that costs a kernel.
  const refusedRate = random.pick([0, 0, 0, 0.02, 0.1]);
  const schedule = { kind: "none" } as const;
  return { ...temper, length, cumulative, refusedRate, schedule, failRate: 0, misuse: false, wanted: [] };
}

/** Whether an exporter is one that the kernel itself has. */
export const isForeign = ({ kind }: Setup["exporters"][number]) => (foreignKinds as readonly string[]).includes(kind);

/** Devices that reach all memory, and importers that only unmap or wait: the module has no device that could refuse or work on. */
export function commonSetup(setup: Setup): Setup {
  const { exporters, reservations } = setup;
  const foreign = new Set(exporters.filter(isForeign).map(({ name }) => name));
  return {
    exporters,
    reservations,
    devices: setup.devices.map(({ name, maxSegment }) => ({ name, dmaBits: 52, maxSegment })),
    importers: setup.importers.map((importer) => ({
      ...importer,
      onInvalidate: importer.onInvalidate === "unmap" ? "unmap" : "defer",
    })),
    buffers: setup.buffers.map(({ shared: _shared, ...buffer }) =>
      foreign.has(buffer.exporter) ? { ...buffer, resv: null, size: Math.min(buffer.size, largestForeign) } : buffer,
    ),
  };
}

/**
 * Whether a file of nothing is put into a buffer. In a kernel that is the one fence that everybody is given who has
 * nothing to wait for: which of them a list then holds, and when that one is gone, cannot be told apart.
 */
export function importsNothing({ events }: Drawn): boolean {
  const empty = new Set<string>();
  for (const event of events) {
    if (event.kind !== "ret" || event.errno !== 0) continue;
    if (event.op === "exportSyncFile" && event.time !== null) empty.add(event.syncFile);
    if (event.op === "importSyncFile" && empty.has(event.syncFile ?? "")) return true;
  }
  return false;
}

/** Of the 64 that a program may have. */
const lastTimeline = 64;

/** Calls that wait for fences without the lock. */
const lockless: ReadonlySet<string> = new Set(["waitFences", "beginCpu", "ioctlSync"]);

/**
 * Whether fences are copied while somebody waits without the lock: if there are none to copy, a kernel may never return
 * from that wait (docs/findings.md), and a kernel that hangs is dear.
 */
export function copiesUnderAWait({ events }: Drawn): boolean {
  const calls = new Map<string, string[]>();
  const waiting = new Set<string>();
  for (const event of events) {
    if (event.kind === "call") {
      calls.set(event.task, [...(calls.get(event.task) ?? []), event.op]);
      if (event.op === "copyFences" && waiting.size > 0) return true;
    } else if (event.kind === "ret") calls.get(event.task)?.pop();
    else if (event.kind === "blocked" && event.wait.kind === "fence") {
      if (calls.get(event.task)?.some((op) => lockless.has(op)) === true) waiting.add(event.task);
    } else if (event.kind === "resumed") waiting.delete(event.task);
  }
  return false;
}

/**
 * Whether an attachment of the system heap is mapped while it is mapped: its one table is filled anew under the first
 * mapping, with which addresses depends on the device, and a debug kernel mixes them up (docs/findings.md).
 */
export function remakesTables({ events }: Drawn): boolean {
  return events.some(
    (event) => event.kind === "call" && event.op.startsWith("unmap") && "altered" in event && event.altered,
  );
}

/** Calls that change the one address space that all tasks of a kernel's program borrow. */
const mapping: ReadonlySet<string> = new Set(["mmap", "mmapFd", "munmap"]);

/**
 * Whether a user's address space is changed while somebody sleeps in a fault, or changed or touched while somebody sleeps
 * in a change of it, with that space's lock held: there the one waits for the other. The reference has spaces without number.
 */
export function mapsUnderAFault({ events }: Drawn): boolean {
  const faulting = new Set<string>();
  const changing = new Set<string>();
  for (const event of events) {
    if (event.kind === "cb" && event.hook === "cpuFault") faulting.add(event.task);
    if (event.kind === "cbret" && event.hook === "cpuFault") faulting.delete(event.task);
    const changes = event.kind === "call" && mapping.has(event.op);
    const touches = event.kind === "cpu" || (event.kind === "cb" && event.hook === "cpuFault");
    if ((changes && faulting.size > 0) || ((changes || touches) && changing.size > 0)) return true;
    if (changes) changing.add(event.task);
    if (event.kind === "ret" && mapping.has(event.op)) changing.delete(event.task);
  }
  return false;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Time here is counted in events and there in jiffies: only a limit that no program reaches means the same. And no more
 * slots at once than a kernel gives without complaining of the size.
 */
export function common(step: Step): Step {
  const fields = step as Mutable<Step> & { timeout?: number; count?: number; flags?: number };
  if (fields.timeout !== undefined && fields.timeout > 0) fields.timeout = 1_000_000;
  // Of these flags a kernel has 32 bits.
  if ((step.op === "exportSyncFile" || step.op === "importSyncFile") && step.flags >= 2 ** 32) fields.flags = 2 ** 31;
  if (fields.count !== undefined && fields.count > 1000) fields.count = 24;
  return step;
}

/** Mapping for no direction at all stops a kernel in its DMA layer, where the exporters of its own do not look. */
function directed(step: Step): Step {
  const fields = step as Mutable<Step> & { direction?: Direction };
  if (fields.direction === "none") fields.direction = "bidirectional";
  return step;
}

/** Remembers when nobody could go on and time passed: a step came after there was none. */
class RestingChooser extends OnlineChooser {
  rest: number | null = null;
  private stalled = false;
  private readonly foreign: boolean;
  /** Whether plain fences are those of software timelines, each alone on its own. */
  software = false;
  private timeline = firstSoftwareTimeline;

  constructor(...args: ConstructorParameters<typeof OnlineChooser>) {
    super(...args);
    this.foreign = args[0].exporters.some(isForeign);
  }

  override next(...args: Parameters<OnlineChooser["next"]>): Step | null {
    const step = super.next(...args);
    if (step === null) {
      this.stalled = true;
      return null;
    }
    if (this.stalled) this.rest ??= this.steps.length - 1;
    const drawn = this.foreign ? directed(common(step)) : common(step);
    if (this.software) this.toSoftware(drawn);
    return drawn;
  }

  private toSoftware(step: Step): void {
    if (step.op !== "fenceInit" || step.hooks.length > 0 || this.timeline > lastTimeline) return;
    const fields: Mutable<Step<"fenceInit">> = step;
    fields.timeline = this.timeline;
    this.timeline += 1;
    fields.seqno64 = false;
    fields.seqno = 1 + (Math.abs(step.seqno) % 1000);
  }
}

/** The same of a stored program. */
class RestingReplay extends ReplayChooser {
  rest: number | null = null;
  private stalled = false;

  override next(...args: Parameters<ReplayChooser["next"]>): Step | null {
    const step = super.next(...args);
    if (step === null) this.stalled = true;
    else if (this.stalled) this.rest ??= this.begun.length - 1;
    return step;
  }
}

/** How a stored program is played. */
export interface ReplayOptions {
  /** Steps that are left out where they no longer mean what they meant; none by default. */
  readonly admit?: Admit;
  /** Who plays it; the reference by default. */
  readonly system?: System;
}

/** A stored program, played on the reference: the plan has the steps that began. Throws an Error if the reference fails. */
export function replayPlan(program: Program, { admit = () => true, system }: ReplayOptions = {}): Drawn {
  const chooser = new RestingReplay(program, admit);
  const events = playOn(program.setup, profileNamed(program.profile), chooser, "a stored program", system);
  const plan = planOf(program.setup, chooser.begun, chooser.rest ?? chooser.begun.length, events);
  return { seed: 0, program, plan, events };
}

/** Lets a chooser play on the reference. Throws an Error if the reference fails. */
export function playOn(
  setup: Setup,
  profile: Profile,
  chooser: Chooser,
  what: string,
  system: System = comparedReference,
): readonly HistoryEvent[] {
  const judge = new Judge([], profile);
  judge.begin({ misuse: false });
  const execution = execute(setup, profile, system, chooser, judge);
  if (execution instanceof Promise) throw new Error("the reference is synchronous");
  if (execution.fault !== null) throw new Error(`the reference failed (${what}): ${execution.fault}`);
  return execution.events;
}

/** Draws one program on the reference. The same seed and bounds give the same. Throws an Error if the reference fails. */
export function drawPlan(
  seed: number,
  { profile: profileName, longest, operations, situation: wanted }: DrawBounds,
): Drawn {
  const profile = profileNamed(profileName);
  const random = new Random(seed);
  const usual = seed % 5 < dwelling ? drawDwelling(random) : null;
  const drawn = commonSetup(drawSetup(random, kinds));
  const uses =
    usual !== backingOff && usual !== beingTold && drawn.exporters.some(isForeign) && random.chance(foreignRate);
  const situation = wanted ?? (uses ? usingForeign : usual);
  const setup = worldFor(situation, drawn);
  const temper = tame(drawTemper(random, situation, longest, null, false), longest, operations, random);
  const chooser = new RestingChooser(setup, profile, random, temper);
  chooser.software = seed % 4 === 3;
  const events = playOn(setup, profile, chooser, `seed ${seed}`);
  const steps = chooser.steps;
  const program: Program = {
    schema: programSchema,
    contract: "core",
    profile: profileName,
    setup,
    steps,
    schedule: [],
    failures: [],
  };
  return {
    seed,
    program,
    plan: planOf(setup, steps, chooser.rest ?? steps.length, events),
    events,
  };
}
