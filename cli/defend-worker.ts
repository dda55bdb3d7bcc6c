import { parentPort } from "node:worker_threads";
import { searchSlice, type SliceResult, type SliceWork } from "../conformance/proposal/defence-slice.ts";
import { BadInput } from "../spec/bad-input.ts";
import { findProposals } from "./find-proposals.ts";

/** A slice of the long run of a proposal: the word that finds it, and which of those it finds. */
export interface SliceRequest {
  readonly word: string;
  readonly name: string;
  readonly work: SliceWork;
}

parentPort?.on("message", ({ word, name, work }: SliceRequest) => void answer(word, name, work));

async function answer(word: string, name: string, work: SliceWork): Promise<void> {
  const proposal = (await findProposals(word)).find((entry) => entry.name === name);
  if (proposal === undefined) throw new BadInput("name", name, "there is no such proposal");
  const result: SliceResult = await searchSlice(proposal, work);
  parentPort?.postMessage(result);
}
