import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { ScopeReport } from "../../conformance/explore/explore-scope.ts";
import { BuiltCommand } from "./built.ts";

const command = new BuiltCommand();
afterAll(() => command.dispose());

describe("explore", () => {
  it("answers a scope as JSON", async () => {
    const { out, code } = await command.run("explore", "locking", "--format", "json");
    const reports = JSON.parse(out) as readonly ScopeReport[];
    expect(code).toBe(0);
    expect(reports.map(({ scope }) => scope)).toEqual(["locking"]);
    const [locking] = reports;
    expect(locking!.legalErrors.map(({ errno }) => errno)).toEqual(
      expect.arrayContaining(["EDEADLK", "EALREADY", "EBUSY", "EINTR"]),
    );
    expect(locking!.decided).toContain("RESV-07");
    expect(locking!.differences).toEqual([]);
  });

  it("writes the graph of a scope", async () => {
    const file = join(command.folder, "graph.json");
    expect((await command.run("explore", "fences", "--graph", file)).code).toBe(0);
    const graph = JSON.parse(readFileSync(file, "utf8")) as { states: string[]; transitions: { from: number }[] };
    expect([graph.states.length, graph.transitions.length]).toEqual([4509, 101050]);
    const dot = join(command.folder, "graph.dot");
    expect((await command.run("explore", "fences", "--graph", dot)).code).toBe(0);
    expect(readFileSync(dot, "utf8")).toMatch(/^digraph "fences" \{\n(.*\n)+\}\n$/);
  });

  it("takes every transition of a proposal's scope on the proposal's implementation", async () => {
    const { out, code } = await command.run("explore", "followers", "--proposal", "follow-pfn");
    expect(code).toBe(0);
    expect(out).toContain("635 up to naming, 1045 in all");
    expect(out).toMatch(/carried out +635 of 635 transitions/);
    expect(out).toMatch(/own rules +FOLLOW-01 decided \d+ times, FOLLOW-02 decided \d+ times/);
  });

  it.each([
    [["explore", "--proposal", "get-pfn"], /^get-pfn: this proposal has no scopes of its own/],
    [["explore", "folowers", "--proposal", "follow-pfn"], /^folowers: .*did you mean "followers"\?/],
    [["explore", "lokcing"], /^lokcing: there is no such scope, did you mean "locking"\?/],
    [["explore", "--graph", "x.dot"], /^--graph: a graph is of one scope/],
    [["explore", "fences", "--graph", "x.svg"], /end it in \.dot or \.json/],
    [["explore", "fences", "--graph", "/nowhere/x.dot"], /cannot be written .*choose another --graph/],
  ])("refuses %j in one sentence", async (words, sentence) => {
    const { err, code } = await command.run(...words);
    expect(code).toBe(3);
    expect(err).toMatch(sentence);
    expect(err.trim().split("\n")).toHaveLength(1);
  });
});
