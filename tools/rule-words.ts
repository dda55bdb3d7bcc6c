import { Argument, InvalidArgumentError } from "commander";
import { areas } from "../contracts/rule-text.ts";
import { registry } from "../contracts/registry.ts";
import { didYouMean } from "../spec/closest.ts";

function ruleOrArea(word: string): string {
  const known = [...areas, ...registry.map(({ id }) => id)];
  if (known.includes(word)) return word;
  throw new InvalidArgumentError(
    `there is no such rule or area${didYouMean(word, known, "for example REV-04 or REV")}`,
  );
}

/** Rules, or areas of rules, that a script is to look at; none: all. */
export function ruleWords(): Argument {
  return new Argument("[rules...]", "ids of rules, or areas").argParser(
    (word, before: readonly string[] | undefined) => [...(before ?? []), ruleOrArea(word)],
  );
}

/** Whether a rule is one of those wanted. */
export function isWanted(rule: string, wanted: readonly string[]): boolean {
  return wanted.length === 0 || wanted.some((word) => rule === word || rule.startsWith(`${word}-`));
}
