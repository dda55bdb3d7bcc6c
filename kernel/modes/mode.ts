import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Linux } from "../../adapters/linux/linux.ts";
import { ownFolder, type BuiltKernel } from "../build/build.ts";
import type { Options } from "../options.ts";
import type { Outcome } from "../outcome.ts";

/** What one flag does with a kernel. Each is in a file of its own, loaded when it is asked for. */
export type Mode = (linux: Linux, built: BuiltKernel, options: Options) => Promise<Outcome>;

/** What is known of kernels: the text of a file of test/kernel. */
export function stored(name: string): string {
  return readFileSync(join(ownFolder(), "../test/kernel", name), "utf8");
}

/** The contract that a kernel follows, as far as it is encoded. */
export function profileOf(version: string): string {
  return version.startsWith("6.12.") ? "K6.12+moveNotify" : "K7.2";
}
