import { seriesNames, type Series } from "../spec/profile.ts";
import { attRules } from "./att/area.ts";
import { cpuRules } from "./cpu/area.ts";
import { dmamapRules } from "./dmamap/area.ts";
import { faultRules } from "./fault/area.ts";
import { fenceRules } from "./fence/area.ts";
import { lifeRules } from "./life/area.ts";
import { mapRules } from "./map/area.ts";
import { mmunRules } from "./mmun/area.ts";
import { moveRules } from "./move/area.ts";
import { negRules } from "./neg/area.ts";
import { p2pRules } from "./p2p/area.ts";
import { pinRules } from "./pin/area.ts";
import { resvRules } from "./resv/area.ts";
import { revRules } from "./rev/area.ts";
import { areas, type Area } from "./rule-text.ts";
import type { Rule } from "./rule.ts";
import { syncRules } from "./sync/area.ts";

function inOrder(rules: readonly Rule[]): readonly Rule[] {
  return rules.toSorted((first, second) => order(first) - order(second));
}

function order(rule: Rule): number {
  const [area, number] = rule.id.split("-") as [Area, string];
  return areas.indexOf(area) * 1000 + Number(number);
}

/** Every rule of the core contract, in the order of areas and numbers. */
export const registry: readonly Rule[] = inOrder([
  ...lifeRules,
  ...attRules,
  ...pinRules,
  ...mapRules,
  ...moveRules,
  ...revRules,
  ...resvRules,
  ...fenceRules,
  ...cpuRules,
  ...syncRules,
  ...p2pRules,
  ...dmamapRules,
  ...mmunRules,
  ...faultRules,
  ...negRules,
]);

/** The area a rule belongs to. */
export function areaOf(rule: Rule): Area {
  return rule.id.slice(0, rule.id.indexOf("-")) as Area;
}

/** Whether a rule holds in a series. */
export function holdsIn(rule: Rule, series: Series): boolean {
  const at = seriesNames.indexOf(series);
  if (rule.from !== undefined && at < seriesNames.indexOf(rule.from)) return false;
  return rule.until === undefined || at <= seriesNames.indexOf(rule.until);
}

/** The rules with a monitor that hold in a series. */
export function monitored(series: Series): readonly Rule[] {
  return registry.filter((rule) => rule.monitor !== undefined && holdsIn(rule, series));
}
