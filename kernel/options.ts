import { InvalidArgumentError, Option } from "commander";
import { script } from "../cli/words/script.ts";
import { positiveWhole, wholeNumber } from "../cli/words/values.ts";
import { seriesWanted, type SeriesWanted } from "./build/source.ts";
import { moduleFaults } from "./mutants/module-faults.ts";

/** What `npm run test:linux` was asked for. */
export interface Options {
  readonly programs?: number;
  readonly series: readonly SeriesWanted[];
  readonly seed: number;
  readonly longest: number;
  readonly show: number;
  readonly keep?: string;
  readonly explain?: string;
  readonly output: string;
  readonly fault?: number;
  readonly build: boolean;
  readonly repeat: boolean;
  readonly misuse: boolean;
  readonly holes: boolean;
  readonly rate: boolean;
  readonly pair: boolean;
  readonly slice: boolean;
}

/** Programs of a comparison that says nothing else, and of what has less time. */
export const usual = 5000;
export const few = 1000;

function faultNumber(text: string): number {
  const found = moduleFaults.find(({ number }) => `${number}` === text);
  if (found === undefined) throw new InvalidArgumentError(`the module has faults 1 to ${moduleFaults.length}.`);
  return found.number;
}

/** The flags of this process. What is handed in wrong ends it with one line. */
export function readOptions(): Options {
  return script("test:linux", "the same programs on the reference and on real kernels")
    .option("--programs <n>", "programs on each kernel", positiveWhole)
    .addOption(new Option("--series <series...>", "kernel series").choices(seriesWanted).default(seriesWanted, "both"))
    .option("--seed <n>", "seed of the first program", wholeNumber, 1)
    .option("--longest <n>", "steps of a program at most", positiveWhole, 100)
    .option("--show <n>", "differences to show in full", wholeNumber, 3)
    .option("--keep <file>", "go on where a run with this file was stopped")
    .option("--explain <what>", "one program on both sides: a seed, or a program file")
    .option("--output <dir>", "write the shortest programs of what differs there", ".conformance/linux")
    .option("--fault <n>", "a fault of the module's exporter or importer", faultNumber)
    .option("--build", "stop once built", false)
    .option("--repeat", "run every program twice", false)
    .option("--misuse", "break the contract on purpose", false)
    .option("--holes", "run what reading the kernel made us suspect", false)
    .option("--rate", "measure programs per second", false)
    .option("--pair", "run the tree's own iommufd exporter and importer", false)
    .option("--slice", "a few programs and no long build", false)
    .parse()
    .opts<Options>();
}
