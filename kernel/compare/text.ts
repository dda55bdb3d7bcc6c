import { areas } from "../../contracts/rule-text.ts";
import type { KnownDifference } from "./known-differences.ts";
import { medianLength, type Tally, type Trouble } from "./tally.ts";

/** What a kernel's module has, all of which a comparison has to use: operations, hooks, kinds of exporters. */
export interface Offered {
  readonly operations: readonly string[];
  readonly hooks: readonly string[];
  readonly exporters: readonly string[];
}

/** What a text says beside the tally itself. */
export interface TextOptions {
  readonly version: string;
  readonly offered: Offered;
  readonly known: readonly KnownDifference[];
  /** Troubles to print in full. */
  readonly show: number;
}

/** What a comparison has to reach before its silence means anything. Shares are of all programs. */
export const floors = { programs: 5000, length: 20, share: 0.01, blocking: 0.1, rules: 150 } as const;

/** Where a comparison falls short of what it is meant to be. Small ones are not measured. */
export function shortfalls(tally: Tally, { operations, hooks, exporters }: Offered): readonly string[] {
  const { programs, blocking } = tally;
  if (programs < floors.programs) return [];
  const found: string[] = [];
  const median = medianLength(tally);
  if (median < floors.length) found.push(`the median program has ${median} operations, not ${floors.length}`);
  const rare = (names: readonly string[], counts: Readonly<Record<string, number>>, what: string) => {
    for (const name of names) {
      const share = (counts[name] ?? 0) / programs;
      if (share < floors.share) found.push(`${what}${name} is in ${percent(share)} of the programs, not in 1 %`);
    }
  };
  rare(operations, tally.operations, "");
  rare(hooks, tally.hooks, "the hook ");
  rare(exporters, tally.exporters, "an export by ");
  if (blocking / programs < floors.blocking)
    found.push(`${percent(blocking / programs)} of the programs block, not 10 %`);
  const rules = Object.keys(tally.exercises).length;
  if (rules < floors.rules) found.push(`${rules} rules are exercised, not ${floors.rules}`);
  return found;
}

/** Columns of the terminal that a text is read in. */
const width = 80;

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
export function isGood(tally: Tally, offered: Offered): boolean {
  return (
    tally.troubles.length === 0 && Object.keys(tally.violations).length === 0 && shortfalls(tally, offered).length === 0
  );
}

/** A comparison in words, the figures on the last line. */
export function textOf(tally: Tally, { version, offered, known, show }: TextOptions): string {
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
  const share = (names: readonly string[], counts: Readonly<Record<string, number>>) => shares(names, counts, programs);
  lines.push(
    ...folded("operations, in percent of the programs", share(offered.operations, tally.operations)),
    ...folded("hooks, the same", share(offered.hooks, tally.hooks)),
    ...folded("exports by kinds of exporters, the same", share(offered.exporters, tally.exporters)),
    ...folded("rules exercised", rulesByArea(tally)),
  );
  const complaints = Object.entries(tally.complaints).map(([id, times]) => `${id} ${times}`);
  if (complaints.length > 0) lines.push(...folded("programs with complaints of the kernel", complaints));
  for (const [what, times] of Object.entries(tally.tooLarge))
    lines.push(`  left out  ${String(times).padStart(5)}  too large for the module: ${what}`);
  if (tally.unrepeated > 0)
    lines.push(
      `  lost      ${String(tally.unrepeated).padStart(5)}  kernels ended or hung without a cause that a fresh one shows (killed?); what they ran was run again`,
    );
  for (const shortfall of shortfalls(tally, offered)) lines.push(`  too little: ${shortfall}`);
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

/** Words after a heading, in lines that a terminal of 80 columns shows whole. */
function folded(heading: string, words: readonly string[]): readonly string[] {
  const lines = [`  ${heading}:`];
  for (const [index, word] of words.entries()) {
    const text = ` ${word}${index + 1 < words.length ? "," : ""}`;
    if (lines.at(-1)!.length + text.length > width) lines.push(`   ${text}`);
    else lines[lines.length - 1] += text;
  }
  return lines;
}

/** The rarest first: these are what a floor is about. */
function shares(
  names: readonly string[],
  counts: Readonly<Record<string, number>>,
  programs: number,
): readonly string[] {
  return [...new Set([...names, ...Object.keys(counts)])]
    .map((name) => [name, (100 * (counts[name] ?? 0)) / programs] as const)
    .toSorted(([, first], [, second]) => first - second)
    .map(([name, share]) => `${name} ${share.toFixed(1)}`);
}

function rulesByArea({ exercises }: Tally): readonly string[] {
  const ids = Object.keys(exercises);
  return areas
    .map((area) => [area, ids.filter((id) => id.startsWith(`${area}-`)).length] as const)
    .filter(([, rules]) => rules > 0)
    .map(([area, rules]) => `${area} ${rules}`);
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
