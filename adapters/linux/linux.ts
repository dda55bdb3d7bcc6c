import { compile, type Compiled, type Plan } from "./compile.ts";
import { Decoder } from "./decode.ts";
import type { Decoded } from "./decoded.ts";
import type { Introduction } from "./introduction.ts";
import { Machine, MachineLost, type MachineOptions } from "./machine.ts";

/** What came of one program on the kernel. */
export interface KernelRun extends Decoded {
  /** `crashed`, `hung`: the kernel did not survive it; the events are those that reached the console. */
  readonly end: "whole" | "crashed" | "hung";
  /** The kernel's own words: what it complained about, or its last ones. Empty after a quiet run. */
  readonly log: string;
}

/** Kernels that are started before the next that does not come up is an error. */
const starts = 3;

/** Programs of one batch. More make an exchange cheaper, and a crash dearer. */
const batchSize = 64;

/** A kernel that runs programs: one in use, others started ahead. Close it, or its kernels stay. */
export class Linux {
  /** Kernels that were started, and thrown away because they had complained or died. */
  started = 0;
  wasted = 0;
  /** Kernels that were lost while programs ran that ended well on the next: killed by somebody. */
  causeless = 0;
  private readonly options: MachineOptions;
  private readonly spares: Machine[] = [];
  private readonly ahead: number;
  private current: Machine | null = null;
  private known: Introduction | null = null;
  /** Programs to be run one by one: in one of them a kernel hung, and it does not say in which. */
  private alone = 0;
  private losses = 0;

  /** `ahead`: how many kernels wait ready to take over. */
  constructor(options: MachineOptions, ahead = 1) {
    this.options = options;
    this.ahead = ahead;
  }

  /** What the kernel says of itself. Rejects with MachineLost if it cannot be started. */
  async introduction(): Promise<Introduction> {
    this.known ??= await (await this.machine()).ready;
    return this.known;
  }

  /** Runs plans one after the other, each exactly once to its end; a kernel that one of them spoils is replaced. */
  async run(plans: readonly Plan[]): Promise<readonly KernelRun[]> {
    const introduction = await this.introduction();
    const compiled = plans.map((plan) => compile(plan, introduction));
    const runs: KernelRun[] = [];
    this.losses = 0;
    while (runs.length < compiled.length) {
      const size = this.alone > 0 ? 1 : batchSize;
      runs.push(...(await this.batch(compiled.slice(runs.length, runs.length + size), introduction)));
      this.alone = Math.max(0, this.alone - size);
    }
    if (runs.every(({ end }) => end === "whole")) this.causeless += this.losses;
    return runs;
  }

  /** Throws the kernel in use away: what follows runs on a fresh one. */
  renew(): void {
    this.current?.kill();
    this.current = null;
  }

  close(): void {
    this.renew();
    for (const spare of this.spares.splice(0)) spare.kill();
  }

  private async batch(batch: readonly Compiled[], introduction: Introduction): Promise<readonly KernelRun[]> {
    const machine = await this.machine();
    const lines = batch.flatMap((compiled, index) => [`P ${index}`, ...compiled.lines]);
    const before = machine.console().length;
    try {
      const output = await machine.run(`${lines.join("\n")}\n`);
      const runs = split(output).map((text, index) =>
        whole(batch[index]!, text, introduction, machine.console().slice(before)),
      );
      const last = runs.at(-1)?.ending;
      if (last === null || last === undefined || last.warnings + last.late + last.stuck > 0 || !last.lockdep) {
        this.wasted += 1;
        this.renew();
      }
      if (runs.length === 0) throw new MachineLost("ended", "the module wrote nothing", machine.console());
      return runs;
    } catch (error) {
      if (!(error instanceof MachineLost)) throw error;
      this.wasted += 1;
      this.losses += 1;
      this.renew();
      const index = trailOf(error).index;
      if (batch.length === 1 || index === 0) return [lost(batch[0]!, error, introduction)];
      if (error.how === "hung") {
        this.alone = batch.length + batchSize;
        return [];
      }
      // Those before it ran well: once more for their histories, which died with the kernel.
      return this.batch(batch.slice(0, index ?? Math.ceil(batch.length / 2)), introduction);
    }
  }

  /** A kernel that is up. One that does not come up is given up for another, a few times: a busy host is no verdict. */
  private async machine(): Promise<Machine> {
    for (let attempt = 1; ; attempt += 1) {
      const machine = (this.current ??= this.spares.shift() ?? this.start());
      while (this.spares.length < this.ahead) this.spares.push(this.start());
      try {
        await machine.ready;
        return machine;
      } catch (error) {
        this.losses += 1;
        this.renew();
        if (attempt === starts) throw error;
      }
    }
  }

  private start(): Machine {
    this.started += 1;
    return new Machine(this.options);
  }
}

/** The texts of the programs of a batch, each from after its P line. */
function split(output: string): readonly (readonly string[])[] {
  const programs: string[][] = [];
  for (const line of output.split("\n"))
    if (line.startsWith("P ")) programs.push([]);
    else if (line !== "") programs.at(-1)?.push(line);
  return programs;
}

function whole(compiled: Compiled, text: readonly string[], introduction: Introduction, log: string): KernelRun {
  const decoded = new Decoder(compiled, introduction).decode(text);
  const { ending } = decoded;
  const late = ending !== null && (ending.late > 0 || ending.stuck > 0 || !ending.lockdep);
  const complained = late || decoded.events.some((event) => event.kind === "warn");
  return { ...decoded, end: "whole", log: complained ? log : "" };
}

/** A kernel that dies writes the history of the program under way on its console. One that hangs writes nothing. */
function trailOf({ log }: MachineLost): { readonly index: number | null; readonly lines: readonly string[] } {
  const trail = [...log.matchAll(/trail (.*)/g)].map((match) => match[1]!.trim());
  const first = trail.find((line) => line.startsWith("P "));
  return {
    index: first === undefined ? null : Number(first.split(" ")[1]),
    lines: trail.filter((line) => !line.startsWith("P ")),
  };
}

function lost(compiled: Compiled, error: MachineLost, introduction: Introduction): KernelRun {
  const decoded = new Decoder(compiled, introduction).decode(trailOf(error).lines);
  return { ...decoded, ending: null, end: error.how === "hung" ? "hung" : "crashed", log: error.log.slice(-8000) };
}
