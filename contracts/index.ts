// Rules and the judge: what a history is measured by.

export { AcrossRuns, type Across, type Facts, type JointViolation, type Seen, type Share } from "./across.ts";
export { Judge, judgeHistory, type Exercise, type Violation } from "./judge.ts";
export {
  on,
  remember,
  type EventFor,
  type EventKey,
  type Evidence,
  type Handlers,
  type Monitor,
  type Verdict,
} from "./monitor.ts";
export { areaOf, holdsIn, monitored, registry } from "./registry.ts";
export type { Rule } from "./rule.ts";
export * from "./rule-text.ts";
export * from "./source.ts";
