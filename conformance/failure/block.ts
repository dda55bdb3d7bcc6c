import type { Rule } from "../../contracts/rule.ts";
import { printSource } from "../../contracts/source.ts";
import { lengthOf } from "../../generators/shrink/session.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import { boundText } from "../bound.ts";
import type { Counterexample, OtherProgram } from "../counterexample.ts";
import { provenance } from "./provenance.ts";
import { fit, labelled, wrap } from "./text.ts";
import { timeline, type TimelineRow } from "./timeline.ts";

/** Terminal columns a block fits into. */
const width = 80;
const indent = 9;
/** Rows of the timeline before its middle is left out. */
const mostRows = 16;

/** Everything a block is made of. */
export interface Failure {
  readonly rule: Rule;
  readonly counterexample: Counterexample;
  /** The history of the counterexample's program. */
  readonly events: readonly HistoryEvent[];
  /** The histories of its other programs, where only several runs break the rule together. */
  readonly others?: readonly (readonly HistoryEvent[])[];
  /** How to run it again, for example `npx dmabuf-conformance replay FILE`. */
  readonly replay: string;
}

/**
 * What a person reads when a rule is broken: the rule, who did what in columns, the events that force the conclusion,
 * where the rule comes from, what to look at, and how to run it again. At most 80 columns wide.
 */
export function failureBlock({ rule, counterexample, events, others = [], replay }: Failure): string {
  const proof = provenance(events, counterexample.evidence, counterexample.seq);
  const lines = [
    ` FAIL  ${rule.id}  ${rule.level}  ${rule.obliged.join(", ")}`,
    ...wrap(rule.statement, width - 2).map((line) => ` ${line}`),
    ` ${"─".repeat(width - 2)}`,
    ...columns(timeline(events, proof), proof, counterexample.seq),
    ...others.flatMap((history, index) => otherProgram(history, counterexample.others![index]!)),
    "",
    ...labelled(" why", proofText(counterexample, proof), width, indent),
    ...rule.sources.slice(0, 2).flatMap((source) => labelled(" source", printSource(source), width, indent)),
    ...rule.hints.slice(0, 3).flatMap((hint) => labelled(" check", hint, width, indent)),
    ...(counterexample.bound === undefined
      ? []
      : labelled(" length", boundText(lengthOf(counterexample.program), counterexample.bound), width, indent)),
    ...(counterexample.found === null
      ? []
      : labelled(" found", foundText(counterexample, counterexample.found), width, indent)),
    ...labelled(" replay", replay, Number.MAX_SAFE_INTEGER, indent),
    ...(counterexample.also.length === 0 ? [] : labelled(" also", alsoText(counterexample), width, indent)),
  ];
  return lines.map((line) => line.trimEnd()).join("\n");
}

/** What another program shows, below the first. */
function otherProgram(events: readonly HistoryEvent[], { seq, evidence }: OtherProgram): readonly string[] {
  const proof = provenance(events, evidence, seq);
  const [, ...rows] = columns(timeline(events, proof), proof, seq);
  return [" and in another program", ...rows];
}

/** Widths of the columns: left, right, state. */
const wide = { left: 31, right: 23, state: 16 } as const;

function columns(rows: readonly TimelineRow[], proof: readonly number[], broken: number): readonly string[] {
  const tasks = new Set(rows.map((row) => row.task));
  const head = `   ${fit("#", 4)} ${fit("importer, program", wide.left)} ${fit("exporter, framework", wide.right)} state`;
  const body = shorten(rows, proof).map((row) => {
    if (row === null) return "        …";
    const mark = row.seq === broken ? "✗" : proof.includes(row.seq) ? "•" : " ";
    const task = tasks.size > 1 ? `${row.task} ` : "";
    const text = `${task}${"  ".repeat(Math.min(row.depth, 3))}${row.text}`;
    return ` ${mark} ${fit(String(row.seq), 4)} ${rowText(row, text)}`;
  });
  return [head, ...body];
}

/** A text that does not fit into its column takes the room of the empty ones beside it. */
function rowText({ side, change }: TimelineRow, text: string): string {
  const room = wide.left + 1 + wide.right;
  const body =
    side === "left" ? text : `${" ".repeat(Math.max(0, Math.min(wide.left + 1, room - text.length)))}${text}`;
  return `${fit(body, room)} ${fit(change, wide.state)}`;
}

/** Keeps the rows of the proof and the last ones; null stands for what was left out. */
function shorten(rows: readonly TimelineRow[], proof: readonly number[]): readonly (TimelineRow | null)[] {
  if (rows.length <= mostRows) return rows;
  const keep = new Set(rows.filter((row) => proof.includes(row.seq)).map((row) => row.seq));
  for (const row of rows.toReversed()) {
    if (keep.size >= mostRows) break;
    keep.add(row.seq);
  }
  const short: (TimelineRow | null)[] = [];
  for (const row of rows) {
    if (keep.has(row.seq)) short.push(row);
    else if (short.at(-1) !== null) short.push(null);
  }
  return short;
}

function proofText({ why, seq }: Counterexample, proof: readonly number[]): string {
  const before = proof.filter((entry) => entry !== seq);
  // A sentence that begins with the name of an object keeps it as it is.
  const named = /^\S*\d/.test(why);
  const sentence = `${named ? why.charAt(0) : why.charAt(0).toUpperCase()}${why.slice(1)}.`;
  if (before.length === 0) return `Event ${seq}: ${sentence}`;
  return `${sentence} Event ${seq} is wrong because of ${before.length === 1 ? "event" : "events"} ${before.join(", ")}.`;
}

function foundText({ program }: Counterexample, found: NonNullable<Counterexample["found"]>): string {
  const extras = [
    program.schedule.length > 0 ? `${program.schedule.length} preemptions` : "",
    program.failures.length > 0 ? `${program.failures.length} injected failures` : "",
  ].filter((text) => text !== "");
  const length = [`${program.steps.length} steps`, ...extras].join(", ");
  const where = found.slice === 0 ? `seed ${found.seed}` : `seed ${found.seed}, slice ${found.slice}`;
  return `after ${found.programs} programs, ${found.operations} operations (${where}); shrunk from ${found.steps} steps to ${length} in ${found.executions} runs`;
}

function alsoText({ also }: Counterexample): string {
  return `${also.join(", ")} broke in the program it was found in`;
}
