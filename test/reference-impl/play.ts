import { referenceSystem } from "../../conformance/reference-system.ts";
import { execute } from "../../harness/execute.ts";
import { ReplayChooser } from "../../harness/replay-chooser.ts";
import type { ProgramBuilder } from "../../spec/builder.ts";
import { errnoName } from "../../spec/errno.ts";
import type { HistoryEvent, RetEvent } from "../../spec/event.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import { observe } from "../../spec/state/observe.ts";
import { initialState } from "../../spec/state/state.ts";

type Op = RetEvent["op"];

/** What came of a program of the test's own, up to the drain. */
export class Play {
  readonly events: readonly HistoryEvent[];
  /** Fences in b1's object with their usage, in order: the pending ones. */
  readonly pending: readonly string[];
  /** All of them. */
  readonly stored: readonly string[];

  constructor(events: readonly HistoryEvent[], pending: readonly string[], stored: readonly string[]) {
    this.events = events;
    this.pending = pending;
    this.stored = stored;
  }

  /** Returns of the program's calls of this kind, in order. */
  rets<K extends Op>(op: K): readonly RetEvent<K>[] {
    const found = this.events.filter((event) => event.kind === "ret" && event.op === op && event.by === "program");
    return found as unknown as readonly RetEvent<K>[];
  }

  /** Their errors by name. */
  errors(op: Op): readonly string[] {
    return this.rets(op).map(({ errno }) => errnoName(errno));
  }

  /** Fences that these calls made one file of. */
  fencesOf(op: "exportSyncFile" | "mergeSyncFiles"): readonly (readonly string[])[] {
    return this.rets(op).map(({ fence, members }) => (members.length > 0 ? members : fence === null ? [] : [fence]));
  }

  /** What polls of files found. */
  get polledFiles(): readonly boolean[] {
    return this.rets("pollSyncFile").map(({ answer }) => answer);
  }

  /** What polls of buffers found: `in`, `out`. */
  get polled(): readonly string[] {
    return this.rets("poll").map(({ readable, writable }) => `${readable ? "in" : ""}${writable ? "out" : ""}`);
  }
}

export function play(builder: ProgramBuilder): Play {
  const program = builder.build();
  const state = initialState();
  const events: HistoryEvent[] = [];
  let pending: readonly string[] = [];
  let stored: readonly string[] = [];
  let draining = false;
  const execution = execute(
    program.setup,
    profileNamed(program.profile),
    referenceSystem(),
    new ReplayChooser(program, () => true),
    {
      state,
      event: (event) => {
        if (event.kind === "drain") {
          draining = true;
          const entries = state.reservations.get("b1.resv")?.entries ?? [];
          stored = entries.map(({ fence, usage }) => `${fence} ${usage}`);
          pending = entries
            .filter(({ fence }) => state.fences.get(fence)?.signaled === false)
            .map(({ fence, usage }) => `${fence} ${usage}`);
        }
        observe(state, event);
        if (!draining) events.push(event);
      },
    },
  );
  if (execution instanceof Promise) throw new Error("the reference is synchronous");
  if (execution.fault !== null) throw new Error(execution.fault);
  return new Play(events, pending, stored);
}
