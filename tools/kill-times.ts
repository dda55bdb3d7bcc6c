import { hunt, huntJoint } from "../conformance/hunt.ts";
import type { Mutant } from "../test/mutants/mutant.ts";

/** One hunt: CPU seconds and operations to the kill, or to where it gave up. */
interface KillTime {
  readonly mutant: Mutant;
  readonly seed: number;
  readonly seconds: number;
  readonly operations: number;
  readonly killed: boolean;
}

function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Hunts every mutant with every seed on this core, each for at most `limit` CPU seconds. Nothing is shrunk. */
function* killTimes(
  mutants: readonly Mutant[],
  seeds: readonly number[],
  limit: number,
): Generator<KillTime, void, unknown> {
  for (const mutant of mutants)
    for (const seed of seeds) {
      const system = mutant.system(() => undefined);
      const started = cpu();
      const goOn = () => cpu() - started < limit;
      const { rule, profile } = mutant;
      const { operations, killed } =
        mutant.joint === true
          ? found(huntJoint(system, profile, rule, seed, goOn), "violation")
          : found(hunt(system, profile, rule, seed, goOn), "kill");
      yield { mutant, seed, seconds: cpu() - started, operations, killed };
    }
}

function found<K extends string>(
  hunted: { readonly operations: number } & Readonly<Record<K, unknown>>,
  key: K,
): { readonly operations: number; readonly killed: boolean } {
  return { operations: hunted.operations, killed: hunted[key] !== null };
}

/** `1-10` or `3`: seeds, ascending. Throws RangeError for anything else. */
export function readSeeds(text: string): readonly number[] {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  if (match === null || last < first) throw new RangeError(`seeds are given as 1-10 or 3, not ${text}`);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Prints hunts that missed or took long, then the figures. True if every mutant was killed with every seed. */
export function reportSeeds(mutants: readonly Mutant[], seeds: readonly number[], limit: number): boolean {
  const times: KillTime[] = [];
  for (const time of killTimes(mutants, seeds, limit)) {
    times.push(time);
    if (!time.killed || time.seconds > limit / 5) console.log(lineOf(time));
  }
  const killed = times.filter((time) => time.killed).toSorted((first, second) => first.seconds - second.seconds);
  const median = killed[killed.length >> 1]?.seconds ?? 0;
  const worst = killed.at(-1);
  if (worst !== undefined) console.log(`worst: ${lineOf(worst)}`);
  console.log(
    `${killed.length} / ${times.length} kills of ${mutants.length} mutants with seeds ${seeds[0]} to ${seeds.at(-1)}, median ${(median * 1000).toFixed(0)} ms, worst ${(worst?.seconds ?? 0).toFixed(1)} s`,
  );
  return killed.length === times.length && times.length > 0;
}

function lineOf({ mutant, seed, seconds, operations, killed }: KillTime): string {
  return `${killed ? "killed" : "ALIVE "} ${mutant.name} [${mutant.profile}] seed ${seed}: ${operations} operations, ${seconds.toFixed(2)} s`;
}
