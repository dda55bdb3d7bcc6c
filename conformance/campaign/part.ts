import { BadInput } from "../../spec/bad-input.ts";
import { registry } from "../../contracts/registry.ts";
import type { Counterexample } from "../counterexample.ts";
import type { About, CampaignKey } from "./about.ts";
import { sliceCount } from "./campaign.ts";
import type { Outcome } from "./conclude.ts";
import { mergeFindings, nothingFound, type Findings } from "./findings.ts";

/** Which share of a campaign's slices: those whose number modulo `count` is `index` - 1. */
export interface Shard {
  /** From 1. */
  readonly index: number;
  readonly count: number;
}

/** Version of the format of parts. Readers refuse any other. */
export const partSchema = 1;

/**
 * A part of a campaign as it is stored: what some of its slices saw. A shard's report is a part, and so is what a campaign
 * leaves behind that was ended early.
 */
export interface Part extends Omit<Outcome, "joint"> {
  readonly schema: typeof partSchema;
  readonly kind: "campaign part";
  readonly shard: Shard;
  /** Seconds after which no slice was begun any more; null where the budget is in operations. */
  readonly seconds: number | null;
  /** All of the part's slices are in it, and its finds are shrunk. */
  readonly finished: boolean;
}

/** Numbers of a shard's slices, ascending. */
export function slicesOf(shard: Shard, key: Pick<CampaignKey, "mode" | "budget" | "slice">): readonly number[] {
  return Array.from({ length: sliceCount(key) }, (_, slice) => slice).filter((slice) => isOwned(shard, slice));
}

/** Whether a slice belongs to a shard. */
export function isOwned({ index, count }: Shard, slice: number): boolean {
  return slice % count === index - 1;
}

/** A stored part, and the file it came from. */
export interface StoredPart {
  readonly file: string;
  readonly part: Part;
}

/** Reads a stored part. Throws BadInput naming the file. */
export function readPart(text: string, file: string): Part {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BadInput(
      "syntax",
      file,
      `is no JSON, or ends early (${why}); it was not written to its end or was changed`,
    );
  }
  const part = value as Partial<Part> | null;
  if (typeof part !== "object" || part === null || part.kind !== "campaign part")
    throw new BadInput("version", file, "is no part of a campaign; `run --shard i/n --output DIR` writes them");
  if (part.schema !== partSchema)
    throw new BadInput(
      "version",
      file,
      `is of version ${String(part.schema)} of the format; this suite reads ${partSchema}`,
    );
  const missing = (["shard", "about", "findings", "counterexamples", "waivers", "terms"] as const).filter(
    (field) => typeof part[field] !== "object" || part[field] === null,
  );
  if (missing.length > 0) throw new BadInput("field", file, `has no ${missing.join(", ")}; it was changed or cut`);
  return part as Part;
}

/** What two parts of one campaign agree in, in words, with how it is read off. */
const agreed: readonly (readonly [string, (part: Part) => unknown])[] = [
  ["suite", ({ about: { key } }) => `${key.suite.name} ${key.suite.version}`],
  ["rule set", ({ about: { key } }) => key.ruleSet],
  ["contract", ({ about: { key } }) => key.contract],
  ["subject", ({ about: { key } }) => `${key.implementation.name} ${key.implementation.version}`],
  ["roles", ({ about: { key } }) => key.implementation.roles.join(", ")],
  ["profile", ({ about: { key } }) => key.profile],
  ["mode", ({ about: { key } }) => key.mode],
  ["seed", ({ about: { key } }) => key.seed],
  ["budget", ({ about: { key }, seconds }) => (seconds === null ? `${key.budget} operations` : `${seconds} seconds`)],
  ["slice", ({ about: { key } }) => `${key.slice} operations`],
  ["start corpus", ({ about: { key } }) => (key.corpus === "" ? "none" : key.corpus)],
  ["terms", ({ terms }) => JSON.stringify(terms)],
  ["capabilities", ({ about }) => about.methods.join(", ")],
];

/** The first thing in which two parts are not of one campaign, in words; null where they agree. */
export function disagreement(first: Part, second: Part): string | null {
  for (const [what, read] of agreed) {
    const [one, other] = [read(first), read(second)];
    if (one !== other) return `${what} ${String(other)} instead of ${String(one)}`;
  }
  return null;
}

/**
 * Puts the shards of one campaign together. Throws BadInput, naming the file, for anything but exactly one finished part
 * of each shard of one campaign.
 */
export function mergeParts(stored: readonly StoredPart[]): Omit<Outcome, "joint"> {
  const [first, ...others] = stored;
  if (first === undefined) throw new BadInput("file", "merge", "needs at least one file");
  for (const { file, part } of others) {
    const why = disagreement(first.part, part);
    if (why !== null) throw new BadInput("field", file, `is of another campaign than ${first.file}: ${why}`);
  }
  const { count } = first.part.shard;
  const byIndex = new Map<number, string>();
  for (const { file, part } of stored) {
    checkPart(file, part, count, first.file);
    const twin = byIndex.get(part.shard.index);
    if (twin !== undefined)
      throw new BadInput(
        "field",
        file,
        `is shard ${part.shard.index} of ${count}, and so is ${twin}; give each shard once`,
      );
    byIndex.set(part.shard.index, file);
  }
  const missing = Array.from({ length: count }, (_, place) => place + 1).filter((index) => !byIndex.has(index));
  if (missing.length > 0)
    throw new BadInput("file", first.file, `is one of ${count} shards, and shard ${missing.join(", ")} is missing`);
  const parts = stored.map(({ part }) => part).toSorted((one, other) => one.shard.index - other.shard.index);
  const findings = parts.reduce<Findings>((sum, part) => mergeFindings(sum, part.findings, registry), nothingFound);
  return {
    about: aboutOf(first.part, findings),
    terms: first.part.terms,
    waivers: first.part.waivers,
    findings,
    counterexamples: earliest(parts.flatMap(({ counterexamples }) => counterexamples)),
  };
}

/** What the report is about: a budget of seconds is told in the operations it came to. */
export function aboutOf({ about, seconds }: Pick<Part, "about" | "seconds">, { slices }: Findings): About {
  return seconds === null ? about : { ...about, key: { ...about.key, budget: slices.length * about.key.slice } };
}

function checkPart(
  file: string,
  { shard, about, findings, seconds, finished }: Part,
  count: number,
  first: string,
): void {
  const { index } = shard;
  if (shard.count !== count)
    throw new BadInput("field", file, `is shard ${index} of ${shard.count}, and ${first} is one of ${count}`);
  if (!Number.isInteger(index) || index < 1 || index > count)
    throw new BadInput("field", file, `is shard ${index} of ${count}; there are 1 to ${count}`);
  const lacking =
    seconds === null ? slicesOf(shard, about.key).filter((slice) => !findings.slices.includes(slice)) : [];
  if (!finished || lacking.length > 0)
    throw new BadInput(
      "field",
      file,
      `was ended early (${findings.slices.length} slices done); finish it with --resume`,
    );
  const strange = findings.slices.find((slice) => !isOwned(shard, slice));
  if (strange !== undefined)
    throw new BadInput("field", file, `holds slice ${strange}, which is not of shard ${index}`);
  const known = new Set(registry.flatMap(({ across }) => across?.facts.name ?? []));
  const unknown = Object.keys(findings.across).find((name) => !known.has(name));
  if (unknown !== undefined)
    throw new BadInput(
      "rule",
      file,
      `has facts (${unknown}) of a rule that the subject brings; run that campaign unsharded`,
    );
}

/** The counterexample of each rule's earliest find. */
function earliest(counterexamples: readonly Counterexample[]): readonly Counterexample[] {
  const known = new Map<string, Counterexample>();
  for (const counterexample of counterexamples) {
    const before = known.get(counterexample.rule)?.found;
    const found = counterexample.found!;
    if (before === undefined || before === null || isEarlier(found, before))
      known.set(counterexample.rule, counterexample);
  }
  return [...known.values()];
}

function isEarlier(first: NonNullable<Counterexample["found"]>, second: NonNullable<Counterexample["found"]>): boolean {
  return first.slice - second.slice < 0 || (first.slice === second.slice && first.programs < second.programs);
}
