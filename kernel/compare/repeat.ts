import type { Linux } from "../../adapters/linux/linux.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import { tooMuchOf } from "./room.ts";
import { drawPlan, isForeign, type DrawBounds, type Drawn } from "./draw-plan.ts";

/** What running the same programs twice came to. */
export interface Repeated {
  readonly programs: number;
  readonly events: number;
  /** Seeds whose two histories are not the same, with the first place where they part. */
  readonly different: readonly { readonly seed: number; readonly where: string }[];
}

/**
 * What two runs of one program may differ in. Times are read off a clock that goes on between programs, and in whose
 * numbers a kernel counts fence contexts depends on what it ran before: the decoder counts contexts anew.
 */
const excluded: ReadonlySet<string> = new Set(["time"]);
/**
 * The same, and the places in the history, where an exporter of the kernel's own takes part: which pages it finds free
 * is nobody's promise, nor into how many pieces they fall, nor where the table of them is.
 */
const excludedOfReal: ReadonlySet<string> = new Set([...excluded, "seq", "call", "cb", "address", "segments", "table"]);
/** A wait's remaining time, of which only the sign is said. */
const remaining: ReadonlySet<string> = new Set(["result"]);

/** Runs programs twice that the module has room for, the second time on other kernels, and compares the histories to the letter. */
export async function repeat(linux: Linux, first: number, programs: number, bounds: DrawBounds): Promise<Repeated> {
  const different: { seed: number; where: string }[] = [];
  const introduction = await linux.introduction();
  let [run, events] = [0, 0];
  for (let seed = first; seed < first + programs; seed += 100) {
    const drawn: Drawn[] = [];
    for (let at = seed; at < Math.min(seed + 100, first + programs); at += 1) {
      const one = drawPlan(at, bounds);
      if (tooMuchOf(one.plan, introduction) === null) drawn.push(one);
    }
    const plans = drawn.map(({ plan }) => plan);
    run += plans.length;
    const once = await linux.run(plans);
    linux.renew();
    const twice = await linux.run(plans);
    for (const [index, one] of once.entries()) {
      events += one.events.length;
      const real = drawn[index]!.program.setup.exporters.some(isForeign);
      const where = firstPart(one.events, twice[index]!.events, real);
      if (where !== null) different.push({ seed: drawn[index]!.seed, where });
    }
  }
  return { programs: run, events, different };
}

/** The two in words, exclusions named. */
export function repeatText({ programs, events, different }: Repeated): string {
  const lines = different.slice(0, 5).map(({ seed, where }) => `seed ${seed}: ${where}`);
  lines.push(
    `${programs} programs run twice, ${events} events, ${different.length} histories differ ` +
      `(not compared: times of signals, how much time a wait had left, and which pages the kernel's own exporters found free)`,
  );
  return lines.join("\n");
}

function firstPart(one: readonly HistoryEvent[], two: readonly HistoryEvent[], real: boolean): string | null {
  const seen = ({ kind }: HistoryEvent) => !real || kind !== "translate";
  const [firsts, seconds] = [one.filter(seen), two.filter(seen)];
  for (let index = 0; index < Math.max(firsts.length, seconds.length); index += 1) {
    const [first, second] = [textOf(firsts[index], real), textOf(seconds[index], real)];
    if (first !== second) return `event ${index}: ${first} / ${second}`;
  }
  return null;
}

function textOf(event: HistoryEvent | undefined, real: boolean): string {
  const left = real ? excludedOfReal : excluded;
  return JSON.stringify(event ?? null, (key, value: unknown) => {
    if (left.has(key)) return undefined;
    return remaining.has(key) && typeof value === "number" && value > 0 ? "+" : value;
  });
}
