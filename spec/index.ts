// The language: programs go in, histories come out, and the interfaces that implementations fill in.

export { BadInput, type BadInputCode } from "./bad-input.ts";
export { program, ProgramBuilder, type StepMarks } from "./builder.ts";
export type * from "./calls.ts";
export { programProblem, setupProblem, type Problem } from "./check-program.ts";
export * from "./errno.ts";
export * from "./event.ts";
export * from "./history.ts";
export { limits, namePattern } from "./limits.ts";
export * from "./operations/define.ts";
export type { StepInput } from "./operations/defaults.ts";
export { operationNames, operationOf, operations, type OperationName, type StepArgs } from "./operations/operations.ts";
export { printEvent, printStep, printWait } from "./print-step.ts";
export { profileName, profileNamed, profileNames } from "./profile-name.ts";
export * from "./profile.ts";
export * from "./program.ts";
export type * from "./roles/buffers.ts";
export type * from "./roles/env.ts";
export type * from "./roles/exporter.ts";
export type * from "./roles/fences.ts";
export type * from "./roles/framework.ts";
export * from "./roles/handles.ts";
export type * from "./roles/importer.ts";
export type * from "./roles/negotiation.ts";
export type * from "./roles/reservations.ts";
export type * from "./roles/spaces.ts";
export type * from "./roles/suspendable.ts";
export { jsonSchemas } from "./schema/json-schemas.ts";
export { readHistory } from "./schema/read-history.ts";
export { readProgram } from "./schema/read-program.ts";
export { call, type Outcome, type ScopeCall } from "./scopes/call.ts";
export { hidden, layout, plain, refers, setOf, type Layout } from "./scopes/layout.ts";
export { Names } from "./scopes/names.ts";
export type * from "./scopes/scope.ts";
export { scopes } from "./scopes/scopes.ts";
export {
  diffStates,
  encodeState,
  hashState,
  printChange,
  printState,
  type CodecOptions,
  type StateChange,
} from "./state/codec.ts";
export { field, table } from "./state/schema.ts";
export { observe } from "./state/observe.ts";
export * from "./state/state.ts";
export { eventLine, footerLine, headerLine, writeHistory, writeHistoryLines, writeProgram } from "./write.ts";
