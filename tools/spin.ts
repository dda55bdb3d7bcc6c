/**
 * `npm run spin`: explores the Promela twins in test/promela with Spin (Debian package `spin`, and a C compiler) and the
 * scopes with our explorer. Both must count the same states and transitions, without symmetry on either side; states per
 * CPU second of both are printed. `-- --quick` takes the small sizes only. Where Spin is missing: `not measured: no spin`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { cpuSeconds } from "../bench/clock.ts";
import { explore } from "../generators/explore/explore.ts";
import { fences } from "../spec/scopes/fences.ts";
import { locking } from "../spec/scopes/locking.ts";
import type { Scope } from "../spec/scopes/scope.ts";

interface Twin {
  readonly scope: Scope;
  readonly model: string;
  readonly defines: readonly string[];
}

interface Figures {
  readonly states: number;
  readonly transitions: number;
  readonly seconds: number;
}

const quick: readonly Twin[] = [
  lockingTwin(2, 2),
  lockingTwin(3, 2),
  fencesTwin(1, 1, 1),
  fencesTwin(2, 1, 1),
  fencesTwin(2, 2, 2),
];
const isQuick = process.argv.includes("--quick");
const twins = isQuick ? quick : [...quick, lockingTwin(3, 3)];

function lockingTwin(task: number, lock: number): Twin {
  const scope = locking({ task, lock });
  return { scope, model: "locking.pml", defines: [`-DTASKS=${task}`, `-DLOCKS=${lock}`] };
}

function fencesTwin(fence: number, callback: number, waiter: number): Twin {
  const scope = fences({ fence, callback, waiter });
  const defines = [`-DFENCES=${fence}`, `-DCALLBACKS=${callback}`, `-DWAITERS=${waiter}`];
  return { scope, model: "fences.pml", defines };
}

function run(command: string, words: readonly string[], cwd: string): string {
  const { stdout, stderr, status, error } = spawnSync(command, words, { cwd, encoding: "utf8" });
  if (error !== undefined || status !== 0)
    throw new Error(`${command} ${words.join(" ")} failed: ${error?.message ?? stdout + stderr}`);
  return stdout + stderr;
}

function isThere(command: string): boolean {
  return spawnSync(command, ["--version"]).error === undefined;
}

/** Exact depth-first search. -o2: Spin must not hide variables that are only written. */
function withSpin({ model, defines }: Twin): Figures {
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

/** The second of two runs: the first compiles. */
function withOurs({ scope }: Twin): Figures {
  let figures: Figures | null = null;
  for (let round = 0; round < 2; round += 1) {
    const began = cpuSeconds();
    const { states, transitions } = explore(scope, { symmetry: false, edges: false }).counts;
    figures = { states, transitions, seconds: cpuSeconds() - began };
  }
  return figures!;
}

function rate({ states, seconds }: Figures): string {
  return seconds < 0.05 ? "too short" : `${(states / seconds / 1e6).toFixed(2)} M/s`;
}

if (isThere("spin") && isThere("gcc")) {
  let different = 0;
  let ratio = "not measured";
  for (const twin of twins) {
    const [spin, ours] = [withSpin(twin), withOurs(twin)];
    const equal = spin.states === ours.states && spin.transitions === ours.transitions;
    if (!equal) different += 1;
    const counts = Object.entries(twin.scope.ids)
      .map(([type, count]) => `${count} ${type}`)
      .join(", ");
    console.log(
      `${twin.scope.name} (${counts}): ${ours.states} states, ${ours.transitions} transitions${equal ? "" : `; SPIN: ${spin.states}, ${spin.transitions}`}; spin ${rate(spin)}, ours ${rate(ours)}`,
    );
    if (spin.seconds >= 0.05) ratio = `${(spin.seconds / ours.seconds).toFixed(2)} x spin`;
  }
  console.log(`${twins.length - different} of ${twins.length} twins equal, ${ratio}`);
  process.exitCode = different === 0 ? 0 : 1;
} else console.log("not measured: no spin");
