import { BadInput } from "./bad-input.ts";
import { didYouMean } from "./closest.ts";
import type { HistoryEvent } from "./event.ts";
import { addOperations, type AddedOperation } from "./operations/added.ts";
import { coreContractName } from "./program.ts";
import type { Field } from "./state/schema.ts";
import type { State } from "./state/state.ts";

/** Tables of a contract beside the core, as `stateSchema` declares those of the core. */
export type AddedTables = Readonly<Record<string, Readonly<Record<string, Field<unknown>>>>>;

/** What a contract beside the core adds to the language. */
export interface AddedContract {
  readonly name: string;
  /** 32 hex digits over everything that a program or a history of it may say. */
  readonly hash: string;
  readonly operations: readonly AddedOperation[];
  readonly tables: AddedTables;
  /** Folds one event into its tables, after the core has folded it into its own. */
  readonly fold: (state: State, event: HistoryEvent) => void;
}

/** Its part of a state: plain data, a map by table and row. */
export interface AddedState {
  readonly contract: string;
  readonly tables: Readonly<Record<string, Map<string, Record<string, unknown>>>>;
}

const contracts = new Map<string, AddedContract>();

/** Makes a contract known. Throws BadInput where another one has its name. */
export function addContract(contract: AddedContract): void {
  const known = contracts.get(contract.name);
  if (known !== undefined && known.hash !== contract.hash)
    throw new BadInput("contract", contract.name, "two different contracts have this name; give each its own");
  contracts.set(contract.name, contract);
  addOperations(contract.operations);
}

/** A contract by its name; undefined for the core and for one that nobody made known. */
export function contractNamed(name: string): AddedContract | undefined {
  return contracts.get(name);
}

/** What files call a contract: its name, and the hash where it is not the core. */
export function contractKey({ name, hash }: Pick<AddedContract, "name" | "hash">): string {
  return name === coreContractName ? name : `${name}@${hash}`;
}

/** The contract that a file names, null for the core; what is wrong with it otherwise, in one sentence. */
export function contractOfKey(key: string): AddedContract | null | string {
  if (key === coreContractName) return null;
  const [name = "", hash] = key.split("@");
  const known = contracts.get(name);
  if (known === undefined) {
    const names = [coreContractName, ...contracts.keys()];
    return `a program for the contract "${name}", which is not loaded${didYouMean(name, names, `known: ${names.join(", ")}; run it with: dmabuf-conformance proposal FILE --replay PROGRAM`)}`;
  }
  if (known.hash === hash) return known;
  return `a program for another version of the contract "${name}" (${hash ?? "without a hash"}, here ${known.hash}); run the proposal again to get a new one`;
}

/** Empty tables of a contract; null for one that nobody made known. */
export function initialAdded(name: string): AddedState | null {
  const contract = contracts.get(name);
  if (contract === undefined) return null;
  return {
    contract: name,
    tables: Object.fromEntries(Object.keys(contract.tables).map((table) => [table, new Map()])),
  };
}
