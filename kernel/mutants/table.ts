import Table from "cli-table3";
import type { Trial } from "./trial.ts";

/** Where faults are: in the module's exporter and importer, in the kernel's core and exporters, in the iommufd pair. */
export const parts = ["module", "core", "pair"] as const;
export type Part = (typeof parts)[number];

/** Faults of each part that a whole run has to try: with fewer its silence means less than it says. */
export const least: Readonly<Record<Part, number>> = { module: 9, core: 18, pair: 8 };

/** What came of one fault. */
export interface FaultRow {
  readonly part: Part;
  readonly name: string;
  /** The rule that has to catch it. */
  readonly rule: string;
  /** A sentence: the kernel with this fault cannot be built. */
  readonly outcome: Trial | string;
}

/** What a kernel without a fault showed in the programs that the faults of one part were caught with. */
export interface CleanRow {
  readonly part: Part;
  readonly programs: number;
  readonly broken: ReadonlyMap<string, number>;
}

/** Everything a run has tried. */
export interface Results {
  readonly faults: readonly FaultRow[];
  readonly clean: readonly CleanRow[];
  /** Whether every fault was asked for. */
  readonly whole: boolean;
}

function isCaught({ outcome }: FaultRow): boolean {
  return typeof outcome !== "string" && outcome.at !== null;
}

/** Other rules to name beside the wanted one. */
const named = 3;

function caughtBy({ rule, outcome }: FaultRow): string {
  if (typeof outcome === "string") return outcome;
  const others = [...outcome.broken.keys()].filter((id) => id !== rule);
  const more = others.length > named ? ` and ${others.length - named} more` : "";
  const also = others.length === 0 ? "" : `${others.slice(0, named).join(", ")}${more}`;
  if (outcome.at === null) return `MISSED${also === "" ? "" : `; only ${also}`}`;
  return also === "" ? rule : `${rule}; also ${also}`;
}

/** One line of a fault, as soon as it was tried. */
export function faultLine(row: FaultRow): string {
  const { outcome } = row;
  const at = typeof outcome === "string" ? "" : `, program ${outcome.at ?? `none of ${outcome.programs}`}`;
  return `${row.part.padEnd(6)}  ${row.name}: ${row.rule}; caught by ${caughtBy(row)}${at}`;
}

function brokenText(broken: ReadonlyMap<string, number>): string {
  return [...broken].map(([id, times]) => `${id} ${times}`).join(", ");
}

/** What is not as it has to be, one line each. */
export function shortfalls({ faults, clean, whole }: Results): readonly string[] {
  const found: string[] = [];
  for (const row of faults)
    if (typeof row.outcome === "string") found.push(`not built: ${row.outcome}`);
    else if (!isCaught(row)) found.push(`missed: ${row.name} (${row.rule}) in ${row.outcome.programs} programs`);
  for (const { part, broken } of clean)
    if (broken.size > 0) found.push(`the kernel without a fault (${part}) shows ${brokenText(broken)}`);
  for (const part of parts) {
    const tried = faults.filter((row) => row.part === part).length;
    if (whole && tried < least[part]) found.push(`${tried} faults of ${part} were tried, not ${least[part]}`);
    if (tried > 0 && !clean.some((row) => row.part === part && row.programs > 0))
      found.push(`the kernel without a fault (${part}) was not tried`);
  }
  return found;
}

/** All of it as a table, 80 columns wide, then what falls short, the figures on the last line. */
export function tableText(results: Results): string {
  const { faults, clean } = results;
  const table = new Table({
    head: ["fault", "rule", "caught by", "at program"],
    colWidths: [33, 10, 23, 9],
    wordWrap: true,
    style: { head: [], border: [], compact: true },
  });
  for (const row of faults) {
    const { outcome } = row;
    const at = typeof outcome === "string" ? "" : (outcome.at ?? `none of ${outcome.programs}`);
    table.push([`${row.part}: ${row.name}`, row.rule, caughtBy(row), at]);
  }
  for (const { part, programs, broken } of clean)
    table.push([`${part}: no fault`, "none", brokenText(broken) || "nothing", `0 of ${programs}`]);
  const counts = parts
    .map((part) => faults.filter((row) => row.part === part))
    .filter((rows) => rows.length > 0)
    .map((rows) => `${rows.filter(isCaught).length} of ${rows.length} of ${rows[0]!.part}`);
  const dirty = clean.filter(({ broken }) => broken.size > 0).length;
  const programs = clean.reduce((sum, row) => sum + row.programs, 0);
  return [
    table.toString(),
    ...shortfalls(results),
    `${faults.filter(isCaught).length} of ${faults.length} faults caught by the rule they break (${counts.join(", ")}); ` +
      `without a fault ${dirty === 0 ? "nothing is broken" : "something is broken"} in ${programs} programs`,
  ].join("\n");
}
