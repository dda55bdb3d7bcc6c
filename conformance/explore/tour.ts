import type { Judge, Violation } from "../../contracts/judge.ts";
import type { Graph } from "../../generators/explore/graph.ts";
import { Random } from "../../generators/random.ts";
import { ScopeTour, type Coverage } from "../../generators/tour/tours.ts";
import type { System } from "../../harness/system.ts";
import type { Program } from "../../spec/program.ts";
import { runProposal, type Stage } from "../run-proposal.ts";

/** What came of a tour of one scope. */
export interface Tour {
  readonly coverage: Coverage;
  readonly programs: number;
  /** Steps of programs: preludes and transitions of several steps counted in. */
  readonly operations: number;
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
  /** What its programs call their contract, where that is not the core. */
  readonly contract?: string;
}

/**
 * Takes every transition of an explored scope on a system, in as few steps as there can be, judged by `judge`.
 * Where the system leaves the scope, the transitions that its walk had left are tried once more, each by a shortest way.
 */
export async function tour(
  graph: Graph,
  system: System,
  judge: Judge,
  { seed, longest = 200, contract }: TourSettings,
): Promise<Tour> {
  const random = new Random(seed);
  const coverage = new ScopeTour(graph, random, longest);
  const stage: Stage = { system, judge, profileName: graph.scope.profile, watch: null, ...(contract && { contract }) };
  const finds = new Map<string, { violation: Violation; program: Program }>();
  let [programs, operations] = [0, 0];
  let fault: Tour["fault"] = null;
  for (let walk = coverage.next(random); walk !== null && fault === null; walk = coverage.next(random)) {
    const running = runProposal({ kind: "walk", walk }, random, stage);
    const { program, execution } = running instanceof Promise ? await running : running;
    programs += 1;
    operations += execution.steps;
    if (execution.fault !== null) fault = { text: execution.fault, program };
    for (const violation of judge.violations)
      if (!finds.has(violation.rule.id)) finds.set(violation.rule.id, { violation, program });
  }
  return { coverage, programs, operations, finds, fault };
}
