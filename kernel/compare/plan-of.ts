import type { Plan } from "../../adapters/linux/compile.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import { operationNames, operationOf } from "../../spec/operations/operations.ts";
import type { Setup, Step } from "../../spec/program.ts";

const operationsByName: ReadonlySet<string> = new Set(operationNames);

/** What the events carry of a call besides the call itself. */
type Fields = Readonly<Record<string, unknown>>;

/**
 * The plan that repeats a run elsewhere: its steps in the order they began, and what its drain did, read off the
 * history: the drain follows the state, and only who has seen the run knows that.
 */
export function planOf(setup: Setup, steps: readonly Step[], rest: number, events: readonly HistoryEvent[]): Plan {
  return { setup, steps, rest, drain: drainOf(steps, events) };
}

function drainOf(steps: readonly Step[], events: readonly HistoryEvent[]): readonly Step[] {
  const drain: Step[] = [];
  const depth = new Map<string, number>();
  const sections = openSections(steps);
  for (const event of events) {
    const { task, step } = event;
    if (step === null || !/^drain\d+$/.test(step) || task.startsWith("deferred")) continue;
    const level = depth.get(task) ?? 0;
    if (event.kind === "ret" || event.kind === "cbret") depth.set(task, level - 1);
    if (event.kind === "call" || event.kind === "cb") depth.set(task, level + 1);
    if (level > 0) continue;
    const base = { id: step, task };
    if (event.kind === "lock" && event.by !== "framework")
      drain.push({ ...base, op: "lock", resv: event.lock, acquire: event.acquire });
    if (event.kind === "unlock" && event.by !== "framework") drain.push({ ...base, op: "unlock", resv: event.lock });
    if (event.kind !== "call" || !operationsByName.has(event.op)) continue;
    if (event.op === "endSignalling") {
      const section = sections.get(task)?.pop();
      if (section !== undefined) drain.push({ ...base, op: "endSignalling", section });
      continue;
    }
    const { fields } = operationOf(event.op as Step["op"]);
    const values = event as unknown as Fields;
    const args = Object.fromEntries(Object.keys(fields).map((field) => [field, values[field]]));
    drain.push({ ...base, op: event.op, ...args } as unknown as Step);
  }
  return drain;
}

/** Sections that no step ends, by task, innermost last. */
function openSections(steps: readonly Step[]): ReadonlyMap<string, string[]> {
  const open = new Map<string, string[]>();
  for (const step of steps) {
    const own = open.get(step.task) ?? [];
    open.set(step.task, own);
    if (step.op === "beginSignalling") own.push(step.section);
    if (step.op === "endSignalling")
      open.set(
        step.task,
        own.filter((section) => section !== step.section),
      );
  }
  return open;
}
