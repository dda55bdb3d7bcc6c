import { MachineLost } from "../adapters/linux/machine.ts";
import { BadInput } from "../spec/bad-input.ts";
import { BuildFailed, Skipped } from "./build/skipped.ts";

/** What came of one kernel in a run. Part of every report, also where nothing ran. */
export type Outcome =
  | { readonly status: "good" | "bad"; readonly words: string }
  | { readonly status: "skipped"; readonly words: string }
  /** It could not be built, or does not run. */
  | { readonly status: "failed"; readonly words: string };

/** What an error says of the kernel that was to be tested. Throws it again where it is our own defect. */
export function outcomeOf(error: unknown): Outcome {
  if (error instanceof Skipped) return { status: "skipped", words: oneLine(`skipped: ${error.message}`) };
  if (error instanceof BuildFailed) return { status: "failed", words: `not built: ${error.message}` };
  if (error instanceof BadInput) return { status: "failed", words: error.message };
  if (error instanceof MachineLost)
    return { status: "failed", words: `the kernel does not run here: ${error.message}\n${error.log.slice(-2000)}` };
  if (isOfMachine(error)) return { status: "failed", words: oneLine(`this machine does not let us: ${error.message}`) };
  throw error;
}

/** A full disk, a folder that is nobody's to write to: what the operating system refused. */
function isOfMachine(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && "syscall" in error;
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, "; ");
}

/**
 * 0: everything asked for was compared and is good; 1: something is not; 2: something was skipped; 3: something failed.
 * A slice may be skipped: it says so, and that is all it promises.
 */
export function exitCode(outcomes: readonly Outcome[], slice: boolean): number {
  const has = (status: Outcome["status"]) => outcomes.some((outcome) => outcome.status === status);
  if (has("failed")) return 3;
  if (has("bad")) return 1;
  return has("skipped") && !slice ? 2 : 0;
}
