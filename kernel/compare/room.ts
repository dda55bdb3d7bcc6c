import { compile, type Plan } from "../../adapters/linux/compile.ts";
import type { Introduction } from "../../adapters/linux/introduction.ts";
import { TooLarge } from "../../adapters/linux/slots.ts";

/** What of a plan the module has no room for (`more than 8 objects of kind task`), or null: it can be run. */
export function tooMuchOf(plan: Plan, introduction: Introduction): string | null {
  try {
    compile(plan, introduction);
    return null;
  } catch (error) {
    if (error instanceof TooLarge) return error.message;
    throw error;
  }
}
