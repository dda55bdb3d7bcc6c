import type { Judge } from "../contracts/judge.ts";
import { partnerOf } from "../generators/focus.ts";
import type { OwnPart } from "../generators/own-part.ts";
import { Random } from "../generators/random.ts";
import type { ScheduleChoice } from "../generators/schedule/choose.ts";
import { drawTemper, usual as usualStyle } from "../generators/temper.ts";
import { drawSetup, withPartner, type Kinds } from "../generators/world-shape.ts";
import type { System } from "../harness/system.ts";
import { describesPlatform } from "../spec/platform.ts";
import type { Situation } from "../spec/situation.ts";
import { runDrawn, type RunOutcome } from "./run-proposal.ts";
import type { OutcomeWatch } from "./unexplained.ts";

/** What random runs are drawn from. */
export interface DrawOptions {
  readonly kinds: Kinds;
  /** Longest program, in steps. */
  readonly longest: number;
  /** How programs are scheduled, instead of what their temper says. */
  readonly schedule?: (random: Random) => ScheduleChoice;
  /** What a contract beside the core adds. */
  readonly own?: { readonly part: OwnPart; readonly contract: string };
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
): RunOutcome | Promise<RunOutcome> {
  const random = new Random(seed);
  const { situation, area } = aim;
  const kinds = {
    exporters: situation?.exporters ?? options.kinds.exporters,
    importers: situation?.importers ?? options.kinds.importers,
  };
  const drawn = drawSetup(random, kinds, situation, judge.profile);
  const usual = drawTemper(
    random,
    situation,
    options.longest,
    area,
    describesPlatform(drawn),
    usualStyle,
    options.own?.part,
  );
  const temper = options.schedule === undefined ? usual : { ...usual, schedule: options.schedule(random) };
  const setup = withPartner(drawn, partnerOf(temper.focus), options.kinds);
  const contract = options.own?.contract;
  const stage = { system, judge, profileName, watch, ...(contract !== undefined && { contract }) };
  return runDrawn({ kind: "draw", setup, temper, prefix: null }, random, stage);
}
