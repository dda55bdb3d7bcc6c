import type { Judge, Violation } from "../../contracts/judge.ts";
import type { Graph } from "../../generators/explore/graph.ts";
import { Random } from "../../generators/random.ts";
import { planTour } from "../../generators/tour/plan.ts";
import { renamed } from "../../generators/tour/renamed.ts";
import { TourChooser } from "../../generators/tour/tour-chooser.ts";
import { wayTo } from "../../generators/tour/way.ts";
import { execute, type Execution } from "../../harness/execute.ts";
import type { System } from "../../harness/system.ts";
import { coreContractName, programSchema, type Program } from "../../spec/program.ts";

/** What came of a tour. */
export interface Tour {
  readonly scope: string;
  /** Transitions of the scope, and those that were carried out and ended as the scope says. */
  readonly transitions: number;
  readonly taken: number;
  /** Transitions carried out, the repeated ones too, and the fewest with which it can be done. */
  readonly steps: number;
  readonly bound: number;
  readonly programs: number;
  /** Steps of programs: preludes and transitions of several steps counted in. */
  readonly operations: number;
  /** Where the implementation's state was not the scope's, in words: the first ten. No verdict by itself. */
  readonly departures: readonly string[];
  /** The first program that broke each rule. */
  readonly finds: ReadonlyMap<string, { readonly violation: Violation; readonly program: Program }>;
  /** Why a run was no verdict; the tour ends there. */
  readonly fault: { readonly text: string; readonly program: Program } | null;
}

/** Settings of `tour`. */
export interface TourSettings {
  /** Which of the tours of least cost, and which objects stand for which ids. */
  readonly seed: number;
  /** Longest walk, in transitions. 200 by default. */
  readonly longest?: number;
}

/** Departures that are kept. */
const mostDepartures = 10;

/**
 * Takes every transition of an explored scope on a system, in as few steps as there can be, judged by `judge`.
 * Where the system leaves the scope, the transitions that its walk had left are tried once more, each by a shortest way.
 */
export async function tour(graph: Graph, system: System, judge: Judge, settings: TourSettings): Promise<Tour> {
  const random = new Random(settings.seed);
  const plan = planTour(graph, { longest: settings.longest ?? 200, random });
  const run = new TourRun(graph, system, judge, random, plan.bound);
  for (const walk of plan.walks) {
    if (run.fault !== null) break;
    await run.walk(walk);
  }
  for (const edge of run.missing()) {
    if (run.fault !== null) break;
    await run.single(edge);
  }
  return run;
}

class TourRun implements Tour {
  readonly scope: string;
  readonly transitions: number;
  readonly bound: number;
  taken = 0;
  steps = 0;
  programs = 0;
  operations = 0;
  readonly departures: string[] = [];
  readonly finds = new Map<string, { violation: Violation; program: Program }>();
  fault: { text: string; program: Program } | null = null;
  private readonly graph: Graph;
  private readonly system: System;
  private readonly judge: Judge;
  private readonly random: Random;
  private readonly done: Uint8Array;
  private readonly origins: Int32Array;

  constructor(graph: Graph, system: System, judge: Judge, random: Random, bound: number) {
    this.graph = graph;
    this.system = system;
    this.judge = judge;
    this.random = random;
    this.bound = bound;
    this.scope = graph.scope.name;
    this.transitions = graph.counts.transitions;
    this.done = new Uint8Array(this.transitions);
    this.origins = originsOf(graph);
  }

  /** Transitions that have not been taken. */
  missing(): readonly number[] {
    const missing: number[] = [];
    for (let edge = 0; edge < this.transitions; edge += 1) if (this.done[edge] === 0) missing.push(edge);
    return missing;
  }

  /** Takes one transition by a shortest way. */
  async single(edge: number): Promise<void> {
    if (this.done[edge] === 0) await this.walk([...wayTo(this.graph, this.origins[edge]!), edge]);
  }

  async walk(edges: ArrayLike<number>): Promise<void> {
    const { graph, judge } = this;
    const scope = renamed(graph.scope, this.random);
    const chooser = new TourChooser(graph, scope, judge.profile, edges);
    judge.begin();
    const running = execute(scope.setup, judge.profile, this.system, chooser, judge);
    const execution = running instanceof Promise ? await running : running;
    this.take(chooser, execution, edges);
  }

  private take(chooser: TourChooser, execution: Execution, edges: ArrayLike<number>): void {
    this.programs += 1;
    this.operations += execution.steps;
    this.steps += chooser.taken;
    for (let place = 0; place < chooser.taken; place += 1) {
      const edge = edges[place]!;
      this.taken += 1 - this.done[edge]!;
      this.done[edge] = 1;
    }
    if (chooser.departure !== null && this.departures.length < mostDepartures)
      this.departures.push(this.describe(chooser, edges));
    const program = (): Program => ({
      schema: programSchema,
      contract: coreContractName,
      profile: this.graph.scope.profile,
      setup: this.graph.scope.setup,
      steps: [...chooser.steps],
      schedule: [],
      failures: [],
    });
    if (execution.fault !== null) this.fault = { text: execution.fault, program: program() };
    for (const violation of this.judge.violations)
      if (!this.finds.has(violation.rule.id)) this.finds.set(violation.rule.id, { violation, program: program() });
  }

  private describe({ departure }: TourChooser, edges: ArrayLike<number>): string {
    const { place, text } = departure!;
    if (place < 0) return `after the prelude: ${text}`;
    const { operation } = this.graph.instances[this.graph.edges.instances[edges[place]!]!]!;
    return `after ${operation.name}: ${text}`;
  }
}

/** The state that each transition leaves. */
function originsOf({ counts, edges: { starts } }: Graph): Int32Array {
  const origins = new Int32Array(counts.transitions);
  for (let state = 0; state < counts.states; state += 1) origins.fill(state, starts[state], starts[state + 1]);
  return origins;
}
