import type { OwnScopeReport } from "../conformance/proposal/own-scopes.ts";
import { row } from "./rows.ts";

/** What came of a scope of a proposal, for people. */
export function describeOwnScope(report: OwnScopeReport): readonly string[] {
  const { scope, states, transitions, fullStates, fullTransitions, diameter } = report;
  const size = `${states} states and ${transitions} transitions up to naming (${fullStates} and ${fullTransitions} in all), diameter ${diameter}`;
  return [...row("scope", `${scope}: ${size}`), ...describeTour(report)];
}

/** What came of its tour. */
export function describeTour(report: OwnScopeReport): readonly string[] {
  const { taken, transitions, programs, operations, decided, broken, departures, fault } = report;
  return [
    ...row("carried out", `${taken} of ${transitions} transitions in ${programs} programs of ${operations} operations`),
    ...row("own rules", decided.map(({ rule, times }) => `${rule} decided ${times} times`).join(", ")),
    ...broken.flatMap(({ rule, why }) => row("BROKEN", `${rule}: ${why}`)),
    ...departures.flatMap((text) => row("LEFT", text)),
    ...(fault === null ? [] : row("harness error", fault)),
  ];
}
