import { Command } from "commander";

/**
 * The command line of a script, as behind `npm run mutants --`. What is handed in wrong is one line on standard error and
 * ends the process with 3, before anything is done.
 */
export function script(name: string, description: string): Command {
  return new Command(name).description(description).exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 3));
}
