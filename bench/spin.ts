import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { explore } from "../generators/explore/explore.ts";
import { fences } from "../spec/scopes/fences.ts";
import { locking } from "../spec/scopes/locking.ts";
import type { Scope } from "../spec/scopes/scope.ts";
import { cpuSeconds } from "./clock.ts";

/** A scope at one size with its Promela model. */
export interface Twin {
  readonly scope: Scope;
  readonly model: string;
  readonly defines: readonly string[];
}

/** What an exploration counted, without symmetry, and the CPU seconds it took. */
export interface Figures {
  readonly states: number;
  readonly transitions: number;
  readonly seconds: number;
}

/** Tasks and locks. */
export function lockingTwin(task: number, lock: number): Twin {
  const scope = locking({ task, lock });
  return { scope, model: "locking.pml", defines: [`-DTASKS=${task}`, `-DLOCKS=${lock}`] };
}

/** Fences, callbacks and waiting tasks: at most two of each. */
export function fencesTwin(fence: number, callback: number, waiter: number): Twin {
  const scope = fences({ fence, callback, waiter });
  const defines = [`-DFENCES=${fence}`, `-DCALLBACKS=${callback}`, `-DWAITERS=${waiter}`];
  return { scope, model: "fences.pml", defines };
}

/** What a program printed. Throws where it fails. */
export function run(command: string, words: readonly string[], cwd: string): string {
  const { stdout, stderr, status, error } = spawnSync(command, words, { cwd, encoding: "utf8" });
  if (error !== undefined || status !== 0)
    throw new Error(`${command} ${words.join(" ")} failed: ${error?.message ?? stdout + stderr}`);
  return stdout + stderr;
}

/** Whether Spin can be used here. */
export function isSpinThere(): boolean {
  return ["spin", "gcc", "bash"].every((command) => spawnSync(command, ["--version"]).error === undefined);
}

/** Spin's exact depth-first search. -o2: it must not hide variables that are only written. */
export function withSpin({ model, defines }: Twin): Figures {
  const folder = mkdtempSync(join(tmpdir(), "dmabuf-spin-"));
  try {
    run("spin", ["-o2", ...defines, "-a", resolve("test/promela", model)], folder);
    run("gcc", ["-O2", "-w", "-DSAFETY", "-DNOREDUCE", "-DNOFAIR", "-o", "pan", "pan.c"], folder);
    const text = run("bash", ["-c", "TIMEFORMAT='cpu %U %S'; time ./pan -m4000000 -w22"], folder);
    const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1]);
    if (number(/errors: (\d+)/) !== 0) throw new Error(`spin finds errors in ${model}:\n${text}`);
    if (text.includes("max search depth too small")) throw new Error(`the search of ${model} was cut off`);
    const [, user, system] = /cpu ([\d.]+) ([\d.]+)/.exec(text)!;
    return {
      states: number(/(\d+) states, stored/),
      // Spin counts the initial state as one that a transition stored.
      transitions: number(/(\d+) transitions/) - 1,
      seconds: Number(user) + Number(system),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Our explorer, the better of two runs: the first compiles. */
export function withOurs({ scope }: Twin): Figures {
  const rounds = [1, 2].map((): Figures => {
    const began = cpuSeconds();
    const { states, transitions } = explore(scope, { symmetry: false, edges: false }).counts;
    return { states, transitions, seconds: cpuSeconds() - began };
  });
  return rounds.toSorted((first, second) => first.seconds - second.seconds)[0]!;
}
