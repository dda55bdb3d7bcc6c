import {
  compareSubjects,
  type CompareOptions,
  type CompareReport,
  type Difference,
} from "../../conformance/compare.ts";
import { errnoName } from "../../spec/errno.ts";
import { printStep } from "../../spec/print-step.ts";
import { writeProgram } from "../../spec/write.ts";
import { print, type ExitCode, type OutputOptions } from "../output.ts";
import { OutputFolder } from "../output-folder.ts";
import { findSubjects } from "../subjects.ts";

/** Settings of `compare`. */
export interface CompareCommandOptions extends OutputOptions, CompareOptions {}

/** `compare A B`: the same programs on two implementations, and the shortest ones where they differ. */
export async function compareCommand(one: string, other: string, options: CompareCommandOptions): Promise<ExitCode> {
  const [first] = await findSubjects(one);
  const [second] = await findSubjects(other);
  const report = await compareSubjects(first!, second!, options);
  const folder = new OutputFolder(options.output);
  for (const [index, { program }] of report.differences.entries())
    folder.write(`difference-${index + 1}.json`, writeProgram(program));
  if (options.format === "json") print(JSON.stringify(report, null, 2));
  else tell(report);
  if (report.fault !== null) return 3;
  return folder.codeWith(report.differences.length > 0 ? 1 : 0);
}

function tell({ first, second, verdicts, differences, programs, operations, seed, fault }: CompareReport): void {
  const word = (broken: boolean) => (broken ? "violated" : "not seen broken");
  for (const { rule, ...sides } of verdicts)
    print(`${rule.padEnd(10)} ${first}: ${word(sides.first)}; ${second}: ${word(sides.second)}`);
  for (const { difference, program } of differences) {
    print(`\n${inWords(difference, first, second)}:`);
    for (const step of program.steps) print(`  ${step.id} ${step.task} ${printStep(step)}`);
    for (const { step, site, until } of program.schedule) print(`  ${step} pauses at ${site} until ${until}`);
    for (const { step, site, errno } of program.failures) print(`  ${step} fails at ${site} with ${errnoName(errno)}`);
  }
  if (fault !== null) print(`harness error: ${fault}`);
  print(`${programs} programs, ${operations} operations, seed ${seed}: ${differences.length} differences`);
}

function inWords(difference: Difference, first: string, second: string): string {
  if (difference.kind === "rule") {
    const [breaks, keeps] = difference.broken === "first" ? [first, second] : [second, first];
    return `${breaks} breaks ${difference.rule}, ${keeps} does not`;
  }
  return `${difference.op} answers ${difference.first} on ${first} and ${difference.second} on ${second}`;
}
