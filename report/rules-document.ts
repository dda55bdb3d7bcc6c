import { areaOf, registry } from "../contracts/registry.ts";
import type { Rule } from "../contracts/rule.ts";
import { areas, printStatus, type Area, type Status } from "../contracts/rule-text.ts";
import { printSource } from "../contracts/source.ts";

const areaNames: Readonly<Record<Area, string>> = {
  LIFE: "lifetime and reference counting",
  ATT: "attach and detach",
  PIN: "pinning",
  MAP: "mapping and unmapping",
  MOVE: "move notification",
  REV: "revoke and unrevoke",
  RESV: "reservation objects",
  FENCE: "fences",
  CPU: "CPU access",
  SYNC: "sync files and poll",
  P2P: "peer-to-peer",
  DMAMAP: "DMA mapping",
  MMUN: "MMU notifiers",
  FAULT: "page faults of importers",
  NEG: "negotiation",
};

/** Rules by status, in registry order. */
export function statusCounts(rules: readonly Rule[]): Readonly<Partial<Record<Status["kind"], number>>> {
  const counts: Partial<Record<Status["kind"], number>> = {};
  for (const { status } of rules) counts[status.kind] = (counts[status.kind] ?? 0) + 1;
  return counts;
}

function series({ from, until }: Rule): string {
  if (from === undefined && until === undefined) return "";
  if (from === undefined) return ` Up to ${until ?? ""}.`;
  return until === undefined ? ` From ${from}.` : ` ${from} to ${until}.`;
}

function ruleSection(rule: Rule): string {
  return [
    `### ${rule.id}`,
    "",
    `**${rule.level}** · ${rule.obliged.join(", ")} · ${printStatus(rule.status)}`,
    "",
    `${rule.statement}${series(rule)}`,
    "",
    `*Why:* ${rule.intent}`,
    "",
    ...rule.sources.map((source) => `- ${printSource(source)}`),
    "",
  ].join("\n");
}

/** The whole registry as Markdown: docs/rules.md. */
export function rulesDocument(): string {
  const rows = areas.map((area) => {
    const rules = registry.filter((rule) => areaOf(rule) === area);
    const counts = statusCounts(rules);
    const { checked = 0 } = counts;
    return `| ${area} | ${areaNames[area]} | ${rules.length} | ${checked} | ${rules.length - checked} |`;
  });
  const sections = areas.map((area) => {
    const rules = registry.filter((rule) => areaOf(rule) === area);
    return [`## ${area}: ${areaNames[area]}`, "", ...rules.map(ruleSection)].join("\n");
  });
  return [
    "# Rules",
    "",
    "Generated from the registry by `npm run rules:docs`; edit the rules in `contracts/`, not this page.",
    "",
    "| area | what | rules | checked | not checked |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
    "",
    ...sections,
  ].join("\n");
}
