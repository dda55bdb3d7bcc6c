import { replayTogether } from "../../conformance/joint.ts";
import { registry } from "../../contracts/registry.ts";
import { describeViolation } from "../../conformance/failure/describe.ts";
import { referenceSubject } from "../../conformance/reference-subject.ts";
import { runProgram } from "../../conformance/run-program.ts";
import { systemOf, type Subject } from "../../conformance/subject.ts";
import { BadInput } from "../../spec/bad-input.ts";
import { errnoName } from "../../spec/errno.ts";
import type { Program } from "../../spec/program.ts";
import { printEvent, printStep, printWait } from "../../spec/print-step.ts";
import { initialState } from "../../spec/state/state.ts";
import { diffStates, printChange } from "../../spec/state/codec.ts";
import { observe } from "../../spec/state/observe.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import { programAsTest } from "../program-as-test.ts";
import { loadSubject, namedSubject } from "../subjects.ts";
import { readReplayFile } from "../files.ts";
import { print, type ExitCode, type OutputOptions } from "../output.ts";
import { replayWords } from "../replay-words.ts";

/** Settings of `replay`. */
export interface ReplayOptions extends OutputOptions {
  /** Module of the adapter to replay on. */
  readonly adapter?: string;
  /** Name of one of the built-in subjects, or of those that the adapter's module exports. */
  readonly subject?: string;
  /** Print every event with what it changed. */
  readonly step?: boolean;
}

/** `replay FILE`: runs a stored program again, without a seed, and says which rules break. */
export async function replayCommand(path: string, options: ReplayOptions): Promise<ExitCode> {
  const { program, others, rule } = readReplayFile(path);
  const subject = await subjectFor(options);
  if (others.length > 0) return replayAll([program, ...others], subject, options, path);
  if (options.format === "ts") {
    print(programAsTest(program, rule));
    return 0;
  }
  const run = await runProgram(program, subject);
  if (options.format === "json") {
    const violations = run.violations.map(({ rule: { id }, seq, why }) => ({ rule: id, seq, why }));
    print(
      JSON.stringify({
        subject: subject.name,
        violations,
        fault: run.fault,
        skipped: run.skipped,
        events: run.history.events,
      }),
    );
    return run.fault !== null ? 3 : run.violations.length > 0 ? 1 : 0;
  }
  if (options.step === true) printStepwise(program, run.history.events);
  for (const id of run.skipped) print(`step ${id} no longer fits and was skipped`);
  if (run.fault !== null) {
    print(`harness error: ${run.fault}`);
    return 3;
  }
  for (const violation of run.violations)
    print(
      `${describeViolation(violation, program, run.history.events, replayWords(path, options.adapter ?? null, subject.name))}\n`,
    );
  print(
    run.violations.length === 0
      ? `${subject.name}: ${program.steps.length - run.skipped.length} steps, no rule broken${rule === null ? "" : ` (${rule} no longer fails)`}`
      : `${subject.name}: ${run.violations.map((violation) => violation.rule.id).join(", ")} broken`,
  );
  return run.violations.length > 0 ? 1 : 0;
}

/** Programs that break a rule only together. */
async function replayAll(
  programs: readonly Program[],
  subject: Subject,
  { format }: ReplayOptions,
  path: string,
): Promise<ExitCode> {
  if (format === "ts")
    throw new BadInput("file", path, "holds several programs that break a rule together; a test is written for one");
  const rules = [...registry, ...(subject.rules ?? [])];
  const { violations, fault } = await replayTogether(programs, systemOf(subject), rules);
  if (format === "json")
    print(
      JSON.stringify({
        subject: subject.name,
        violations: violations.map(({ rule: { id }, why }) => ({ rule: id, why })),
        fault,
      }),
    );
  else {
    if (fault !== null) print(`harness error: ${fault}`);
    for (const { rule, why } of violations) print(`${rule.id}: ${why}`);
    const ids = violations.map(({ rule }) => rule.id);
    print(`${subject.name}: ${programs.length} programs, ${ids.join(", ") || "no rule"} broken together`);
  }
  return fault !== null ? 3 : violations.length > 0 ? 1 : 0;
}

async function subjectFor({ adapter, subject }: ReplayOptions): Promise<Subject> {
  if (adapter !== undefined) {
    const found = await loadSubject(adapter);
    const chosen = found.find(({ name }) => subject === undefined || name === subject);
    if (chosen !== undefined) return chosen;
    const names = found.map(({ name }) => name).join(", ");
    throw new BadInput("flag", "--subject", `${adapter} has no subject "${subject ?? ""}"; it has ${names}`);
  }
  return subject === undefined ? referenceSubject : namedSubject(subject);
}

function printStepwise(program: Program, events: readonly HistoryEvent[]): void {
  const state = initialState();
  let current: string | null = null;
  for (const event of events) {
    if (event.step !== current) {
      current = event.step;
      const step = program.steps.find((entry) => entry.id === current);
      if (step !== undefined) print(`${step.id} (${step.task}): ${printStep(step)}`);
    }
    const before = structuredClone(state);
    observe(state, event);
    const changes = diffStates(before, state, { ghost: false }).map(printChange);
    const text =
      event.kind === "blocked"
        ? `waits for ${printWait(event.wait)}`
        : event.kind === "resumed"
          ? `goes on: ${errnoName(event.errno)}`
          : printEvent(event);
    print(`  ${String(event.seq).padStart(4)} ${text}`);
    for (const change of changes) print(`         ${change}`);
  }
}
