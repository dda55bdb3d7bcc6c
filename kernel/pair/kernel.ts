import { Machine, MachineLost, type MachineOptions } from "../../adapters/linux/machine.ts";
import { compilePair } from "./compile.ts";
import { decodePair, type PairRun } from "./decode.ts";
import type { PairProgram } from "./draw.ts";

/** What came of a program on a kernel. */
export interface PairResult {
  readonly program: PairProgram;
  /** Null: the kernel did not survive it. */
  readonly run: PairRun | null;
  /** Its last words then. */
  readonly log: string;
}

/** Programs of one batch. */
const batchSize = 16;

/** Whoever runs programs of the pair. */
export interface RunsPairs {
  /** Kernels so far. */
  readonly started: number;
  run(programs: readonly PairProgram[]): Promise<readonly PairResult[]>;
  renew(): void;
}

/** A kernel with the pair, thrown away for another when a program spoils it. */
export class PairKernel implements RunsPairs {
  started = 0;
  private readonly options: MachineOptions;
  private machine: Machine | null = null;

  constructor(options: MachineOptions) {
    this.options = options;
  }

  /** Runs programs one after the other. Rejects with MachineLost if no kernel starts. */
  async run(programs: readonly PairProgram[]): Promise<readonly PairResult[]> {
    const results: PairResult[] = [];
    let size = batchSize;
    while (results.length < programs.length) {
      const batch = programs.slice(results.length, results.length + size);
      const done = await this.batch(batch);
      results.push(...done);
      // A batch that was lost is run one by one: of a single program its end is the answer.
      size = done.length === 0 ? 1 : batchSize;
    }
    return results;
  }

  /** What follows runs on a fresh kernel. */
  renew(): void {
    this.machine?.kill();
    this.machine = null;
  }

  private async batch(programs: readonly PairProgram[]): Promise<readonly PairResult[]> {
    if (this.machine === null) this.started += 1;
    this.machine ??= new Machine(this.options);
    const { operations, hooks } = await this.machine.ready;
    const lines = programs.flatMap(({ steps }, index) => [`P ${index}`, ...compilePair(steps, operations), "X"]);
    const before = this.machine.console().length;
    try {
      const texts = split(await this.machine.run(`${lines.join("\n")}\n`));
      const results = texts.map((text, index): PairResult => {
        const program = programs[index]!;
        return { program, run: decodePair(program.steps, text, hooks), log: "" };
      });
      const last = results.at(-1);
      if (last === undefined) throw new MachineLost("ended", "the module wrote nothing", this.machine.console());
      if (!isQuiet(last.run!)) {
        const log = this.machine.console().slice(before);
        results[results.length - 1] = { ...last, log };
        this.renew();
      }
      return results;
    } catch (error) {
      if (!(error instanceof MachineLost)) throw error;
      this.renew();
      return programs.length > 1 ? [] : [{ program: programs[0]!, run: null, log: error.log.slice(-8000) }];
    }
  }
}

/** Whether the kernel can be used for more. */
function isQuiet({ complaints, ending }: PairRun): boolean {
  return complaints.length === 0 && ending !== null && ending.lockdep && ending.stuck + ending.late === 0;
}

/** The texts of the programs of a batch, each from after its P line. */
function split(output: string): readonly (readonly string[])[] {
  const programs: string[][] = [];
  for (const line of output.split("\n"))
    if (line.startsWith("P ")) programs.push([]);
    else if (line !== "") programs.at(-1)?.push(line);
  return programs;
}
