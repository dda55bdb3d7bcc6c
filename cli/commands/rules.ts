import { areas, printStatus } from "../../contracts/rule-text.ts";
import { areaOf, registry } from "../../contracts/registry.ts";
import { printSource } from "../../contracts/source.ts";
import { wrap } from "../../conformance/failure/text.ts";
import { BadInput } from "../../spec/bad-input.ts";
import { didYouMean } from "../../spec/closest.ts";
import type { ExitCode, OutputOptions } from "../output.ts";
import { print } from "../output.ts";

/** `rules`: every rule with its level, who is obliged, and whether it is checked. */
export function rulesCommand({ format }: OutputOptions): ExitCode {
  if (format === "json") {
    const records = registry.map(({ id, level, obliged, status, statement }) => ({
      id,
      level,
      obliged,
      status: printStatus(status),
      statement,
    }));
    print(JSON.stringify(records, null, 2));
    return 0;
  }
  for (const area of areas) {
    const rules = registry.filter((rule) => areaOf(rule) === area);
    const checked = rules.filter((rule) => rule.status.kind === "checked").length;
    print(`${area}: ${rules.length} rules, ${checked} checked`);
    for (const rule of rules) {
      const [first, ...rest] = wrap(rule.statement, 60);
      print(`  ${rule.id.padEnd(10)} ${rule.level.padEnd(6)} ${first}`);
      for (const line of rest) print(`${" ".repeat(20)}${line}`);
      if (rule.status.kind !== "checked") print(`${" ".repeat(20)}[${printStatus(rule.status)}]`);
    }
  }
  return 0;
}

/** `explain RULE-ID`: everything the registry knows about one rule. */
export function explainCommand(id: string, { format }: OutputOptions): ExitCode {
  const rule = registry.find((entry) => entry.id === id.toUpperCase());
  if (rule === undefined) {
    const ids = registry.map((entry) => entry.id);
    throw new BadInput(
      "rule",
      id,
      `there is no such rule${didYouMean(id, ids, "`dmabuf-conformance rules` lists all")}`,
    );
  }
  const { status, monitor, sources, ...words } = rule;
  if (format === "json") {
    print(JSON.stringify({ ...words, status: printStatus(status), sources: sources.map(printSource) }, null, 2));
    return 0;
  }
  const lines = [
    `${rule.id}  ${rule.level}  ${rule.obliged.join(", ")}`,
    "",
    ...wrap(rule.statement, 78),
    "",
    ...wrap(`Why: ${rule.intent}`, 78),
    "",
    ...rule.sources.flatMap((source) => wrap(`Source: ${printSource(source)}`, 78)),
    ...rule.hints.flatMap((hint) => wrap(`Check: ${hint}`, 78)),
    `Series: ${rule.from ?? "all"}${rule.until === undefined ? (rule.from === undefined ? "" : " and later") : ` to ${rule.until}`}`,
    ...(rule.needs === undefined ? [] : [`Needs: ${rule.needs.join(", ")}`]),
    ...(rule.temporal === undefined ? [] : [`Temporal rows: ${rule.temporal.join(", ")}`]),
    ...wrap(`Status: ${printStatus(status)}`, 78),
    ...(monitor === undefined ? [] : wrap(`Looks at: ${Object.keys(monitor.handlers).join(", ")}`, 78)),
  ];
  print(lines.join("\n"));
  return 0;
}
