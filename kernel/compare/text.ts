import { areas } from "../../contracts/rule-text.ts";
import type { KnownDifference } from "./known-differences.ts";
import { medianLength, type Tally, type Trouble } from "./tally.ts";

/** What a text says beside the tally itself. */
export interface TextOptions {
  readonly version: string;
  /** Every operation that the kernel's module has. */
  readonly operations: readonly string[];
  readonly known: readonly KnownDifference[];
  /** Troubles to print in full. */
  readonly show: number;
}

/** What a comparison has to reach before its silence means anything. Shares are of all programs. */
export const floors = { programs: 5000, length: 20, operation: 0.01, blocking: 0.1, rules: 150 } as const;

/** Where a comparison falls short of what it is meant to be. Small ones are not measured. */
export function shortfalls(tally: Tally, operations: readonly string[]): readonly string[] {
  const { programs, blocking } = tally;
  if (programs < floors.programs) return [];
  const found: string[] = [];
  const median = medianLength(tally);
  if (median < floors.length) found.push(`the median program has ${median} operations, not ${floors.length}`);
  for (const op of operations) {
    const share = (tally.operations[op] ?? 0) / programs;
    if (share < floors.operation) found.push(`${op} is in ${percent(share)} of the programs, not in 1 %`);
  }
  if (blocking / programs < floors.blocking)
    found.push(`${percent(blocking / programs)} of the programs block, not 10 %`);
  const rules = Object.keys(tally.exercises).length;
  if (rules < floors.rules) found.push(`${rules} rules are exercised, not ${floors.rules}`);
  return found;
}

/** Programs in which every known difference shows. */
const telling = 20_000;

/** Known differences of this kernel that none of so many programs showed: what they excuse may be gone, or hide something else. */
export function unmatched(tally: Tally, version: string, known: readonly KnownDifference[]): readonly string[] {
  if (tally.programs < telling) return [];
  return known
    .filter(({ id, kernels }) => kernels.some((start) => version.startsWith(start)) && tally.known[id] === undefined)
    .map(({ id }) => `the known difference ${id} shows in none of ${tally.programs} programs on ${version}`);
}

/** Whether nothing of a comparison is left unexplained. */
export function isGood(tally: Tally, operations: readonly string[]): boolean {
  return (
    tally.troubles.length === 0 &&
    Object.keys(tally.violations).length === 0 &&
    shortfalls(tally, operations).length === 0
  );
}

/** A comparison in words, the figures on the last line. */
export function textOf(tally: Tally, { version, operations, known, show }: TextOptions): string {
  const { programs, troubles, violations } = tally;
  const lines: string[] = [];
  for (const trouble of troubles.slice(0, show)) lines.push(...troubleText(trouble));
  const kinds = new Map<string, number[]>();
  for (const trouble of troubles) {
    const kind = kindOf(trouble);
    kinds.set(kind, [...(kinds.get(kind) ?? []), trouble.seed]);
  }
  for (const [kind, seeds] of [...kinds].toSorted(([, first], [, second]) => second.length - first.length))
    lines.push(`  untriaged ${String(seeds.length).padStart(5)}  ${kind}  (seeds ${seeds.slice(0, 5).join(", ")})`);
  for (const [rule, { count, first }] of Object.entries(violations).toSorted(([one], [two]) => one.localeCompare(two)))
    lines.push(`  broken    ${String(count).padStart(5)}  ${rule}: ${first.what} (seed ${first.seed})`);
  for (const [id, times] of Object.entries(tally.known))
    lines.push(
      `  known     ${String(times).padStart(5)}  ${id} (${known.find((entry) => entry.id === id)?.class ?? "as its model in drivers/"})`,
    );
  lines.push(`  operations, in percent of the programs: ${shares(tally, operations)}`);
  lines.push(`  rules exercised: ${rulesByArea(tally)}`);
  const complaints = Object.entries(tally.complaints).map(([id, times]) => `${id} ${times}`);
  if (complaints.length > 0) lines.push(`  programs with complaints of the kernel: ${complaints.join(", ")}`);
  for (const [what, times] of Object.entries(tally.tooLarge))
    lines.push(`  left out  ${String(times).padStart(5)}  too large for the module: ${what}`);
  for (const shortfall of shortfalls(tally, operations)) lines.push(`  too little: ${shortfall}`);
  lines.push(
    `Linux ${version}: ${programs} programs compared, ${tally.steps} operations, median ${medianLength(tally)} a program, ` +
      `${percent(tally.blocking / programs)} block, ${Object.keys(tally.operations).length} kinds of operations, ` +
      `${Object.keys(tally.exercises).length} rules exercised, ${troubles.length} untriaged differences, ` +
      `${Object.keys(violations).length} rules broken, ${tally.complaining} with a complaint of the kernel, ` +
      `${tally.unrepeated} kernels lost without a cause, ${tally.kernels} kernels, ` +
      `${Math.round((1000 * programs) / tally.milliseconds)} programs per second`,
  );
  return lines.join("\n");
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function shares({ operations: counts, programs }: Tally, operations: readonly string[]): string {
  const all = [...new Set([...operations, ...Object.keys(counts)])];
  return all
    .map((op) => [op, (100 * (counts[op] ?? 0)) / programs] as const)
    .toSorted(([, first], [, second]) => second - first)
    .map(([op, share]) => `${op} ${share.toFixed(1)}`)
    .join(", ");
}

function rulesByArea({ exercises }: Tally): string {
  const ids = Object.keys(exercises);
  return areas
    .map((area) => [area, ids.filter((id) => id.startsWith(`${area}-`)).length] as const)
    .filter(([, rules]) => rules > 0)
    .map(([area, rules]) => `${area} ${rules}`)
    .join(", ");
}

function kindOf({ what, difference }: Trouble): string {
  if (difference === null) return what;
  const heads = (words: readonly string[]) => words.map((word) => word.split(" ", 1)[0]).join(" ");
  return `${what} in ${difference.operation}: missing [${heads(difference.missing)}], extra [${heads(difference.extra)}]`;
}

function troubleText({ seed, what, difference, log }: Trouble): readonly string[] {
  return [
    `  seed ${seed}: ${what}${difference === null ? "" : ` in ${difference.step ?? "-"} ${difference.operation}`}`,
    ...(difference?.missing ?? []).map((word) => `    - ${word}`),
    ...(difference?.extra ?? []).map((word) => `    + ${word}`),
    ...(log === "" ? [] : [`    the kernel says: ${log.trim().split("\n").slice(0, 12).join("\n      ")}`]),
  ];
}
