import { holdsIn, registry } from "../contracts/registry.ts";
import type { Violation } from "../contracts/judge.ts";
import { eventKinds } from "../spec/event.ts";
import { historySchema, type History } from "../spec/history.ts";
import type { Program } from "../spec/program.ts";
import { profileNamed } from "../spec/profile-name.ts";
import { replay } from "./replay.ts";
import { referenceSubject } from "./reference-subject.ts";
import { systemOf, type Subject } from "./subject.ts";

/** One program's run: its history, and what broke in it. */
export interface ProgramRun {
  readonly history: History;
  readonly violations: readonly Violation[];
  /** Our failure or the adapter's, null for a whole run. */
  readonly fault: string | null;
  /** Ids of steps that were not carried out because they no longer fit. */
  readonly skipped: readonly string[];
}

/** Runs one program on a subject, by default the reference, and judges it by every rule. Throws BadInput for an unknown profile. */
export async function runProgram(program: Program, subject: Subject = referenceSubject): Promise<ProgramRun> {
  const profile = profileNamed(program.profile);
  const rules = [...registry, ...(subject.rules ?? [])].filter(
    (rule) => rule.monitor !== undefined && holdsIn(rule, profile.series),
  );
  const run = await replay(program, systemOf(subject), rules, profile);
  const done = new Set(run.steps.map((step) => step.id));
  const header = {
    implementation: subject.name,
    version: subject.version ?? "0",
    profile: program.profile,
    capabilities: [],
    observes: eventKinds,
  };
  return {
    history: { schema: historySchema, header, program, events: run.events },
    violations: run.violations,
    fault: run.fault,
    skipped: program.steps.filter((step) => !done.has(step.id)).map((step) => step.id),
  };
}
