import { describe, expect, it } from "vitest";
import { replayScope } from "../../conformance/explore/replay-scope.ts";
import { referenceSystem } from "../../conformance/reference-system.ts";
import { explore } from "../../generators/explore/explore.ts";
import { fences } from "../../spec/scopes/fences.ts";
import { locking } from "../../spec/scopes/locking.ts";
import type { Scope } from "../../spec/scopes/scope.ts";
import { scopes } from "../../spec/scopes/scopes.ts";

/** Transitions carried out of a scope that is too large for all of them. */
const sample = 1500;

function expectAgreement(scope: Scope, most = Number.POSITIVE_INFINITY): void {
  const graph = explore(scope);
  const every = Math.max(1, Math.ceil(graph.counts.transitions / most));
  const replay = replayScope(graph, referenceSystem(), every);
  expect(replay.differences).toEqual([]);
  expect([...replay.violations]).toEqual([]);
  expect(replay.transitions).toBe(Math.ceil(graph.counts.transitions / every));
}

describe("transitions of a scope, carried out by the reference, end where the scope says", () => {
  const small = fences({ fence: 1, callback: 1, waiter: 1 });

  it.each([
    ["fences", small],
    ["locking", locking({ task: 2, lock: 2 })],
  ])("%s, every transition of a smaller size", (_name, scope) => {
    expectAgreement(scope);
  });

  it.each(scopes.map((scope) => [scope.name, scope] as const))("%s, a sample", (_name, scope) => {
    expectAgreement(scope, sample);
  });

  it("notices a transition that the scope gets wrong", () => {
    const wrong: Scope = {
      ...small,
      operations: small.operations.map((operation) =>
        operation.name === "setError" ? { ...operation, apply: () => undefined } : operation,
      ),
    };
    expect(replayScope(explore(wrong), referenceSystem()).differences[0]).toMatch(
      /setError\(0\): failed\[0\] is 1, the scope says 0$/,
    );
  });

  it("notices an answer that the scope gets wrong", () => {
    const wrong: Scope = {
      ...small,
      operations: small.operations.map((operation) =>
        operation.name === "addCallbackLate" ? { ...operation, errno: 0 } : operation,
      ),
    };
    expect(replayScope(explore(wrong), referenceSystem()).differences[0]).toMatch(
      /addCallbackLate\(0,0\): answers ENOENT, the scope says success$/,
    );
  });

  it("notices a legal call that the scope leaves out", () => {
    const hidden: Scope = {
      ...small,
      operations: small.operations.map((operation) =>
        operation.name === "setError" ? { ...operation, enabled: () => false } : operation,
      ),
    };
    expect(replayScope(explore(hidden), referenceSystem()).differences[0]).toMatch(
      /setError\(0\) is enabled for the language, and the scope leaves it out$/,
    );
  });
});
