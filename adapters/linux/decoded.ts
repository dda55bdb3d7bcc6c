import type { HistoryEvent } from "../../spec/event.ts";

/** What the kernel said about the end of a program. */
export interface Ending {
  /** The lock checker still works: it stops at its first report. */
  readonly lockdep: boolean;
  /** Complaints during the program, and while it was cleared away. */
  readonly warnings: number;
  readonly late: number;
  /** Tasks that could not be freed. */
  readonly stuck: number;
}

/** One program's lines as events. */
export interface Decoded {
  readonly events: readonly HistoryEvent[];
  /** Steps the module did not carry out, with the reason. */
  readonly skipped: ReadonlyMap<string, string>;
  /** Null: the lines end before the program does. */
  readonly ending: Ending | null;
}
