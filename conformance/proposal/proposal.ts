import type { Expectation } from "../../drivers/table.ts";
import type { Contract } from "../contract/contract.ts";

/** What somebody said in a thread, and where. */
export interface Claim {
  /** File of the thread among the seeds, without its folder; or a catalog row. */
  readonly seed: string;
  readonly who: string;
  /** In one sentence, in our words. */
  readonly said: string;
}

/** A proposal: a contract, and what is known of it. */
export interface Proposal {
  readonly name: string;
  /** What is proposed, in one or two sentences. */
  readonly about: string;
  readonly contract: Contract;
  /** Faults of the contract's implementation that are part of the proposal: a variant without its defence. */
  readonly faults?: readonly string[];
  /** What was said of it; nothing by default. */
  readonly thread?: readonly Claim[];
  /** The threads defend it: `proposal --defend` demands that it comes out clean of a long run, with scopes and mutants. */
  readonly defended?: true;
  /** `K7.1` by default. */
  readonly profile?: string;
  /** Operations in which all that is expected comes up, where the usual number is too small. */
  readonly budget?: number;
  /** Calls of the core answer otherwise in it: what nothing in the core explains is to be expected. */
  readonly changesCore?: true;
  /** Most steps of the shortest program for a rule that it breaks; 6 by default. */
  readonly longest?: number;
  /** What a run is expected to say; every rule that is not named is expected to be kept. Nothing in a run reads this. */
  readonly expectations: readonly Expectation[];
}

/** Whether a value is one, as far as that can be seen. */
export function isProposal(value: unknown): value is Proposal {
  if (typeof value !== "object" || value === null) return false;
  const { name, contract, thread = [], expectations } = value as Readonly<Record<string, unknown>>;
  const isContract = typeof contract === "object" && contract !== null && "extension" in contract;
  return typeof name === "string" && isContract && Array.isArray(thread) && Array.isArray(expectations);
}
