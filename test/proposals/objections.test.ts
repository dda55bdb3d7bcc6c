import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { registry } from "../../contracts/registry.ts";
import { proposals } from "../../proposals/index.ts";
import { objections } from "../../proposals/objections.ts";
import { proposalsDocsPath } from "../../tools/proposals-docs.ts";

const rules = new Set(registry.map(({ id }) => id));
const names = new Set(proposals.map(({ name }) => name));

describe("the positions of the threads", () => {
  it("are the 36 of the catalog, in its order", () => {
    const ids = Array.from({ length: 36 }, (_, index) => `PO-${String(index + 1).padStart(2, "0")}`);
    expect(objections.map(({ id }) => id)).toEqual(ids);
  });

  it.each(objections)("$id has an answer, and what it names is there", (one) => {
    expect(one.rules.filter((id) => !rules.has(id))).toEqual([]);
    expect(one.proposals.filter((name) => !names.has(name))).toEqual([]);
    expect(one.rules.length + one.proposals.length).toBeGreaterThan(0);
    for (const text of [one.position, one.who, one.answer]) expect(text).toMatch(/\S/);
  });

  it("name every proposal that comes with the suite", () => {
    const named = new Set(objections.flatMap((one) => one.proposals));
    expect([...names].filter((name) => !named.has(name))).toEqual([]);
  });

  it("are documented with their answers", () => {
    const text = readFileSync(new URL(`../../${proposalsDocsPath}`, import.meta.url), "utf8");
    const missing = objections.filter((one) => !text.includes(`**${one.id}** (${one.who}) ${one.position}`));
    expect(missing.map(({ id }) => id)).toEqual([]);
    expect(objections.filter(({ answer }) => !text.includes(answer)).map(({ id }) => id)).toEqual([]);
  });
});
