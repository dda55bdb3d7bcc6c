import { hunt } from "../conformance/hunt.ts";
import { referenceKinds } from "../conformance/reference-roles.ts";
import { shrinkViolation } from "../conformance/shrink-violation.ts";
import { allMutants } from "../test/mutants/all.ts";
import type { Mutant } from "../test/mutants/mutant.ts";
import { cpuSeconds, median } from "./clock.ts";
import { huntWithCommands } from "./commands.ts";
import type { Killed } from "./lengths.ts";

/** CPU seconds to the first kill of each sampled mutant; a miss counts as the limit. */
export interface FirstKill {
  readonly mutants: number;
  readonly ours: Times;
  readonly commands: Times;
  readonly kills: readonly Killed[];
  readonly shrinking: Shrinking;
}

/** CPU seconds over the mutants: the median and the quartiles. */
interface Times {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly missed: number;
}

/** What shrinking the kills took. */
interface Shrinking {
  readonly kills: number;
  readonly executions: number;
  readonly most: number;
  readonly milliseconds: number;
}

/** The mutants that are hunted: a fixed share of them. */
export async function sampleMutants(every: number): Promise<readonly Mutant[]> {
  return (await allMutants()).filter((_, index) => index % every === 0);
}

function timed(work: () => boolean, limit: number): number {
  const started = cpuSeconds();
  return work() ? Math.min(cpuSeconds() - started, limit) : limit;
}

/** Hunts each mutant with both, one after the other in this process. */
export function measureFirstKill(mutants: readonly Mutant[], limit: number): FirstKill {
  const ours: number[] = [];
  const theirs: number[] = [];
  const kills: Killed[] = [];
  for (const mutant of mutants) {
    const system = mutant.system(() => undefined);
    const goOn = () => {
      const end = cpuSeconds() + limit;
      return () => cpuSeconds() < end;
    };
    ours.push(
      timed(() => {
        const { kill } = hunt(system, mutant.profile, mutant.rule, 1, goOn());
        if (kill !== null) kills.push({ mutant, program: kill.program });
        return kill !== null;
      }, limit),
    );
    theirs.push(timed(() => huntWithCommands(system, mutant.profile, mutant.rule, 1, goOn()).killed, limit));
  }
  const summary = (times: readonly number[]) => ({
    median: median(times),
    low: quantile(times, 0.25),
    high: quantile(times, 0.75),
    missed: times.filter((time) => time >= limit).length,
  });
  return {
    mutants: mutants.length,
    ours: summary(ours),
    commands: summary(theirs),
    kills,
    shrinking: measureShrinking(kills),
  };
}

function quantile(times: readonly number[], share: number): number {
  return times.toSorted((first, second) => first - second)[Math.floor((times.length - 1) * share)] ?? 0;
}

function measureShrinking(kills: readonly Killed[]): Shrinking {
  const runs = kills.map(({ mutant, program }) => {
    const started = cpuSeconds();
    const shrunk = shrinkViolation(
      mutant.system(() => undefined),
      program,
      mutant.rule,
      { kinds: referenceKinds },
    );
    if (shrunk instanceof Promise) throw new Error("mutants are synchronous");
    return { executions: shrunk.executions, milliseconds: (cpuSeconds() - started) * 1000 };
  });
  return {
    kills: kills.length,
    executions: median(runs.map((run) => run.executions)),
    most: Math.max(0, ...runs.map((run) => run.executions)),
    milliseconds: median(runs.map((run) => run.milliseconds)),
  };
}
