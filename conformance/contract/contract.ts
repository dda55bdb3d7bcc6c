import { registry } from "../../contracts/registry.ts";
import type { Rule } from "../../contracts/rule.ts";
import type { OwnPart } from "../../generators/own-part.ts";
import type { Kinds } from "../../generators/world-shape.ts";
import type { System } from "../../harness/system.ts";
import { contractKey } from "../../spec/added-contract.ts";
import { hash128 } from "../../spec/hash.ts";
import type { Operation } from "../../spec/operations/define.ts";
import { operations } from "../../spec/operations/operations.ts";
import { coreContractName } from "../../spec/program.ts";
import type { Scope } from "../../spec/scopes/scope.ts";
import { scopes } from "../../spec/scopes/scopes.ts";
import type { Field } from "../../spec/state/schema.ts";
import { stateSchema } from "../../spec/state/state.ts";
import { referenceKinds } from "../reference-roles.ts";
import { referenceSystem } from "../reference-system.ts";

/** Tables of a state: fields by name. */
type StateTables = Readonly<Record<string, Readonly<Record<string, Field<unknown>>>>>;

/** What a contract is made of. */
export interface ContractParts {
  readonly name: string;
  readonly operations: Readonly<Record<string, Operation>>;
  readonly state: StateTables;
  /** Makes what programs run on. `faults`: those that are switched on in the contract's own implementation. */
  readonly roles: (faults: readonly string[]) => System;
  readonly rules: readonly Rule[];
  readonly scopes: readonly Scope[];
}

/** A fault of a contract's own implementation, as a switch in it. */
export interface Fault {
  /** What goes wrong, in one sentence. */
  readonly about: string;
  /** The rule that has to catch it. */
  readonly rule: string;
}

/** A contract as a value: the language of its programs, who plays in them, and who judges. */
export interface Contract extends ContractParts {
  /** 32 hex digits over its operations and its state: over what a program or a history of it may say. */
  readonly hash: string;
  /** What files call it. */
  readonly key: string;
  /** What set-ups are drawn from. */
  readonly kinds: Kinds;
  /** Its difference from the contract that it extends; null for one that extends none. */
  readonly extension: ContractExtension | null;
}

/** What an extension adds, takes away and says anew. */
export interface ContractExtension {
  readonly part: OwnPart;
  /** Names of its operations, as programs have them. */
  readonly operations: readonly string[];
  /** Rules of its own, and rules restated: each has to be exercised. */
  readonly rules: readonly Rule[];
  /** Scopes of its own. */
  readonly scopes: readonly Scope[];
  readonly without: readonly string[];
  readonly replaced: readonly string[];
  readonly faults: Readonly<Record<string, Fault>>;
}

/** Makes a contract of its parts. */
export function defineContract(
  parts: ContractParts,
  kinds: Kinds = referenceKinds,
  extension: ContractExtension | null = null,
): Contract {
  const hash = languageHash(parts);
  return { ...parts, hash, key: contractKey({ name: parts.name, hash }), kinds, extension };
}

/** By what is declared: of functions nothing can be told. */
function languageHash({
  name,
  operations: table,
  state,
}: Pick<ContractParts, "name" | "operations" | "state">): string {
  const words = Object.entries(table).map(([operation, { level, lock, fields }]) => [
    operation,
    level,
    lock,
    Object.entries(fields).map(([field, { shape }]) => [field, shape]),
  ]);
  const rows = Object.entries(state).map(([row, fields]) => [
    row,
    Object.entries(fields).map(([field, { role }]) => [field, role]),
  ]);
  return hash128(JSON.stringify([name, words, rows]));
}

/** The contract of the kernel's own series. Its files say `core`, without the hash: their format has a version. */
export const coreContract: Contract = defineContract({
  name: coreContractName,
  operations,
  state: stateSchema,
  roles: () => referenceSystem(),
  rules: registry,
  scopes,
});
