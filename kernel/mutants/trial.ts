import { Linux } from "../../adapters/linux/linux.ts";
import { MachineLost } from "../../adapters/linux/machine.ts";
import { registry } from "../../contracts/registry.ts";
import { stored } from "../modes/mode.ts";
import { campaign } from "../compare/campaign.ts";
import { KnownDifferences } from "../compare/known-differences.ts";
import { deadlines } from "../deadlines.ts";
import { pairCampaign, unexpected } from "../pair/campaign.ts";
import { PairKernel } from "../pair/kernel.ts";

/** A kernel, and the rule it is suspected of breaking. */
export interface Suspect {
  readonly kernel: string;
  readonly root: string;
  readonly rule: string;
  /** A fault of the module's exporter or importer. */
  readonly fault?: number;
}

/** What a suspect showed. */
export interface Trial {
  /** Broken rules, and troubles that are no rule's, each with how many programs show it. */
  readonly broken: ReadonlyMap<string, number>;
  /** The first program that breaks the rule, counted from 1; null: none does. */
  readonly at: number | null;
  /** Programs that were drawn for it. */
  readonly programs: number;
}

/** How a kernel is tried: programs are drawn until one breaks the rule, or until there were so many. */
export interface Court {
  /** Programs until a fault counts as missed. */
  readonly patience: number;
  /** `confirm`: what a fresh kernel does not show is held against nobody, as in a comparison. */
  readonly trial: (suspect: Suspect, programs: number, confirm: boolean) => Promise<Trial>;
}

/** Programs of a comparison at a time. */
const portion = 50;

/** Programs of the comparison. Half of the portions dwell on what the rule is about. */
async function compared({ kernel, root, rule, fault }: Suspect, programs: number, confirm: boolean): Promise<Trial> {
  const known = new KnownDifferences(stored("differences.json"));
  const linux = new Linux({ kernel, root, ...deadlines }, 1);
  const situation = registry.find(({ id }) => id === rule)?.situation;
  const broken = new Map<string, number>();
  let at: number | null = null;
  let done = 0;
  try {
    while (done < programs && at === null) {
      const dwells = situation !== undefined && (done / portion) % 2 === 0 ? { situation } : {};
      const options = { profile: "K6.12+moveNotify", longest: 80, known, confirm, fault, ...dwells };
      const seeds = Math.min(portion, programs - done);
      const result = await campaign(linux, { ...options, firstSeed: done + 1, seeds });
      for (const [id, { count }] of Object.entries(result.violations)) add(broken, id, count);
      for (const { what } of result.troubles) add(broken, what);
      at = result.violations[rule]?.first.seed ?? null;
      done += seeds;
    }
  } catch (error) {
    // A kernel that does not even start is no rule's doing.
    if (!(error instanceof MachineLost)) throw error;
    add(broken, "no start");
  } finally {
    linux.close();
  }
  return { broken, at, programs: done };
}

/** Faults of the core, and of the exporters that are compared with the reference. */
export const coreCourt: Court = { patience: 4000, trial: compared };

/** Programs of the pair: rules that its histories break, or that what it shows otherwise than the model is about. */
async function paired({ kernel, root, rule }: Suspect, programs: number): Promise<Trial> {
  const pair = new PairKernel({ kernel, root, ...deadlines });
  const broken = new Map<string, number>();
  try {
    let at: number | null = null;
    const tally = await pairCampaign(pair, 1, programs, (now) => {
      const byModel = now.differences.filter(({ rules }) => rules.includes(rule)).map(({ seed }) => seed);
      const seeds = [...byModel, ...(now.broken[rule] === undefined ? [] : [now.broken[rule].seed])];
      at = seeds.length === 0 ? null : Math.min(...seeds);
      return at !== null;
    });
    // What the tree's pair breaks in any case says nothing of a fault.
    for (const id of unexpected(tally)) add(broken, id, tally.broken[id]!.programs);
    for (const { rules } of tally.differences)
      for (const id of rules.length > 0 ? rules : ["another difference"]) add(broken, id);
    if (tally.lost.length > 0) add(broken, "lost", tally.lost.length);
    return { broken, at, programs: tally.programs };
  } catch (error) {
    if (!(error instanceof MachineLost)) throw error;
    return { broken: new Map([["no start", 1]]), at: null, programs: 0 };
  } finally {
    pair.renew();
  }
}

/** Faults of the iommufd pair and of the core under it. */
export const pairCourt: Court = { patience: 512, trial: paired };

function add(counts: Map<string, number>, name: string, times = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + times);
}
