import type { Plan } from "../../adapters/linux/compile.ts";
import type { KernelRun, Linux } from "../../adapters/linux/linux.ts";
import { Judge } from "../../contracts/judge.ts";
import { monitored } from "../../contracts/registry.ts";
import type { Situation } from "../../spec/situation.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import type { Setup, Step } from "../../spec/program.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import { complaintsOf, reportedBy } from "../complaints/complaint.ts";
import { compare, type Difference } from "./compare.ts";
import {
  copiesUnderAWait,
  drawPlan,
  importsNothing,
  isForeign,
  mapsUnderAFault,
  remakesTables,
  type Drawn,
} from "./draw-plan.ts";
import type { KnownDifferences } from "./known-differences.ts";
import { tooMuchOf } from "./room.ts";
import { count, emptyTally, type Tally, type Trouble } from "./tally.ts";

/** What a comparison of many programs is made of. */
export interface CampaignOptions {
  readonly profile: string;
  /** The seeds from which programs are drawn: this many from the first on. */
  readonly firstSeed: number;
  readonly seeds: number;
  readonly longest: number;
  readonly known: KnownDifferences;
  /** What all programs dwell on. */
  readonly situation?: Situation | undefined;
  /** A fault of the module's exporter or importer. */
  readonly fault?: number | undefined;
  /** False: what is meant to be wrong needs no second look. */
  readonly confirm?: boolean;
}

/**
 * Rules that read what the core does for itself inside these operations. A kernel's history has that late or not at all:
 * with them such a rule says nothing. What comes of them is compared all the same.
 */
const unseen: Readonly<Record<string, readonly Step["op"][]>> = {
  "SYNC-15": ["poll"],
  "SYNC-22": ["poll"],
  "FENCE-42": ["poll", "pollSyncFile"],
  // What an import adds is seen when it gives up the lock, and what it pushed out is gone by then.
  "RESV-46": ["importSyncFile"],
};

/** Whether a kernel's history of these steps has what the rule reads. */
export function isSeen(rule: string, steps: readonly Step[]): boolean {
  return !steps.some(({ op }) => unseen[rule]?.includes(op));
}

/** Programs drawn while a kernel runs those before. */
const batchSize = 256;
/** One program in so many whose run ends in a complaint of the kernel is kept: each costs a kernel. */
const complaintShare = 40;

/** Compares programs on the reference with the same programs on a kernel. Rejects with MachineLost if no kernel starts. */
export async function campaign(linux: Linux, options: CampaignOptions): Promise<Tally> {
  const introduction = await linux.introduction();
  const { operations } = introduction;
  const { profile, longest, situation, fault } = options;
  const tally = emptyTally();
  const begun = performance.now();
  const [kernels, causeless] = [linux.started, linux.causeless];
  const comparison = new Comparison(linux, options, tally);
  const end = options.firstSeed + options.seeds;
  let seed = options.firstSeed;
  const draw = (): readonly Drawn[] => {
    const batch: Drawn[] = [];
    for (; batch.length < batchSize && seed < end; seed += 1) {
      const drawn = drawPlan(seed, { profile, longest, operations, situation });
      const complains = drawn.events.some(({ kind }) => kind === "warn");
      if ((complains && seed % complaintShare !== 0) || !isComparable(drawn)) continue;
      const tooMuch = tooMuchOf(drawn.plan, introduction);
      if (tooMuch === null) batch.push(drawn);
      else count(tally.tooLarge, tooMuch);
    }
    return batch;
  };
  let next = draw();
  while (next.length > 0) {
    const batch = next;
    const running = linux.run(batch.map(({ plan }) => faulty(plan, fault)));
    // The kernel has a core of its own: the next programs are drawn meanwhile.
    next = draw();
    const runs = await running;
    for (const [index, drawn] of batch.entries()) await comparison.account(drawn, runs[index]!);
  }
  comparison.conclude();
  tally.kernels = linux.started - kernels;
  tally.unrepeated += linux.causeless - causeless;
  tally.milliseconds = performance.now() - begun;
  return tally;
}

/** Whether a kernel's run of this program says anything about it. */
export function isComparable(drawn: Drawn): boolean {
  return !importsNothing(drawn) && !copiesUnderAWait(drawn) && !mapsUnderAFault(drawn) && !remakesTables(drawn);
}

function hooksIn(events: readonly HistoryEvent[]): ReadonlySet<string> {
  return new Set(events.flatMap((event) => (event.kind === "cb" ? [event.hook] : [])));
}

/** Kinds of the exporters that exported something. */
function exportersIn(events: readonly HistoryEvent[], { buffers, exporters }: Setup): ReadonlySet<string> {
  const kinds = new Map(exporters.map(({ name, kind }) => [name, kind]));
  const kindOf = new Map(buffers.map(({ name, exporter }) => [name, kinds.get(exporter)]));
  const seen = new Set<string>();
  for (const event of events) {
    if (event.kind !== "ret" || event.op !== "export" || event.errno !== 0) continue;
    seen.add(kindOf.get(event.buffer) ?? "unknown");
  }
  return seen;
}

/** The plan with a fault of the module's, if any. */
export function faulty(plan: Plan, fault: number | undefined): Plan {
  return fault === undefined ? plan : { ...plan, fault };
}

/** What is wrong with one run. */
interface Findings {
  readonly difference: Difference | null;
  readonly broken: readonly { readonly rule: string; readonly why: string; readonly seq: number }[];
}

/** Compares run after run and counts. */
class Comparison {
  private readonly linux: Linux;
  private readonly known: KnownDifferences;
  private readonly confirms: boolean;
  private readonly fault: number | undefined;
  private readonly tally: Tally;
  private readonly judge: Judge;
  /** For second looks, which count nothing. */
  private readonly second: Judge;

  constructor(linux: Linux, { profile: name, known, fault, confirm = true }: CampaignOptions, tally: Tally) {
    this.confirms = confirm;
    this.fault = fault;
    const profile = profileNamed(name);
    const rules = monitored(profile.series);
    this.linux = linux;
    this.known = known;
    this.tally = tally;
    this.judge = new Judge(rules, profile);
    this.second = new Judge(rules, profile);
  }

  async account(drawn: Drawn, run: KernelRun): Promise<void> {
    const { tally } = this;
    const done = drawn.plan.steps.filter(({ id }) => !run.skipped.has(id));
    tally.programs += 1;
    tally.steps += done.length;
    count(tally.lengths, done.length);
    for (const op of new Set(done.map((step) => step.op))) count(tally.operations, op);
    for (const hook of hooksIn(run.events)) count(tally.hooks, hook);
    for (const kind of exportersIn(run.events, drawn.plan.setup)) count(tally.exporters, kind);
    if (run.events.some(({ kind }) => kind === "blocked")) tally.blocking += 1;
    if (run.events.some(({ kind }) => kind === "warn")) tally.complaining += 1;
    for (const id of new Set(complaintsOf(run).map(({ kind }) => kind?.id ?? "unknown"))) count(tally.complaints, id);
    const findings = this.findings(drawn, run, this.judge);
    const { difference } = findings;
    const entry = run.end === "whole" && difference !== null ? await this.entryOf(difference) : null;
    if (entry !== null) count(tally.known, entry);
    // After a difference that is known the rest of the plan is for another course of events: nobody is judged by it.
    const judged = entry === null && (difference !== null || findings.broken.length > 0);
    if (run.end === "whole" && !judged) return;
    if (this.confirms) await this.confirm(drawn, run, findings);
    else this.believe(drawn, run, findings);
  }

  conclude(): void {
    for (const { rule, times } of this.judge.exercises()) if (times > 0) this.tally.exercises[rule.id] = times;
  }

  /** Nothing is held against a kernel that a fresh one does not show as well. */
  private async confirm(drawn: Drawn, run: KernelRun, first: Findings): Promise<void> {
    const { seed, plan } = drawn;
    this.linux.renew();
    const again = (await this.linux.run([faulty(plan, this.fault)]))[0]!;
    const findings = this.findings(drawn, again, this.second);
    if (run.end !== "whole" && again.end === "whole") this.tally.unrepeated += 1;
    if (again.end !== "whole")
      this.tally.troubles.push({ seed, what: again.end, difference: findings.difference, log: again.log });
    else if (findings.difference !== null) {
      const entry = await this.entryOf(findings.difference);
      if (entry === null)
        this.tally.troubles.push({ seed, what: "difference", difference: findings.difference, log: again.log });
    } else if (run.end === "whole" && first.difference !== null)
      this.tally.troubles.push({
        seed,
        what: "difference that a fresh kernel does not show",
        difference: first.difference,
        log: run.log,
      });
    const repeated = new Set(findings.broken.map(({ rule }) => rule));
    for (const { rule, why, seq } of first.broken) {
      const what = `${why} [event ${seq}]${repeated.has(rule) ? "" : ", not on a fresh kernel"}`;
      this.breaks(rule, { seed, what, difference: null, log: "" });
    }
  }

  /** Everything is held against it, as it is. */
  private believe({ seed }: Drawn, run: KernelRun, { difference, broken }: Findings): void {
    if (run.end !== "whole" || difference !== null)
      this.tally.troubles.push({ seed, what: run.end === "whole" ? "difference" : run.end, difference, log: run.log });
    for (const { rule, why, seq } of broken)
      this.breaks(rule, { seed, what: `${why} [event ${seq}]`, difference: null, log: "" });
  }

  private breaks(rule: string, trouble: Trouble): void {
    (this.tally.violations[rule] ??= { count: 0, first: trouble }).count += 1;
  }

  private async entryOf(difference: Difference): Promise<string | null> {
    const { version } = await this.linux.introduction();
    return this.known.of(difference, version)?.id ?? null;
  }

  private findings(drawn: Drawn, run: KernelRun, judge: Judge): Findings {
    judge.begin();
    for (const event of run.events) judge.event(event);
    const broken = judge.violations
      .map(({ rule, why, seq }) => ({ rule: rule.id, why, seq }))
      .filter(({ rule }) => isSeen(rule, drawn.plan.steps));
    return {
      difference: differenceOf(drawn, run),
      broken: [...this.beyondModels(drawn, broken), ...reportedBy(run, drawn.events, drawn.plan.steps)],
    };
  }

  /** What an exporter of the kernel's own breaks as its model in `drivers/` does is known of it. */
  private beyondModels({ plan, events }: Drawn, broken: Findings["broken"]): Findings["broken"] {
    if (broken.length === 0 || !plan.setup.exporters.some(isForeign)) return broken;
    this.second.begin();
    for (const event of events) this.second.event(event);
    const modelled = new Set(this.second.violations.map(({ rule }) => rule.id));
    for (const rule of new Set(broken.map((entry) => entry.rule)))
      if (modelled.has(rule)) count(this.tally.known, rule);
    return broken.filter(({ rule }) => !modelled.has(rule));
  }
}

/** Operations that cannot be tried safely where their object is gone: the module leaves such a step out. */
const left = new Set(["fenceGetLive", "get", "close", "importSyncFile", "mergeSyncFiles"]);

/** Where a kernel's run of a drawn program first parts from the reference's. */
export function differenceOf({ plan, events }: Drawn, run: KernelRun): Difference | null {
  const names = new Map([...plan.steps, ...plan.drain].map(({ id, op }) => [id, op]));
  const wasLeft = (step: string | null) => step !== null && run.skipped.has(step) && left.has(names.get(step) ?? "");
  return compare(
    events.filter(({ step }) => !wasLeft(step)),
    run.events,
    (step) => names.get(step ?? "") ?? "drain",
  );
}
