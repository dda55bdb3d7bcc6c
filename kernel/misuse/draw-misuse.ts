import type { Plan } from "../../adapters/linux/compile.ts";
import type { DrawContext } from "../../generators/draw/context.ts";
import { letters, OnlineChooser } from "../../generators/online-chooser.ts";
import { Random } from "../../generators/random.ts";
import { drawTemper, type Temper } from "../../generators/temper.ts";
import { drawSetup } from "../../generators/world-shape.ts";
import type { ObjectKind } from "../../spec/operations/define.ts";
import type { Setup, Step } from "../../spec/program.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import type { Profile } from "../../spec/profile.ts";
import { common, commonSetup, ownKinds, playOn, tame } from "../compare/draw-plan.ts";
import { isSignalling, stepOf, type Misuse } from "./misuse.ts";

/** Legal steps, and last a wrong one, as a kernel is to carry them out. */
export interface DrawnMisuse {
  readonly seed: number;
  readonly plan: Plan;
  /** The wrong step. */
  readonly wrong: Step;
}

/** Longest way to a state in which the contract can be broken as wanted; legal steps that come first in any case. */
const longest = 60;
const mostBefore = 12;

/** Draws legal steps until one task may take the wrong one. */
class MisuseChooser extends OnlineChooser {
  wrong: Step | null = null;
  /** How many steps had begun when nobody could go on for the first time. */
  rest: number | null = null;
  private readonly misuse: Misuse;
  private readonly world: Pick<DrawContext, "setup" | "profile" | "random" | "tasks">;
  private readonly before: number;
  private readonly inSections: boolean;
  private stalled = false;

  constructor(setup: Setup, profile: Profile, random: Random, temper: Temper, misuse: Misuse) {
    super(setup, profile, random, temper);
    this.misuse = misuse;
    this.world = { setup, profile, random, tasks: temper.tasks };
    this.before = random.below(mostBefore);
    this.inSections = (misuse.weights.beginSignalling ?? 0) > 1;
  }

  override next(...[state, tasks]: Parameters<OnlineChooser["next"]>): Step | null {
    if (this.wrong !== null) return null;
    const idle = this.world.tasks.filter((task) => tasks.isIdle(task));
    for (const task of this.steps.length < this.before ? [] : idle) {
      const inFlight = tasks.inFlight();
      const name = (kind: ObjectKind) => `${letters[kind] ?? kind}99`;
      // The first is in no other.
      const openSection = this.steps.find((step) => step.op === "beginSignalling")?.section ?? null;
      const { steps } = this;
      const context = { ...this.world, steps, state, inFlight, task, name, openSection, refused: false, misuse: true };
      const wrong = this.misuse.draw(context);
      // What is still open at the end is a second complaint.
      if (
        wrong === null ||
        (!this.inSections && this.world.tasks.some((other) => isSignalling({ ...context, task: other })))
      )
        continue;
      if (this.stalled) this.rest ??= this.steps.length;
      this.wrong = stepOf(`s${this.steps.length + 1}`, task, wrong);
      return null;
    }
    const step = super.next(state, tasks);
    if (step === null) {
      this.stalled = true;
      return null;
    }
    if (this.stalled) this.rest ??= this.steps.length - 1;
    return common(step);
  }
}

/** Objects enough for one more lock, and nobody whose every attach is refused. */
function setupOf(drawn: Setup, { callbackOptional }: Profile): Setup {
  const setup = commonSetup(drawn);
  const importers = setup.importers.map((importer) =>
    importer.ops === "noCallback" && !callbackOptional ? { ...importer, ops: "callback" as const } : importer,
  );
  return { ...setup, importers, reservations: ["r1", "r2", "r3", "r4", "r5"] };
}

/** Draws a program for a misuse; null if this seed never comes to where it is possible. The wrong step is not played here. */
export function drawMisuse(
  misuse: Misuse,
  seed: number,
  profileName: string,
  operations: ReadonlyMap<string, number>,
): DrawnMisuse | null {
  const profile = profileNamed(profileName);
  const random = new Random(seed);
  const situation = { tasks: 2, weights: { beginSignalling: 0.05, ...misuse.weights } };
  const setup = setupOf(drawSetup(random, ownKinds), profile);
  const temper = tame(drawTemper(random, situation, longest, null, false), longest, operations, random);
  const chooser = new MisuseChooser(setup, profile, random, { ...temper, length: longest, refusedRate: 0 }, misuse);
  const events = playOn(setup, profile, chooser, `seed ${seed}`);
  const { wrong, steps, rest } = chooser;
  if (wrong === null || events.some(({ kind }) => kind === "warn")) return null;
  const plan = { setup, steps: [...steps, wrong], rest: rest ?? steps.length + 1, drain: [] };
  return { seed, plan, wrong };
}
