import { describe, expect, it } from "vitest";
import { areaOf, registry } from "../../contracts/registry.ts";
import { areas, type Area } from "../../contracts/rule-text.ts";
import { allMutants } from "../mutants/all.ts";

/** Rows of the catalog by area. A registry that silently shrank fails here. */
const rows: Readonly<Record<Area, number>> = {
  LIFE: 37,
  ATT: 32,
  PIN: 21,
  MAP: 38,
  MOVE: 37,
  REV: 56,
  RESV: 49,
  FENCE: 50,
  CPU: 36,
  SYNC: 28,
  P2P: 39,
  DMAMAP: 33,
  MMUN: 36,
  FAULT: 15,
  NEG: 23,
};
const core: readonly Area[] = ["LIFE", "ATT", "PIN", "MAP", "MOVE", "REV", "RESV", "FENCE"];
/** Areas beyond the core that are done, with the rows that may stay unchecked. */
const done: Readonly<Partial<Record<Area, number>>> = { CPU: 3, SYNC: 2, P2P: 5, DMAMAP: 2, MMUN: 1, FAULT: 0, NEG: 4 };
const coreRules = registry.filter((rule) => core.includes(areaOf(rule)));
/** Temporal rows that serve the core areas (T-16 is about negotiated levels). The others arrive with theirs. */
const temporal = Array.from({ length: 24 }, (_, index) => `T-${String(index + 1).padStart(2, "0")}`)
  .concat("T-29", "T-33", "T-34", "T-35")
  .filter((id) => id !== "T-16");

describe("the registry", () => {
  it("has every row of the catalog exactly once, in order", () => {
    const ids = areas.flatMap((area) =>
      Array.from({ length: rows[area] }, (_, index) => `${area}-${String(index + 1).padStart(2, "0")}`),
    );
    expect(registry.map((rule) => rule.id)).toEqual(ids);
    expect(registry).toHaveLength(530);
  });

  it("says of every rule what, why, whose, where from and what to look at", () => {
    const mute = registry.filter(
      (rule) =>
        rule.statement.length < 20 ||
        rule.intent.length < 15 ||
        rule.obliged.length === 0 ||
        rule.sources.length === 0 ||
        rule.hints.length === 0 ||
        /catalog|row says/i.test(rule.statement),
    );
    expect(mute.map((rule) => rule.id)).toEqual([]);
  });

  it("has a monitor exactly where the status says so", () => {
    const wrong = registry.filter(
      (rule) => (rule.monitor !== undefined) !== (rule.status.kind === "checked" || rule.status.kind === "sampled"),
    );
    expect(wrong.map((rule) => rule.id)).toEqual([]);
  });

  it("checks the core areas but for a counted few", () => {
    const count = (kind: string) => coreRules.filter((rule) => rule.status.kind === kind).length;
    expect(coreRules).toHaveLength(320);
    expect(count("later")).toBeLessThanOrEqual(15);
    expect(coreRules.length - count("checked") - count("later")).toBeLessThanOrEqual(25);
    expect({ checked: count("checked"), later: count("later") }).toMatchSnapshot();
    const circular = coreRules.filter(({ status }) => status.kind === "later" && core.includes(status.area));
    expect(circular.map((rule) => rule.id)).toEqual([]);
  });

  it("checks the areas that are done but for a counted few", () => {
    for (const [area, unchecked] of Object.entries(done)) {
      const own = registry.filter((rule) => areaOf(rule) === area);
      expect(own.filter((rule) => rule.status.kind === "later").map((rule) => rule.id)).toEqual([]);
      expect(own.filter((rule) => rule.status.kind !== "checked")).toHaveLength(unchecked);
    }
  });

  it("leaves the later areas to their time", () => {
    const early = registry.filter(
      (rule) => !core.includes(areaOf(rule)) && done[areaOf(rule)] === undefined && rule.status.kind !== "later",
    );
    expect(early.map((rule) => rule.id)).toEqual([]);
  });

  it("implements every temporal row of the core areas", () => {
    const implemented = new Set(
      registry.filter((rule) => rule.monitor !== undefined).flatMap((rule) => rule.temporal ?? []),
    );
    expect(temporal.filter((id) => !implemented.has(id))).toEqual([]);
  });
});

describe("the mutants", () => {
  it("convict every checked MUST, and name rules that exist", async () => {
    const mutants = await allMutants();
    const caught = new Set(mutants.map((mutant) => mutant.rule));
    const missing = registry.filter(
      (rule) => rule.status.kind === "checked" && rule.level === "MUST" && !caught.has(rule.id),
    );
    expect(missing.map((rule) => rule.id)).toEqual([]);
    const known = new Set(registry.map((rule) => rule.id));
    const strangers = mutants.filter((mutant) => [mutant.rule, ...mutant.also].some((id) => !known.has(id)));
    expect(strangers.map((mutant) => mutant.name)).toEqual([]);
    expect(new Set(mutants.map((mutant) => mutant.name)).size).toBe(mutants.length);
  });
});
