import type { CallEvent, HistoryEvent, RetEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import type { Verdict } from "../monitor.ts";

type Refused = RetEvent<"negotiate">;

/** The slots and imports that an operation of an importer is about. */
function objectsOf(operation: CallEvent): readonly string[] {
  switch (operation.op) {
    case "bindSlot":
    case "unbindSlot":
    case "guestAccess":
      return [operation.slot];
    case "import":
    case "fault":
    case "prefetch":
      return [operation.import];
    case "submit":
      return operation.uses.map((use) => use.import);
    default:
      return [];
  }
}

/** The operation of a program that a task is in. */
function operationOf(state: State, task: string): CallEvent | undefined {
  const [outermost] = state.tasks.get(task)?.frames ?? [];
  return outermost?.kind === "call" ? outermost : undefined;
}

/** ATT-26: negotiations that found nothing in common, and what may not follow in the same operation or for the same object. */
export class RefusedKinds {
  private readonly byOperation = new Map<number, Refused>();
  private readonly byObject = new Map<string, Refused>();

  negotiated(event: Refused, state: State, isRefused: boolean): void {
    const operation = operationOf(state, event.task);
    if (operation === undefined) return;
    if (isRefused) this.byOperation.set(operation.seq, event);
    for (const object of objectsOf(operation))
      if (isRefused) this.byObject.set(object, event);
      else this.byObject.delete(object);
  }

  /** Something reaches the memory of a buffer, or is about to. */
  touched(event: HistoryEvent, by: string, buffer: string | undefined, state: State, verdict: Verdict): void {
    if (this.byOperation.size === 0) return;
    const operation = operationOf(state, event.task);
    if (operation === undefined) return;
    const refused =
      this.byOperation.get(operation.seq) ??
      objectsOf(operation)
        .map((object) => this.byObject.get(object))
        .find((found) => found !== undefined);
    if (refused !== undefined && refused.buffer === buffer && refused.importer === by)
      verdict.violated(`${by} can handle nothing that ${buffer} offers, and reaches for it all the same`, refused);
  }

  /** The same, through an attachment: another question may have found something for it. */
  touchedThrough(event: HistoryEvent, by: string, attachment: string | null, state: State, verdict: Verdict): void {
    if (attachment !== null && !state.agreements.has(attachment))
      this.touched(event, by, state.attachments.get(attachment)?.buffer, state, verdict);
  }
}
