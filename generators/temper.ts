import type { Situation } from "../spec/situation.ts";
import { operationNames, type OperationName } from "../spec/operations/operations.ts";
import { platformOperations } from "../spec/operations/platform.ts";
import { baseWeights } from "./draw/draws.ts";
import { drawFocus, focusFactors, type Focus } from "./focus.ts";
import type { Only, OwnPart } from "./own-part.ts";
import { drawSchedule, type ScheduleChoice } from "./schedule/choose.ts";
import type { Random } from "./random.ts";

/** How one program is drawn: its length, its tasks, and how wild it is. */
export interface Temper {
  readonly length: number;
  /** The part of the contract it dwells on. */
  readonly focus: Focus | null;
  readonly tasks: readonly string[];
  /** What operations are drawn from: `operationNames`, and behind them those of another contract. */
  readonly names: readonly OperationName[];
  /** Cumulative weights, in the order of `names`. */
  readonly cumulative: Float64Array;
  /** Who runs at the scheduling points inside steps. */
  readonly schedule: ScheduleChoice;
  /** Probability of failing at a step that can fail, per passage. */
  readonly failRate: number;
  /** Probability that a draw asks for a refusal. */
  readonly refusedRate: number;
  /** Misuse that the kernel reports is drawn; then only the framework is judged. */
  readonly misuse: boolean;
  readonly interruptRate: number;
  /** Failures a situation asks for: sites are failed with these errnos more often. */
  readonly wanted: readonly { readonly site: string; readonly errno: number }[];
  /** What steps have to be like; absent: any will do. */
  readonly only?: Only;
}

const ofPlatform = Float64Array.from(operationNames, (name) => (name in platformOperations ? 1 : 0));
const even = new Float64Array(operationNames.length).fill(1);
const base = Float64Array.from(operationNames, (name) => baseWeights[name]);

/** Swarm weights in the order of `operationNames`: some operations nearly off, the others spread over two decades. */
function swarm(random: Random): Float64Array {
  return even.map(() => (random.chance(0.2) ? 0.02 : random.logarithmic(10, 1000) / 100));
}

/** What all programs of a kind have in common. */
export interface Style {
  /** Weights beside the basic ones: all alike, of a swarm, or either. */
  readonly weights: "even" | "swarm" | "either";
  /** Whether programs dwell on a part of the contract. */
  readonly focused: boolean;
  /** Steps of the shortest. */
  readonly shortest: number;
}

/** Programs as they are drawn by default. */
export const usual: Style = { weights: "either", focused: true, shortest: 12 };

function factorsFor(random: Random, weights: Style["weights"]): Float64Array {
  switch (weights) {
    case "even":
      return even;
    case "swarm":
      return swarm(random);
    case "either":
      return random.chance(0.5) ? swarm(random) : even;
  }
}

/** Share of the programs of another contract that dwell on it. */
const mostlyOwn = 0.9;

const none: ScheduleChoice = { kind: "none" };

/** A situation that asks for pauses knows its window: its own rate mostly, the others now and then. */
function scheduleFor(random: Random, pauses: number | undefined, parallel: boolean): ScheduleChoice {
  if (pauses !== undefined && random.chance(0.7)) return { kind: "pauses", rate: pauses };
  return pauses !== undefined || random.chance(parallel ? 0.75 : 0.33) ? drawSchedule(random) : none;
}

/** Draws the temper of one program of at most `longest` steps; a situation and the area of a rule bend it. */
export function drawTemper(
  random: Random,
  situation: Situation | null,
  longest: number,
  area: string | null,
  described: boolean,
  style: Style = usual,
  own: OwnPart | null = null,
): Temper {
  const factors = factorsFor(random, style.weights);
  // Programs of another contract dwell on what is its own, but for a few.
  const dwells = own !== null && random.chance(mostlyOwn);
  const focus = style.focused && !dwells ? drawFocus(random, area) : null;
  const inFocus = dwells ? own.near : focusFactors(focus);
  const names = own?.names ?? operationNames;
  const cumulative = new Float64Array(names.length);
  let sum = 0;
  const weights = situation?.weights;
  for (let index = 0; index < base.length; index += 1) {
    const wanted = weights?.[operationNames[index]!];
    // Of a platform that nobody describes there is nothing to be learnt.
    if (!described && ofPlatform[index] === 1) {
      cumulative[index] = sum;
      continue;
    }
    // What a situation names is never outside the focus, nor off in a swarm.
    sum += base[index]! * (wanted ?? factors[index]! * inFocus[index]!);
    cumulative[index] = sum;
  }
  for (const [index, weight] of own?.weights.entries() ?? []) {
    const wanted = weights?.[names[base.length + index]!] ?? 1;
    cumulative[base.length + index] = sum += weight * wanted;
  }
  const tasks = situation?.tasks ?? random.pick([1, 1, 2, 2, 3]);
  const parallel = tasks > 1;
  return {
    length: random.logarithmic(style.shortest, longest),
    focus,
    names,
    tasks: Array.from({ length: tasks }, (_, index) => `t${index + 1}`),
    cumulative,
    schedule: scheduleFor(random, situation?.pauses, parallel),
    failRate: situation?.failures === undefined ? random.pick([0, 0, 0, 0.02, 0.15]) : random.pick([0.05, 0.2]),
    refusedRate: random.pick([0.05, 0.1, 0.15]),
    misuse: situation?.misuse !== undefined ? random.chance(0.7) : random.chance(0.04),
    interruptRate: situation?.interrupts === true ? 0.2 : random.pick([0, 0, 0.05]),
    wanted: situation?.failures ?? [],
    ...(dwells && { only: own.only }),
  };
}

/** An operation by the temper's weights. */
export function pickOperation(random: Random, { cumulative, names }: Temper): OperationName {
  const target = (random.next() / 2 ** 32) * cumulative[cumulative.length - 1]!;
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle]! > target) high = middle;
    else low = middle + 1;
  }
  return names[low]!;
}
