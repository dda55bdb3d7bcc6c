import { readFileSync } from "node:fs";
import { compile } from "../../adapters/linux/compile.ts";
import type { Introduction } from "../../adapters/linux/introduction.ts";
import { BadInput } from "../../spec/bad-input.ts";
import { coreContractName } from "../../spec/program.ts";
import { readProgram } from "../../spec/schema/read-program.ts";
import { replayPlan, type Drawn } from "./draw-plan.ts";

/**
 * The program of a file, played on the reference, with its plan. Throws BadInput for a file that has none, and for a
 * program that this kernel's module cannot carry out.
 */
export function storedPlan(path: string, introduction: Introduction): Drawn {
  const program = readProgram(textOf(path), path);
  if (program.contract !== coreContractName)
    throw new BadInput("contract", path, `kernels speak the contract "${coreContractName}", not "${program.contract}"`);
  try {
    const drawn = replayPlan(program);
    compile(drawn.plan, introduction);
    return drawn;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BadInput("operation", path, `it cannot be run on Linux ${introduction.version}: ${why}`);
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file" : `it cannot be read (${code ?? String(error)})`;
    throw new BadInput("file", path, `${why}; give a seed, or the path of a program file`);
  }
}
