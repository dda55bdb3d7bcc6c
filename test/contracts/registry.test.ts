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
/** Rows without a working monitor, by area, each with its reason. */
const unchecked: Readonly<Record<Area, number>> = {
  LIFE: 5,
  ATT: 0,
  PIN: 0,
  MAP: 3,
  MOVE: 1,
  REV: 5,
  RESV: 2,
  FENCE: 2,
  CPU: 3,
  SYNC: 2,
  P2P: 5,
  DMAMAP: 2,
  MMUN: 1,
  FAULT: 0,
  NEG: 4,
};
const core: readonly Area[] = ["LIFE", "ATT", "PIN", "MAP", "MOVE", "REV", "RESV", "FENCE"];
const temporal = Array.from({ length: 35 }, (_, index) => `T-${String(index + 1).padStart(2, "0")}`);

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

  it("checks every area but for a counted few", () => {
    const left = (of: readonly Area[]) =>
      registry.filter((rule) => of.includes(areaOf(rule)) && rule.status.kind !== "checked");
    expect(Object.fromEntries(areas.map((area) => [area, left([area]).length]))).toEqual(unchecked);
    expect(registry.filter((rule) => core.includes(areaOf(rule)))).toHaveLength(320);
    expect(left(core).length).toBeLessThanOrEqual(25);
    expect(left(areas).length).toBeLessThanOrEqual(50);
  });

  it("implements every temporal row", () => {
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
