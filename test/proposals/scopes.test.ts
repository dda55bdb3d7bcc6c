import { describe, expect, it } from "vitest";
import { graphOf } from "../../conformance/explore/graphs.ts";
import { replayScope } from "../../conformance/explore/replay-scope.ts";
import { tour } from "../../conformance/explore/tour.ts";
import { isScopeClean, tourOwnScopes } from "../../conformance/proposal/own-scopes.ts";
import { judgedRules } from "../../conformance/proposal/search.ts";
import { replay } from "../../conformance/replay.ts";
import { Judge } from "../../contracts/judge.ts";
import { proposals } from "../../proposals/index.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import { testScopeLaws, type ScopeCounts } from "../generators/explore/scope-laws.ts";

/** Counts of each scope that a proposal brings. */
const expectedCounts: Readonly<Record<string, ScopeCounts>> = {
  "get-pfn-fenced pfns": [551, 3049, 2541, 13280, 12],
  "follow-pfn followers": [70, 635, 115, 1045, 7],
  "unrevoke-negotiated windows": [137, 1123, 453, 3697, 8],
};

/** Transitions carried out one by one, each after a shortest way; the tour takes them all. */
const sample = 40;

const plain = proposals.filter(({ faults }) => faults === undefined);
const all = plain.flatMap(({ name, contract }) =>
  (contract.extension?.scopes ?? []).map((scope) => [`${name} ${scope.name}`, contract, scope] as const),
);

describe.each(all)("the scope %s", (name, contract, scope) => {
  const graph = testScopeLaws(scope, expectedCounts[name]);

  it("agrees with the language on what is legal, and with the implementation on what comes of it", () => {
    const every = Math.ceil(graph.counts.transitions / sample);
    const rules = judgedRules(contract, profileNamed(scope.profile));
    const replay = replayScope(graph, contract.roles([]), every, rules);
    expect(replay.differences).toEqual([]);
    expect([...replay.violations]).toEqual([]);
  });

  it("is toured with every transition, and all rules of its own decide something and hold", async () => {
    const [report] = await tourOwnScopes(contract, contract.roles([]), [scope]);
    expect(report).toMatchObject({ taken: graph.counts.transitions, departures: [], broken: [], fault: null });
    expect(isScopeClean(report!)).toBe(true);
    expect(report!.decided.filter(({ times }) => times === 0)).toEqual([]);
  });
});

describe("a tour of a proposal's scopes", () => {
  it("leaves programs that break the same when they are replayed, tasks that were held and all", async () => {
    const { contract } = proposals.find(({ name }) => name === "follow-pfn")!;
    const [scope] = contract.extension!.scopes;
    const system = contract.roles(["noRetry"]);
    const profile = profileNamed(scope!.profile);
    const rules = judgedRules(contract, profile);
    const { finds } = await tour(graphOf(scope!), system, new Judge(rules, profile), {
      seed: 1,
      contract: contract.key,
    });
    const { program } = finds.get("FOLLOW-01")!;
    expect(program.schedule).not.toEqual([]);
    const again = await replay(program, system, rules, profile);
    expect(again.violations.map(({ rule }) => rule.id)).toContain("FOLLOW-01");
  });

  it.each([
    ["follow-pfn", "noRetry", "FOLLOW-01"],
    ["follow-pfn", "retryUnlocked", "FOLLOW-01"],
    ["follow-pfn", "lateSequence", "FOLLOW-01"],
    ["unrevoke-negotiated", "messageOnly", "UNREV-01"],
    ["unrevoke-negotiated", "keepsTable", "UNREV-01"],
    ["unrevoke-negotiated", "movesUnder", "NEG-03"],
  ])("of %s with the fault %s breaks %s", async (name, fault, rule) => {
    const { contract } = proposals.find((proposal) => proposal.name === name)!;
    const [report] = await tourOwnScopes(contract, contract.roles([fault]));
    expect(report!.broken.map((one) => one.rule)).toContain(rule);
    expect(isScopeClean(report!)).toBe(false);
  });
});
