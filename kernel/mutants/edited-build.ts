import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { copyBuild, makeKernel, type BuiltKernel } from "../build/build.ts";
import { edited, type SourceEdit } from "../build/edit.ts";
import { alone, isAlive } from "../build/lock.ts";
import { BuildFailed } from "../build/skipped.ts";
import type { Source } from "../build/source.ts";
import { buildEnvironment } from "../build/tools.ts";

/** Copies of kernel builds that are gone on with, one process's each. */
const copies = /-mutants-(\d+)$/;

/** A second folder of a kernel's build, in which make compiles only what a fault changes. Remove it, or it stays. */
export class EditedBuild {
  private readonly source: Source;
  private readonly root: string;
  private readonly edits: readonly SourceEdit[];
  private readonly folder: string;
  private readonly env = buildEnvironment();

  /** `edits`: what this kernel is built with in any case. */
  constructor(source: Source, { kernel, root }: BuiltKernel, edits: readonly SourceEdit[]) {
    const original = dirname(kernel);
    removeLeft(dirname(original));
    this.source = source;
    this.root = root;
    this.edits = edits;
    // Others may do the same at the same time.
    this.folder = `${original}-mutants-${process.pid}`;
    copyBuild(original, this.folder);
  }

  /** The kernel with one more fault, or with none; a sentence where it cannot be built. */
  with(fault: SourceEdit | null): { readonly kernel: string; readonly root: string } | string {
    const edits = fault === null ? this.edits : [...this.edits, fault];
    try {
      // Nobody else may build a kernel of a source with a fault in it.
      alone(() => {
        edited(this.source, edits, () => {
          makeKernel(this.source, this.folder, this.env, join(this.folder, "build.log"), ["linux"]);
        });
      });
    } catch (error) {
      if (error instanceof BuildFailed) return error.message;
      throw error;
    }
    return { kernel: join(this.folder, "linux"), root: this.root };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Copies of runs that were killed. */
function removeLeft(folder: string): void {
  for (const name of readdirSync(folder)) {
    const owner = copies.exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) rmSync(join(folder, name), { recursive: true, force: true });
  }
}
