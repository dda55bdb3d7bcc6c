import { Argument } from "commander";
import { seriesNames, type Series } from "../spec/profile.ts";

/** The kernel series that a script works under; the newest that is asked for by default. */
export function seriesWord(): Argument {
  const usual: Series = "K7.1";
  return new Argument("[series]", "kernel series").choices(seriesNames).default(usual);
}
