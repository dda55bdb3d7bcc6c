import { spawnSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { constants } from "node:os";

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

/** Runs a command of the host to its end. Never throws for what the command does. */
export function run(command: string, args: readonly string[], { cwd, env, log }: CommandOptions = {}): Outcome {
  const done = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 256 << 20,
    ...(cwd !== undefined && { cwd }),
    env: { ...process.env, LC_ALL: "C", ...env },
  });
  const output = `${done.stdout ?? ""}${done.stderr ?? ""}${done.error === undefined ? "" : `${done.error.message}\n`}`;
  if (log !== undefined) appendFileSync(log, `$ ${command} ${args.join(" ")}\n${output}`);
  // Whoever stops us wants to be gone too.
  if (done.signal === "SIGINT") process.exit(128 + constants.signals.SIGINT);
  return { ok: done.status === 0, output };
}

/** Whether there is a command of this name. */
export function has(command: string, env?: NodeJS.ProcessEnv): boolean {
  return run("sh", ["-c", `command -v ${command}`], env === undefined ? {} : { env }).ok;
}

/** The last lines of a command's words, for an error. */
export function tail(output: string, lines = 12): string {
  return output.trimEnd().split("\n").slice(-lines).join("\n");
}
