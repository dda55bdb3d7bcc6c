import type { CampaignResult, Trouble } from "./campaign.ts";

/** What a text says beside the result itself. */
export interface TextOptions {
  readonly version: string;
  readonly seconds: number;
  /** Kernels that were started. */
  readonly kernels: number;
  /** Troubles to print in full. */
  readonly show: number;
}

/** Whether nothing of a comparison is left unexplained. */
export function isGood(result: CampaignResult): boolean {
  return result.troubles.length === 0 && result.violations.size === 0;
}

/** A comparison in words, the figures on the last line. */
export function textOf(result: CampaignResult, { version, seconds, kernels, show }: TextOptions): string {
  const { programs, operations, lengths, exercises } = result;
  const lines: string[] = [];
  for (const trouble of result.troubles.slice(0, show)) lines.push(...troubleText(trouble));
  const kinds = new Map<string, number[]>();
  for (const trouble of result.troubles) {
    const kind = kindOf(trouble);
    kinds.set(kind, [...(kinds.get(kind) ?? []), trouble.seed]);
  }
  for (const [kind, seeds] of [...kinds].toSorted(([, first], [, second]) => second.length - first.length))
    lines.push(`  untriaged ${String(seeds.length).padStart(5)}  ${kind}  (seeds ${seeds.slice(0, 5).join(", ")})`);
  for (const [rule, list] of [...result.violations].toSorted(([first], [second]) => first.localeCompare(second)))
    lines.push(`  broken    ${String(list.length).padStart(5)}  ${rule}: ${list[0]!.what} (seed ${list[0]!.seed})`);
  for (const [entry, times] of result.known)
    lines.push(`  known     ${String(times).padStart(5)}  ${entry.id} (${entry.class})`);
  const rare = [...operations]
    .filter(([, count]) => count * 100 < programs)
    .map(([op, count]) => `${op} ${((100 * count) / programs).toFixed(1)} %`);
  if (rare.length > 0) lines.push(`  in less than one program in a hundred: ${rare.join(", ")}`);
  const middle = lengths.toSorted((first, second) => first - second)[Math.floor(lengths.length / 2)] ?? 0;
  const exercised = exercises.filter(({ times }) => times > 0).length;
  lines.push(
    `Linux ${version}: ${programs} programs compared, ${result.steps} operations, median ${middle} a program, ` +
      `${Math.round((100 * result.blocking) / programs)} % block, ${operations.size} kinds of operations, ` +
      `${exercised} rules exercised, ${result.troubles.length} untriaged differences, ${result.violations.size} rules broken, ` +
      `${kernels} kernels, ${Math.round(programs / seconds)} programs per second`,
  );
  return lines.join("\n");
}

function kindOf({ what, difference }: Trouble): string {
  if (difference === null) return what;
  const heads = (words: readonly string[]) => words.map((word) => word.split(" ", 1)[0]).join(" ");
  return `${what} in ${difference.operation}: missing [${heads(difference.missing)}], extra [${heads(difference.extra)}]`;
}

function troubleText({ seed, what, difference, log }: Trouble): readonly string[] {
  return [
    `  seed ${seed}: ${what}${difference === null ? "" : ` in ${difference.step ?? "-"} ${difference.operation}`}`,
    ...(difference?.missing ?? []).map((word) => `    - ${word}`),
    ...(difference?.extra ?? []).map((word) => `    + ${word}`),
    ...(log === "" ? [] : [`    the kernel says: ${log.trim().split("\n").slice(0, 12).join("\n      ")}`]),
  ];
}
