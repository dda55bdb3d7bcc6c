import { describeFailure } from "../conformance/failure/describe.ts";
import { wrap } from "../conformance/failure/text.ts";
import { isRed, type Report } from "../conformance/report.ts";
import type { Subject } from "../conformance/subject.ts";
import { describeDifference } from "../conformance/unexplained.ts";
import { print, type ExitCode } from "./output.ts";
import { replayWords } from "./replay-words.ts";

/** What a report's worst verdict means for the exit code. */
export function exitCodeOf(report: Report, strict: boolean): ExitCode {
  if (report.fault !== null) return 3;
  const red = report.rules.filter((rule) => isRed(rule, strict));
  if (red.some((rule) => rule.verdict === "harness-error")) return 3;
  if (red.some((rule) => rule.verdict !== "blocked" && rule.verdict !== "inconclusive")) return 1;
  return red.length > 0 ? 2 : 0;
}

/** One line for each answer that no rule calls wrong and no operation declares. */
export function unexplainedNotes({ unexplained }: Report): readonly string[] {
  return unexplained.map((difference) => `note: unexplained: ${difference.text}: ${describeDifference(difference)}`);
}

/** How much of each scope was toured, where a run did, and where the implementation first left it. */
function toursOf({ campaign }: Report): readonly string[] {
  const { tours } = campaign;
  if (tours.length === 0) return [];
  const each = tours.map(({ scope, taken, transitions }) => `${scope} ${taken} of ${transitions}`);
  const departures = tours.flatMap(({ scope, departures: left }) =>
    left.slice(0, 1).map((text) => `left ${scope}: ${text}`),
  );
  return [`transitions carried out: ${each.join(", ")}`, ...departures];
}

/** The end of a run for people: every red rule with its story, then the counts. `word` is what the run was told to check. */
export async function printSummary(
  subject: Subject,
  report: Report,
  strict: boolean,
  files: ReadonlyMap<string, string>,
  word: string,
): Promise<void> {
  for (const rule of report.rules.filter((entry) => isRed(entry, strict) && entry.counterexample !== null)) {
    const file = files.get(rule.id);
    const command =
      file === undefined ? "add --output DIR to keep the counterexample" : replayWords(file, word, subject.name);
    print(`${await describeFailure(subject, rule, command)}\n`);
  }
  for (const rule of report.rules.filter((entry) => isRed(entry, strict) && entry.counterexample === null))
    if (rule.verdict !== "harness-error") print(`${rule.id} ${rule.verdict}: ${rule.reason ?? ""}`);
  for (const rule of report.rules.filter(
    (entry) => !isRed(entry, strict) && entry.verdict === "violated" && entry.expected === null,
  ))
    print(`warning: ${rule.id} (${rule.level}) is violated: ${rule.counterexample?.why ?? ""}`);
  for (const text of unexplainedNotes(report)) for (const line of wrap(text, 79)) print(line);
  if (report.fault !== null) for (const line of wrap(`harness error: ${report.fault}`, 79)) print(line);
  for (const text of toursOf(report)) for (const line of wrap(text, 79)) print(line);
  const counts = Object.entries(report.counts)
    .map(([verdict, count]) => `${count} ${verdict}`)
    .join(", ");
  for (const line of wrap(`${report.implementation.name} under ${report.profile}: ${counts}`, 79)) print(line);
  print(
    `${report.programs} programs, ${report.operations} operations, seed ${report.seed}: ${report.conformant ? "conformant" : "NOT CONFORMANT"}`,
  );
}
