import type { KernelRun } from "../../adapters/linux/linux.ts";
import { errnoName } from "../../spec/errno.ts";
import type { HistoryEvent, RetEvent } from "../../spec/event.ts";
import { complaintsOf } from "../complaints/complaint.ts";

/** Results that a line shows where a call has them. */
const shown = ["result", "answer", "status", "entries", "fences", "merged"] as const;

/** What a run answered in some steps, a line an event, in words that do not depend on when or where it ran. */
export function answersIn(run: KernelRun, steps: readonly string[]): readonly string[] {
  const complaints = new Map(complaintsOf(run).map((complaint) => [complaint.seq, complaint]));
  const lines = run.events
    .filter(({ step }) => step !== null && steps.includes(step))
    .flatMap((event): readonly string[] => {
      const complaint = complaints.get(event.seq);
      if (complaint !== undefined) return [`${event.step}: complains: ${complaint.kind?.id ?? complaint.text}`];
      const words = wordsOf(event);
      return words === null ? [] : [`${event.step}: ${words}`];
    });
  for (const [step, why] of run.skipped) if (steps.includes(step)) lines.push(`${step}: left out: ${why}`);
  return run.end === "whole" ? lines : [...lines, run.end];
}

function wordsOf(event: HistoryEvent): string | null {
  switch (event.kind) {
    case "ret":
      return event.by === "framework" ? null : `${event.op} ${resultOf(event)}`;
    case "cb":
      return `hook ${event.hook}`;
    case "lock":
      return event.by === "framework" ? null : `lock ${event.errno === 0 ? "ok" : errnoName(event.errno)}`;
    case "blocked":
      return `blocks on ${event.wait.kind}`;
    case "signal":
      return `${event.fence} signals${event.error === 0 ? "" : ` with ${errnoName(-event.error)}`}`;
    case "free":
      return event.what === "fence" ? `${event.id} is freed` : null;
    default:
      return null;
  }
}

function resultOf(event: RetEvent): string {
  if (event.errno !== 0) return errnoName(event.errno);
  const values = event as unknown as Readonly<Record<string, unknown>>;
  const results = shown.flatMap((key) => (key in values ? [JSON.stringify(values[key])] : []));
  return results.length === 0 ? "ok" : results.join(" ");
}
