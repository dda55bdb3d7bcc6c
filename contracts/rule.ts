import type { EventKind } from "../spec/event.ts";
import type { Across } from "./across.ts";
import type { Monitor } from "./monitor.ts";
import type { RuleText, Status } from "./rule-text.ts";
import type { Situation } from "../spec/situation.ts";

/** A rule: its words, whether it is checked, and (where it is) the monitor. */
export interface Rule extends RuleText {
  readonly status: Status;
  /** Present exactly where the status is `checked` or `sampled`. */
  readonly monitor?: Monitor;
  /** What all runs together have to show, beside what the monitor says of each. */
  readonly across?: Across;
  /** Event kinds it relies on through the state, beside those its handlers name. */
  readonly evidence?: readonly EventKind[];
  /** How a generator gets to where the rule decides something. */
  readonly situation?: Situation;
}
