import type { KernelRun } from "../../adapters/linux/linux.ts";
import { complaintsOf } from "../complaints/complaint.ts";
import type { RunsPlans } from "../compare/runs-plans.ts";
import { bufferMisuses } from "./buffers.ts";
import { drawMisuse, type DrawnMisuse } from "./draw-misuse.ts";
import { fenceMisuses } from "./fences.ts";
import { lockMisuses } from "./locks.ts";
import type { Misuse } from "./misuse.ts";

/** Everything that is done wrong on purpose. */
export const misuses: readonly Misuse[] = [...lockMisuses, ...bufferMisuses, ...fenceMisuses];

/** What a kernel says to one misuse: kinds of complaints in their order, `silent` for none, ` stops` where it does not survive. */
export type Answer = string;

/** What is expected, as test/kernel/misuse.json has it: answers by misuse and the beginning of a kernel's version. */
export type Expected = Readonly<Record<string, Readonly<Record<string, readonly Answer[]>>>>;

/** One misuse on one kernel. */
export interface MisuseResult {
  readonly misuse: Misuse;
  /** Answers with the number of programs that got them. */
  readonly answers: ReadonlyMap<Answer, number>;
  readonly expected: readonly Answer[] | null;
  /** Why it is not as expected; empty where it is. */
  readonly faults: readonly string[];
}

/** Seeds that are tried until enough programs come to a state in which the contract can be broken as wanted. */
const patience = 2000;

/** What to run. */
export interface MisuseOptions {
  readonly profile: string;
  /** Programs of each misuse. */
  readonly programs: number;
  readonly firstSeed: number;
  readonly expected: Expected;
}

/** What a kernel says to a wrong step. */
export function answerOf({ wrong }: Pick<DrawnMisuse, "wrong">, run: KernelRun): Answer {
  if (run.skipped.has(wrong.id)) return `left out: ${run.skipped.get(wrong.id)}`;
  const own = complaintsOf(run).filter(({ step }) => step === wrong.id || (step === null && run.end !== "whole"));
  const kinds = [...new Set(own.map(({ kind, text }) => kind?.id ?? `unknown: ${text}`))];
  const said = kinds.length === 0 ? "silent" : kinds.join(", ");
  return run.end === "whole" ? said : `${said}; ${run.end}`;
}

/** Does everything wrong, some programs each, and compares what the kernel says with what is expected. */
export async function runMisuses(
  kernel: RunsPlans,
  { profile, programs, firstSeed, expected }: MisuseOptions,
): Promise<readonly MisuseResult[]> {
  const { version, operations } = await kernel.introduction();
  const results: MisuseResult[] = [];
  for (const misuse of misuses) {
    const drawn: DrawnMisuse[] = [];
    for (let seed = firstSeed; drawn.length < programs && seed < firstSeed + patience; seed += 1) {
      const one = drawMisuse(misuse, seed, profile, operations);
      if (one !== null) drawn.push(one);
    }
    const answers = new Map<Answer, number>();
    for (const one of drawn) {
      // What nobody complained of may all the same have left something behind.
      kernel.renew();
      const [run] = await kernel.run([one.plan]);
      const answer = answerOf(one, run!);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
    results.push(judged(misuse, answers, expectedOn(expected, misuse, version)));
  }
  return results;
}

function expectedOn(expected: Expected, { id }: Misuse, version: string): readonly Answer[] | null {
  const entry = Object.entries(expected[id] ?? {}).find(([start]) => version.startsWith(start));
  return entry?.[1] ?? null;
}

function judged(
  misuse: Misuse,
  answers: ReadonlyMap<Answer, number>,
  expected: readonly Answer[] | null,
): MisuseResult {
  const faults: string[] = [];
  if (answers.size === 0) faults.push("no program came to it");
  if (expected === null) faults.push("nothing is expected of this kernel: test/kernel/misuse.json");
  else
    for (const answer of answers.keys())
      if (!expected.includes(answer)) faults.push(`it says "${answer}", not "${expected.join('" or "')}"`);
  return { misuse, answers, expected, faults };
}

/** What a kernel said, a line a misuse, and the figures last. */
export function misuseText(results: readonly MisuseResult[], version: string): string {
  const lines = results.map(({ misuse: { id, rules }, answers, faults }) => {
    const said = [...answers].map(([answer, times]) => `${answer} (${times})`).join(" or ");
    return `  ${faults.length === 0 ? "  " : "! "}${id.padEnd(28)} ${rules.join(" ").padEnd(18)} ${said}`;
  });
  const silent = results.filter(({ answers }) => answers.has("silent"));
  const wrong = results.filter(({ faults }) => faults.length > 0);
  for (const { misuse, faults } of wrong)
    for (const fault of faults) lines.push(`  unexpected: ${misuse.id}: ${fault}`);
  lines.push("  silent, where only the rules see it:");
  for (const { misuse } of silent) lines.push(`    ${misuse.rules.join(" ").padEnd(18)} ${misuse.statement}`);
  const programs = results.reduce((sum, { answers }) => sum + [...answers.values()].reduce((a, b) => a + b, 0), 0);
  lines.push(
    `Linux ${version}: ${results.length} kinds of misuse in ${programs} programs, ` +
      `${results.length - silent.length} with a complaint, ${silent.length} silent, ${wrong.length} not as expected`,
  );
  return lines.join("\n");
}
