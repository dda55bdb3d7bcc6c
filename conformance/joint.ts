import { AcrossRuns, type JointViolation, type Share } from "../contracts/across.ts";
import type { Rule } from "../contracts/rule.ts";
import { shrink } from "../generators/shrink/shrink.ts";
import type { Shrunk } from "../generators/shrink/session.ts";
import type { System } from "../harness/system.ts";
import { profileNamed } from "../spec/profile-name.ts";
import type { Program } from "../spec/program.ts";
import { lastBegun, replay, whatHappened, type Replay } from "./replay.ts";

/** What programs break together, and why one of them was no verdict, where one was none. */
interface Together {
  readonly violations: readonly JointViolation[];
  readonly fault: string | null;
}

/** Runs programs one after the other and says what they break together, of these rules. */
export async function replayTogether(
  programs: readonly Program[],
  system: System,
  rules: readonly Rule[],
): Promise<Together> {
  const runs = new AcrossRuns(rules);
  let fault: string | null = null;
  for (const program of programs) {
    const run = await replay(program, system, [], profileNamed(program.profile));
    fault ??= run.fault;
    if (run.fault === null) runs.collect({ program, events: run.events });
  }
  return { violations: runs.judge(), fault };
}

/** The shortest programs found that still break the rule together, and the runs it took to find them. */
export async function shrinkJoint(
  system: System,
  violation: JointViolation,
): Promise<{ readonly violation: JointViolation; readonly executions: number }> {
  const { rule, shares } = violation;
  const programs: Program[] = [];
  let executions = 0;
  for (const share of shares) {
    const result = await shrink(share.program, (candidate) => {
      const run = replay(candidate, system, [], profileNamed(candidate.profile));
      return run instanceof Promise
        ? run.then((done) => stillShows(rule, share, candidate, done))
        : stillShows(rule, share, candidate, run);
    });
    programs.push(result.program);
    executions += result.executions;
  }
  const { violations } = await replayTogether(programs, system, [rule]);
  return { violation: violations[0] ?? violation, executions };
}

function stillShows({ across }: Rule, { fact }: Share, candidate: Program, run: Replay): Shrunk | null {
  const facts = across!.facts.empty();
  if (run.fault === null) across!.facts.collect(facts, { program: candidate, events: run.events });
  const share = across!.share(facts, fact);
  return share === null ? null : { program: whatHappened(candidate, run), last: lastBegun(run, share.seq) };
}
