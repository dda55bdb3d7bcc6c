import type { RunsPlans } from "../compare/runs-plans.ts";
import { program as newProgram } from "../../spec/builder.ts";
import type { Program } from "../../spec/program.ts";
import { answersIn } from "./answers.ts";
import { holes, outOfReach } from "./holes.ts";
import type { Hole } from "./hole.ts";

/** A suspicion on one kernel. */
export interface HoleResult {
  readonly hole: Hole;
  readonly answers: readonly string[];
  readonly expected: readonly string[];
}

/** The program of a suspicion: three buffers, of an exporter that stays, one that pins and one that moves; three importers. */
export function programOf(hole: Hole, profile: string): Program {
  const program = newProgram(profile)
    .device("d1")
    .exporter("e1", { kind: "scripted" })
    .exporter("e2", { kind: "scriptedDynamic" })
    .exporter("e3", { kind: "moving" })
    .importer("i1", { kind: "scripted", ops: "callback" })
    .importer("i2", { kind: "scripted", ops: "static" })
    .importer("i3", { kind: "scripted", ops: "noCallback" })
    .buffer("b1", { exporter: "e1" })
    .buffer("b2", { exporter: "e2" })
    .buffer("b3", { exporter: "e3" })
    .reservation("r1")
    .reservation("r2")
    .reservation("r3")
    .task("t1");
  return hole.write(program).build();
}

/** Runs every suspicion that this kernel can, each on a fresh one. */
export async function runHoles(kernel: RunsPlans, profile: string): Promise<readonly HoleResult[]> {
  const { version } = await kernel.introduction();
  const results: HoleResult[] = [];
  for (const hole of holes) {
    const expected = Object.entries(hole.answers).find(([start]) => version.startsWith(start))?.[1];
    if (expected === undefined) continue;
    const { setup, steps } = programOf(hole, profile);
    kernel.renew();
    const [run] = await kernel.run([{ setup, steps, rest: steps.length, drain: [] }]);
    results.push({ hole, expected, answers: answersIn(run!, hole.looks) });
  }
  kernel.renew();
  return results;
}

/** Whether a kernel answers as it did when the suspicion was looked into. */
export function isAsExpected({ answers, expected }: HoleResult): boolean {
  return JSON.stringify(answers) === JSON.stringify(expected);
}

/** What came of the suspicions, the figures on the last line. */
export function holesText(results: readonly HoleResult[], version: string): string {
  const lines = results.flatMap((result) => {
    const { hole, answers, expected } = result;
    const head = `  ${isAsExpected(result) ? "  " : "! "}${hole.id.padEnd(28)} ${hole.verdict.padEnd(10)} ${hole.suspicion}`;
    const other = isAsExpected(result) ? [] : expected.map((line) => `        - ${line}`);
    return [head, ...answers.map((line) => `          ${line}`), ...other];
  });
  for (const { what, rules, why } of outOfReach) lines.push(`    out of reach  ${rules.join(" ")}: ${what}: ${why}`);
  const verdicts = (["real", "as written", "refuted"] as const)
    .map((verdict) => `${results.filter(({ hole }) => hole.verdict === verdict).length} ${verdict}`)
    .join(", ");
  const changed = results.filter((result) => !isAsExpected(result)).length;
  lines.push(
    `Linux ${version}: ${results.length} suspicions run: ${verdicts}; ${outOfReach.length} out of reach; ` +
      `${changed} answered otherwise than expected`,
  );
  return lines.join("\n");
}
