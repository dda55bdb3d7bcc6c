import type { Violation } from "../../contracts/judge.ts";
import { registry } from "../../contracts/registry.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import type { Program } from "../../spec/program.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import { programsOf } from "../counterexample.ts";
import { replay } from "../replay.ts";
import type { RuleReport } from "../report.ts";
import { systemOf, type Subject } from "../subject.ts";
import { failureBlock } from "./block.ts";

/** The text for a rule that broke in one run of a program that was not searched for. */
export function describeViolation(
  violation: Violation,
  program: Program,
  events: readonly HistoryEvent[],
  replayCommand: string,
): string {
  const { rule, why, seq, evidence } = violation;
  const counterexample = { schema: 1, rule: rule.id, program, why, seq, evidence, also: [], found: null } as const;
  return failureBlock({ rule, counterexample, events, replay: replayCommand });
}

/** The text for a red rule: the whole block where there is a counterexample, one sentence otherwise. */
export async function describeFailure(
  subject: Subject,
  report: RuleReport,
  replayCommand = "write the counterexample to a file: npx dmabuf-conformance replay FILE",
): Promise<string> {
  const rule = [...registry, ...(subject.rules ?? [])].find((entry) => entry.id === report.id);
  if (report.counterexample === null || rule === undefined)
    return `${report.id} ${report.verdict}: ${report.reason ?? report.statement}`;
  const runs = [];
  for (const program of programsOf(report.counterexample))
    runs.push(await replay(program, systemOf(subject), [rule], profileNamed(program.profile)));
  const [events = [], ...others] = runs.map((run) => run.events);
  return failureBlock({ rule, counterexample: report.counterexample, events, others, replay: replayCommand });
}
