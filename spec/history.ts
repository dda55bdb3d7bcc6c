import type { EventKind, HistoryEvent } from "./event.ts";
import type { Program } from "./program.ts";

/** Version of the history format. Readers refuse any other. */
export const historySchema = 1;

/** Who made a history, and what may be concluded from what it lacks. */
export interface HistoryHeader {
  /** What was run: `reference`, `my-exporter`. */
  readonly implementation: string;
  /** Its own version; empty where it has none. */
  readonly version: string;
  /** As a program's profile. */
  readonly profile: string;
  /** What the implementation says it can do. */
  readonly capabilities: readonly string[];
  /** Event kinds this source records completely: that one is missing means that it did not happen. */
  readonly observes: readonly EventKind[];
}

/** What happened, as plain data. */
export interface History {
  readonly schema: typeof historySchema;
  readonly header: HistoryHeader;
  /** The program that was run; null for a trace of something else. */
  readonly program: Program | null;
  /** In order: `seq` is the index. */
  readonly events: readonly HistoryEvent[];
}
