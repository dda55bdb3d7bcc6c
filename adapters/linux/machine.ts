import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { forget, killGroup, scratchFolder, watch } from "./alive.ts";
import { readIntroduction, type Introduction } from "./introduction.ts";

/** Where a built kernel lies and how it is to be started. */
export interface MachineOptions {
  /** The User-Mode Linux binary. */
  readonly kernel: string;
  /** Folder with agent and module, which the kernel has as its root. */
  readonly root: string;
  /** Milliseconds until a start, and until a batch, counts as hung. */
  readonly startDeadline: number;
  readonly batchDeadline: number;
}

/** The kernel died or did not answer. */
export class MachineLost extends Error {
  override readonly name = "MachineLost";
  /** What it last wrote on its console. */
  readonly log: string;
  readonly how: "hung" | "ended";

  constructor(how: "hung" | "ended", what: string, log: string) {
    super(what);
    this.how = how;
    this.log = log;
  }
}

let machines = 0;

/** One kernel: started when made, used for batches one after the other, thrown away. */
export class Machine {
  /** Settles when the kernel has introduced itself. Rejects with MachineLost. */
  readonly ready: Promise<Introduction>;
  private readonly options: MachineOptions;
  private readonly child: ChildProcess;
  private readonly line: Duplex;
  private readonly input: string;
  private readonly output: string;
  private log = "";
  private received = "";
  private over: string | null = null;
  private answer: { readonly resolve: (line: string) => void; readonly reject: (error: MachineLost) => void } | null =
    null;
  private readonly early: string[] = [];

  constructor(options: MachineOptions) {
    this.options = options;
    machines += 1;
    const name = `${process.pid}-${machines}`;
    this.input = `/batch/${name}.in`;
    this.output = `/batch/${name}.out`;
    const fast = "/dev/shm";
    this.child = spawn(
      options.kernel,
      [
        "mem=96M",
        "root=/dev/root",
        "rootfstype=hostfs",
        `rootflags=${options.root}`,
        "rw",
        "init=/init",
        "con=null",
        "con0=null,fd:1",
        "ssl=null",
        "ssl0=fd:3,fd:3",
        "time-travel=inf-cpu",
        "kunit.enable=0",
        "panic=-1",
        "quiet",
        `uml_dir=${scratchFolder()}/`,
        `umid=conformance-${name}`,
      ],
      { stdio: ["ignore", "pipe", "pipe", "pipe"], detached: true, env: { ...process.env, TMPDIR: fast } },
    );
    watch(this.child);
    this.line = this.child.stdio[3] as Duplex;
    this.child.stdout!.on("data", (text: Buffer) => this.keep(text));
    this.child.stderr!.on("data", (text: Buffer) => this.keep(text));
    this.line.on("data", (text: Buffer) => this.receive(text));
    this.line.on("error", () => undefined);
    this.child.on("error", (error) => this.lost(`the kernel cannot be started: ${error.message}`));
    this.child.on("exit", (code, signal) => this.lost(`the kernel ended (${signal ?? `exit ${code}`})`));
    this.ready = this.begin();
    // Whoever never asks must not end the process.
    this.ready.catch(() => undefined);
  }

  /** Runs a batch of lines and gives back what the module wrote. Rejects with MachineLost. */
  async run(lines: string): Promise<string> {
    writeFileSync(this.hostPath(this.input), lines);
    const answer = await this.ask(`run ${this.input} ${this.output}`, this.options.batchDeadline);
    if (!answer.startsWith("done")) throw new MachineLost("ended", `the agent says "${answer}"`, this.log);
    return readFileSync(this.hostPath(this.output), "utf8");
  }

  /** What the console has said so far. */
  console(): string {
    return this.log;
  }

  kill(): void {
    killGroup(this.child);
    forget(this.child);
    for (const path of [this.input, this.output]) rmSync(this.hostPath(path), { force: true });
  }

  private async begin(): Promise<Introduction> {
    const hello = await this.wait(this.options.startDeadline);
    if (!hello.startsWith("hello")) throw new MachineLost("ended", `the agent says "${hello}"`, this.log);
    const answer = await this.ask(`read ${this.output}`, this.options.startDeadline);
    if (!answer.startsWith("done")) throw new MachineLost("ended", `the agent says "${answer}"`, this.log);
    return readIntroduction(readFileSync(this.hostPath(this.output), "utf8"));
  }

  private hostPath(path: string): string {
    return join(this.options.root, path);
  }

  private ask(command: string, deadline: number): Promise<string> {
    if (this.over === null) this.line.write(`${command}\n`);
    return this.wait(deadline);
  }

  private wait(deadline: number): Promise<string> {
    const first = this.early.shift();
    if (first !== undefined) return Promise.resolve(first);
    if (this.over !== null) return Promise.reject(new MachineLost("ended", this.over, this.log));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.answer = null;
        this.kill();
        reject(new MachineLost("hung", `the kernel did not answer within ${deadline} ms`, this.log));
      }, deadline);
      const settle = () => {
        clearTimeout(timer);
        this.answer = null;
      };
      this.answer = {
        resolve: (line) => {
          settle();
          resolve(line);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
    });
  }

  private receive(text: Buffer): void {
    this.received += text.toString("utf8");
    for (;;) {
      const end = this.received.indexOf("\n");
      if (end < 0) return;
      const line = this.received.slice(0, end).trim();
      this.received = this.received.slice(end + 1);
      if (this.answer === null) this.early.push(line);
      else this.answer.resolve(line);
    }
  }

  private keep(text: Buffer): void {
    this.log = (this.log + text.toString("utf8")).slice(-200_000);
  }

  private lost(how: string): void {
    this.over = how;
    forget(this.child);
    // The rest of the console comes a little later than the end.
    setTimeout(() => this.answer?.reject(new MachineLost("ended", how, this.log)), 20);
  }
}
