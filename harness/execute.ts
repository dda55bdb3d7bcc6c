import type { Setup } from "../spec/program.ts";
import type { Profile } from "../spec/profile.ts";
import type { Chooser } from "./chooser.ts";
import { recordedEnv } from "./env/env.ts";
import { Run, type Execution, type Observer } from "./run.ts";
import type { System } from "./system.ts";

export type { Execution, Observer } from "./run.ts";

/**
 * Runs one program. Synchronous while every role method is plain or a generator; a promise as soon as one is async.
 * Never throws for what the system does: see `Execution.fault`. Throws a RangeError for a set-up the system cannot play.
 */
export function execute(
  setup: Setup,
  profile: Profile,
  system: System,
  chooser: Chooser,
  observer: Observer,
): Execution | Promise<Execution> {
  const run = new Run(setup, profile, system, chooser, { observer, envFor: recordedEnv });
  const driver = run.toEnd();
  if (driver.next().done === true) return run.result();
  return (async () => {
    do await Promise.resolve();
    while (driver.next().done !== true);
    return run.result();
  })();
}
