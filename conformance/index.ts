// What users call: check a subject, register it with a test runner, run programs, judge histories.

export type { Rule } from "../contracts/rule.ts";
export { areaOf, registry } from "../contracts/registry.ts";
export * from "../spec/index.ts";
export { check, type CheckOptions } from "./check.ts";
export { checkDefaults } from "./defaults.ts";
export { coreContract, defineContract, type Contract } from "./contract/contract.ts";
export { extendContract, extension } from "./contract/extend.ts";
export type { Proposal } from "./proposal/proposal.ts";
export { tryProposal, type ProposalReport } from "./proposal/try-proposal.ts";
export { checkHistory, type HistoryVerdict } from "./check-history.ts";
export { conformance, ConformanceFailure, type ConformanceOptions, type TestApi } from "./conformance.ts";
export type { Counterexample } from "./counterexample.ts";
export { searchSchedules } from "./every-schedule.ts";
export { describeFailure, describeViolation } from "./failure/describe.ts";
export { failureBlock, type Failure as FailureParts } from "./failure/block.ts";
export { referenceSubject } from "./reference-subject.ts";
export { isRed, type Report, type RuleReport } from "./report.ts";
export { runProgram, type ProgramRun } from "./run-program.ts";
export { scenario } from "./scenario.ts";
export type { Subject } from "./subject.ts";
export { suiteVersion } from "./version.ts";
export type { SubjectRole, VerdictKind } from "./verdict.ts";
export type { Waiver } from "./waiver.ts";
