import type { Judge } from "../contracts/judge.ts";
import { OnlineChooser } from "../generators/online-chooser.ts";
import { Random } from "../generators/random.ts";
import { drawTemper } from "../generators/temper.ts";
import { drawSetup, type Kinds } from "../generators/world-shape.ts";
import { execute, type Execution } from "../harness/execute.ts";
import type { System } from "../harness/system.ts";
import { describesPlatform } from "../spec/platform.ts";
import { programSchema, type Program } from "../spec/program.ts";
import type { Situation } from "../spec/situation.ts";
import { watched, type Difference, type OutcomeWatch } from "./unexplained.ts";

/** What random runs are drawn from. */
export interface DrawOptions {
  readonly kinds: Kinds;
  /** Longest program, in steps. */
  readonly longest: number;
}

/** A program that was drawn while it ran, and what came of it. */
export interface DrawnRun {
  readonly program: Program;
  readonly execution: Execution;
  /** Draws that were made to get its steps. */
  readonly drawn: number;
  /** What no rule and no declared outcome explains; nothing without a watch. */
  readonly differences: readonly Difference[];
}

/** Draws and runs one program, judged by `judge` and compared by `watch`. The same seed, judge and options give the same run. */
export function drawRun(
  system: System,
  judge: Judge,
  profileName: string,
  seed: number,
  options: DrawOptions,
  aim: { readonly situation: Situation | null; readonly area: string | null } = { situation: null, area: null },
  watch: OutcomeWatch | null = null,
): DrawnRun | Promise<DrawnRun> {
  const random = new Random(seed);
  const { situation, area } = aim;
  const kinds = {
    exporters: situation?.exporters ?? options.kinds.exporters,
    importers: situation?.importers ?? options.kinds.importers,
  };
  const setup = drawSetup(random, kinds, situation, judge.profile);
  const temper = drawTemper(random, situation, options.longest, area, describesPlatform(setup));
  const chooser = new OnlineChooser(setup, judge.profile, random, temper);
  judge.begin({ misuse: temper.misuse });
  watch?.begin(setup);
  const observer = watch === null ? judge : watched(judge, watch);
  const execution = execute(setup, judge.profile, system, chooser, observer);
  const finish = (done: Execution): DrawnRun => ({
    program: {
      schema: programSchema,
      contract: "core",
      profile: profileName,
      setup,
      steps: chooser.steps,
      schedule: chooser.schedule,
      failures: chooser.failures,
    },
    execution: done,
    drawn: chooser.drawn,
    differences: watch === null || judge.violations.length > 0 ? [] : watch.differences(chooser),
  });
  return execution instanceof Promise ? execution.then(finish) : finish(execution);
}
