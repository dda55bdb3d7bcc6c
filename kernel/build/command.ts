import { spawnSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { constants } from "node:os";
import { Skipped } from "./skipped.ts";

/** What a command of the host came to. */
export interface Outcome {
  readonly ok: boolean;
  readonly output: string;
}

/** How a command is run. */
export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** File that gets everything the command says. */
  readonly log?: string;
}

/** When fetching and building has taken too long, and what was allowed in seconds. */
let limit: { readonly end: number; readonly seconds: number } | null = null;

/** From now on commands of the host have this many seconds together; null: as long as they take. */
export function limitCommands(seconds: number | null): void {
  limit = seconds === null ? null : { end: performance.now() + seconds * 1000, seconds };
}

/** Throws Skipped where the time allowed is up. */
export function checkLimit(): void {
  if (limit !== null && performance.now() >= limit.end) throw outOfTime();
}

/** Runs a command of the host to its end. Never throws for what the command does; throws Skipped where time is up. */
export function run(command: string, args: readonly string[], { cwd, env, log }: CommandOptions = {}): Outcome {
  checkLimit();
  const left = limit === null ? undefined : limit.end - performance.now();
  const done = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 256 << 20,
    ...(left !== undefined && { timeout: Math.ceil(left) }),
    ...(cwd !== undefined && { cwd }),
    env: { ...process.env, LC_ALL: "C", ...env },
  });
  const output = `${done.stdout ?? ""}${done.stderr ?? ""}${done.error === undefined ? "" : `${done.error.message}\n`}`;
  if (log !== undefined) appendFileSync(log, `$ ${command} ${args.join(" ")}\n${output}`);
  // Whoever stops us wants to be gone too.
  if (done.signal === "SIGINT") process.exit(128 + constants.signals.SIGINT);
  if (limit !== null && (done.error as NodeJS.ErrnoException | undefined)?.code === "ETIMEDOUT") throw outOfTime();
  return { ok: done.status === 0, output };
}

function outOfTime(): Skipped {
  return new Skipped(
    `fetching and building takes longer than the ${limit?.seconds} s allowed; build once without a limit: npm run test:linux -- --build`,
  );
}

/** Whether there is a command of this name. */
export function has(command: string, env?: NodeJS.ProcessEnv): boolean {
  return run("sh", ["-c", `command -v ${command}`], env === undefined ? {} : { env }).ok;
}

/** The last lines of a command's words, for an error. */
export function tail(output: string, lines = 12): string {
  return output.trimEnd().split("\n").slice(-lines).join("\n");
}
