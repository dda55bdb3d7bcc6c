import type { Proposal } from "../conformance/proposal/proposal.ts";
import getPfnFenced from "./get-pfn-fenced.ts";
import getPfn from "./get-pfn.ts";

/** The proposals that come with the suite, in the order in which they are told. */
export const proposals: readonly Proposal[] = [getPfn, getPfnFenced];
