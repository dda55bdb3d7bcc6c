import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Findings } from "../conformance/campaign/findings.ts";
import { disagreement, readPart, type Part, type Shard } from "../conformance/campaign/part.ts";
import { BadInput } from "../spec/bad-input.ts";
import { readText } from "./files.ts";
import { note } from "./output.ts";

/** The file of a part: a shard's report, or what an unsharded campaign leaves behind to go on with. */
export function partName(stem: string, { index, count }: Shard): string {
  return count === 1 ? `${stem}.campaign.json` : `${stem}.shard-${index}-of-${count}.json`;
}

/**
 * What an earlier run of the same campaign has done; nothing where there was none. Throws BadInput where the file is
 * broken or of another campaign.
 */
export function readEarlier(
  folder: string,
  name: string,
  now: Omit<Part, "findings" | "finished">,
): Findings | undefined {
  const file = join(folder, name);
  if (!existsSync(file)) {
    note(`${file}: is not there; starting from the beginning`);
    return undefined;
  }
  const part = readPart(readText(file), file);
  const why = disagreement({ ...now, findings: part.findings, finished: false }, part);
  if (why !== null) throw new BadInput("field", file, `is of another campaign: ${why}; give the options of that run`);
  return part.findings;
}
