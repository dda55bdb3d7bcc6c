import { referenceSystem } from "../conformance/reference-system.ts";
import { replay } from "../conformance/replay.ts";
import { Judge } from "../contracts/judge.ts";
import { executeBare } from "../harness/bare.ts";
import type { Program } from "../spec/program.ts";
import { leastOfEach } from "./clock.ts";
import { mapPair } from "./map-pair.ts";
import { fullJudge, pipeline, profile } from "./programs.ts";

/** What one operation costs, in Map pairs of the same run. */
export interface Overhead {
  /** Nanoseconds of one pair, for the record. */
  readonly pair: number;
  readonly pipeline: number;
  readonly bare: number;
  /** What the overhead goes into: finding the steps, judging, and the rest: scheduling, seams, history, state. */
  readonly drawing: number;
  readonly judging: number;
  readonly recording: number;
  /** Operations and programs that were measured, and programs that a bare run cannot play to the end. */
  readonly operations: number;
  readonly programs: number;
  readonly leftOut: number;
}

interface Measured {
  readonly seed: number;
  readonly program: Program;
}

/** Measures the pipeline and the bare reference on the same programs, drawn from fixed seeds. */
export function measureOverhead(programs: number, rounds: number): Overhead {
  const system = referenceSystem();
  const judge = fullJudge();
  const chosen: Measured[] = [];
  let operations = 0;
  let leftOut = 0;
  for (let seed = 1; chosen.length < programs; seed += 1) {
    const { program, execution } = pipeline(system, judge, seed);
    const bare = executeBare(program, profile, system);
    if (bare.fault !== null || bare.steps !== execution.steps) {
      leftOut += 1;
      continue;
    }
    operations += execution.steps;
    chosen.push({ seed, program });
  }
  const nobody = new Judge([], profile);
  const kinds = [
    ({ seed }: Measured) => void pipeline(system, judge, seed),
    ({ program }: Measured) => void replay(program, system, [], profile, judge),
    ({ program }: Measured) => void replay(program, system, [], profile, nobody),
    ({ program }: Measured) => void executeBare(program, profile, system),
  ];
  const jobs = kinds.map((kind) => chosen.map((one) => () => kind(one)));
  leastOfEach(jobs.flat(), rounds >> 1);
  const pair = mapPair(rounds * 10);
  const [whole, replayed, unjudged, bare] = jobs.map((each) => leastOfEach(each, rounds)) as [
    number,
    number,
    number,
    number,
  ];
  const unit = pair * operations;
  return {
    pair,
    pipeline: whole / unit,
    bare: bare / unit,
    drawing: (whole - replayed) / unit,
    judging: (replayed - unjudged) / unit,
    recording: (unjudged - bare) / unit,
    operations,
    programs,
    leftOut,
  };
}
