import { sliceCount, type Campaign, type Watch } from "./campaign.ts";
import { mergeFindings, nothingFound, type Findings } from "./findings.ts";
import { runSlice } from "./slice.ts";

/** Runs slices one after the other, by default all. Deterministic, synchronous or not. */
export async function runCampaign(campaign: Campaign, watch: Watch = {}): Promise<Findings> {
  let findings = nothingFound;
  for (let index = 0; index < sliceCount(campaign); index += 1)
    findings = mergeFindings(findings, await runSlice(campaign, index, watch), campaign.rules);
  return findings;
}
