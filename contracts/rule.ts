import type { RuleText, Status } from "./rule-text.ts";

/** A rule: its words, whether it is checked, and (where it is) the monitor. */
export interface Rule extends RuleText {
  readonly status: Status;
}
