import { InvalidArgumentError } from "commander";
import { describe, expect, it } from "vitest";
import { positiveNumber, positiveWhole, profile, wholeNumber } from "../../cli/words/values.ts";
import { readSeeds, readShard, readTimes } from "../../tools/kill-times.ts";
import { isWanted, ruleWords } from "../../tools/rule-words.ts";
import { seriesWord } from "../../tools/series-word.ts";

/** What an argument makes of one word. */
const asRule = (word: string) => ruleWords().parseArg!(word, undefined as never) as unknown;
const asSeries = (word: string) => seriesWord().parseArg!(word, undefined as never) as unknown;

describe("words of a command line", () => {
  it.each([
    ["a whole number", wholeNumber, "0", 0],
    ["a positive whole number", positiveWhole, "12", 12],
    ["a positive number", positiveNumber, "0.5", 0.5],
    ["a profile", profile, "K6.12+moveNotify", "K6.12+moveNotify"],
    ["seeds", readSeeds, "3", [3]],
    ["seeds", readSeeds, "2-4", [2, 3, 4]],
    ["a shard", readShard, "2/4", { index: 2, count: 4 }],
    ["an area", asRule, "REV", ["REV"]],
    ["a rule", asRule, "REV-04", ["REV-04"]],
    ["a series", asSeries, "K6.19", "K6.19"],
  ] as const)("%s as it is written: %#", (_, read, word, value) => {
    expect(read(word)).toEqual(value);
  });

  it.each([
    ["a whole number", wholeNumber, "-1", "from 0 on"],
    ["a whole number", wholeNumber, "1e400", "from 0 on"],
    ["a whole number", wholeNumber, "", "from 0 on"],
    ["a positive whole number", positiveWhole, "0", "from 1 on"],
    ["a positive whole number", positiveWhole, "many", "whole number"],
    ["a positive number", positiveNumber, "0", "above 0"],
    ["a profile", profile, "K9.9", "K9.9"],
    ["seeds", readSeeds, "5-1", "1-10 or 3"],
    ["a shard", readShard, "5/4", "2/4"],
    ["a rule", asRule, "REV-99", "no such rule or area, did you mean"],
    ["a series", asSeries, "K9.9", "K6.12"],
    ["times", readTimes, "nowhere.ndjson", "no such file"],
    ["times", readTimes, "package.json", "line 1 is no JSON"],
  ] as const)("%s as it is not: %#", (_, read, word, sentence) => {
    expect(() => read(word)).toThrow(InvalidArgumentError);
    expect(() => read(word)).toThrow(sentence);
  });

  it("choose a rule by its id or its area, and every rule where there are none", () => {
    const rules = ["REV-04", "REV-40", "RESV-04"];
    expect(rules.filter((rule) => isWanted(rule, ["REV-04", "RESV"]))).toEqual(["REV-04", "RESV-04"]);
    expect(rules.filter((rule) => isWanted(rule, []))).toEqual(rules);
  });
});
