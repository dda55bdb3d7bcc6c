import { execute } from "../../harness/execute.ts";
import { ReplayChooser } from "../../harness/replay-chooser.ts";
import { errnoName, type Errno } from "../../spec/errno.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import { profileNamed } from "../../spec/profile-name.ts";
import type { Program } from "../../spec/program.ts";
import { observe } from "../../spec/state/observe.ts";
import { initialState } from "../../spec/state/state.ts";
import { systems } from "./roles-run.ts";

/** Injects by the plain name of a site. */
class FailingChooser extends ReplayChooser {
  private readonly failing: Program["failures"];

  constructor(program: Program) {
    super(program, () => true);
    this.failing = program.failures;
  }

  override fail(step: string, site: string, nth: number): Errno {
    return this.failing.find((entry) => entry.step === step && entry.site === site && entry.nth === nth)?.errno ?? 0;
  }
}

/** A line an event comes down to, or null for what these tests do not look at. */
function lineOf(event: HistoryEvent, holder: (task: string) => boolean): string | null {
  switch (event.kind) {
    case "cb":
      return `${event.hook} ${holder(event.task) ? "L+" : "L-"}`;
    case "ret":
      return event.op === "waitFences" || event.op === "getFences" ? null : `${event.op}=${errnoName(event.errno)}`;
    case "list":
      return event.listed ? "listed" : "unlisted";
    case "warn":
      return `warn: ${event.text}`;
    case "blocked":
      return `blocked on ${event.wait.kind}`;
    default:
      return null;
  }
}

/** What a run of a program came down to, in lines by step, up to the drain. `drain` holds the rest. */
export function playLines(program: Program): Readonly<Record<string, readonly string[]>> {
  const state = initialState();
  const lines: Record<string, string[]> = {};
  const holds = (task: string) => state.tasks.get(task)?.held.some((lock) => lock.lockClass === "reservation") === true;
  let step = "";
  const execution = execute(program.setup, profileNamed(program.profile), systems, new FailingChooser(program), {
    state,
    event: (event) => {
      const line = lineOf(event, holds);
      observe(state, event);
      step = event.kind === "drain" || step === "drain" ? "drain" : (event.step ?? "drain");
      if (line !== null) (lines[step] ??= []).push(line);
    },
  });
  if (execution instanceof Promise) throw new Error("the reference is synchronous");
  if (execution.fault !== null) throw new Error(execution.fault);
  return lines;
}
