import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BadInput } from "../spec/bad-input.ts";

/** How a command answers. */
export interface OutputOptions {
  readonly format: "text" | "json" | "ts";
  /** Folder for reports and counterexamples. */
  readonly output?: string;
}

/** What a command ends with. 0 conformant, 1 violated or stale, 2 blocked or inconclusive, 3 harness error. */
export type ExitCode = 0 | 1 | 2 | 3;

/** The worse of two, in the order 3, 1, 2, 0. */
export function worse(first: ExitCode, second: ExitCode): ExitCode {
  const order: readonly ExitCode[] = [0, 2, 1, 3];
  return order.indexOf(first) >= order.indexOf(second) ? first : second;
}

/** Writes the answer to standard output. */
export function print(text: string): void {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

/**
 * Says in one line that the answer cannot be written, as on a full disk, and ends the process with 3 when it has done
 * its work: the files of `--output` are written all the same. Whoever stops reading (`| head`) has had enough, and that
 * is no error.
 */
export function watchOutput(): void {
  let isLost = false;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE" || isLost) return;
    isLost = true;
    note(`standard output: cannot be written (${error.message}); send it somewhere else`);
    process.once("exit", () => (process.exitCode = 3));
  });
  // Nobody is left to be told.
  process.stderr.on("error", () => undefined);
}

/** Anything that is not the answer goes to standard error. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/**
 * Writes a file below a folder that is made if it is missing: whole or not at all, so that a crash or a full disk leaves
 * the old one. Throws BadInput where that cannot be done.
 */
export function writeInto(folder: string, name: string, text: string): string {
  const path = join(folder, name);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(temporary, text, { flush: true });
    renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    const why = error instanceof Error ? error.message : String(error);
    throw new BadInput("file", path, `cannot be written (${why}); choose another --output`);
  }
  return path;
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Where it could not be made there is nothing to take away.
  }
}
