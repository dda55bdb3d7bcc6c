import type { KernelRun } from "../../adapters/linux/linux.ts";
import { lastBegun } from "../../conformance/replay.ts";
import { judgeHistory } from "../../contracts/judge.ts";
import type { Rule } from "../../contracts/rule.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import { reportedBy } from "../complaints/complaint.ts";
import { differenceOf, isSeen } from "./campaign.ts";
import type { Difference } from "./compare.ts";
import type { Drawn } from "./draw-plan.ts";
import type { KnownDifferences } from "./known-differences.ts";

/** What is wrong with a run, and what a shorter program has to show as well. */
export type Shape =
  /** The kernel's history breaks this rule, or the kernel says so. */
  | { readonly kind: "rule"; readonly rule: Rule }
  /** The two part in this operation, by events of these kinds and no others. */
  | { readonly kind: "difference"; readonly operation: string; readonly parts: ReadonlySet<string> }
  /** The kernel does not survive. */
  | { readonly kind: "end"; readonly end: "crashed" | "hung" };

/** The kinds of events by which two histories part. */
function partsOf({ missing, extra }: Difference): ReadonlySet<string> {
  return new Set([...missing.map((word) => `- ${partOf(word)}`), ...extra.map((word) => `+ ${partOf(word)}`)]);
}

/** An event by its kind and the call or hook it is of: names and numbers change while a program shrinks. */
function partOf(word: string): string {
  const [kind] = word.split(" ", 1);
  return [kind, ...(/\b(?:op|hook)="\w+"/.exec(word) ?? [])].join(" ");
}

/** The shape of a difference. */
export function shapeOf(difference: Difference): Shape {
  return { kind: "difference", operation: difference.operation, parts: partsOf(difference) };
}

/** What a shape is called in a line, and as part of a file's name. */
export function shapeName(shape: Shape): string {
  switch (shape.kind) {
    case "rule":
      return shape.rule.id;
    case "difference":
      return `difference-${shape.operation}`;
    case "end":
      return shape.end;
  }
}

/** Where a run shows a shape: the last step that had begun, null where that is not known. */
interface Shown {
  readonly last: string | null;
}

/** Whether a run shows the shape, and where. Differences that are known are nobody's. */
export function shows(
  shape: Shape,
  drawn: Drawn,
  run: KernelRun,
  known: KnownDifferences,
  version: string,
): Shown | null {
  switch (shape.kind) {
    case "rule":
      return brokenAt(shape.rule, drawn, run);
    case "difference":
      return run.end === "whole" ? partedAt(shape, differenceOf(drawn, run), known, version) : null;
    case "end":
      return run.end === shape.end ? { last: null } : null;
  }
}

function brokenAt(rule: Rule, { plan: { steps }, program, events }: Drawn, run: KernelRun): Shown | null {
  const reported = reportedBy(run, events, steps).find((entry) => entry.rule === rule.id);
  if (reported !== undefined) return { last: lastBegun({ steps, events: run.events }, reported.seq) };
  const violation = judgeHistory(run.events, [rule], profileNamed(program.profile)).violations[0];
  if (violation === undefined || !isSeen(rule.id, steps)) return null;
  return { last: lastBegun({ steps, events: run.events }, violation.seq) };
}

function partedAt(
  { operation, parts }: Shape & { readonly kind: "difference" },
  difference: Difference | null,
  known: KnownDifferences,
  version: string,
): Shown | null {
  if (difference?.operation !== operation || known.of(difference, version) !== null) return null;
  return [...partsOf(difference)].every((part) => parts.has(part)) ? { last: difference.step } : null;
}
