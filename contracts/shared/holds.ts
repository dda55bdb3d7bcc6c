import type { HistoryEvent, RetEvent } from "../../spec/event.ts";
import { remember, type Handler, type Handlers, type Monitor } from "../monitor.ts";

/**
 * When a buffer was let go of last: a pin, a mapping of somebody who cannot be told of a move, a mapping of the kernel or
 * a promise that it stays ended. A move that had begun before may have met it, and was refused rightly.
 */
export class Holds {
  private readonly ended = new Map<string, number>();

  note(buffer: string | undefined, seq: number): void {
    if (buffer !== undefined) this.ended.set(buffer, seq);
  }

  /** Whether something that is gone by now may have held the buffer while the call was under way. */
  endedIn({ buffer, call }: RetEvent<"move" | "evict">): boolean {
    return (this.ended.get(buffer) ?? -1) > call;
  }
}

type WithHolds = { readonly holds: Holds };

const notes: Handlers<WithHolds> = {
  "cbret unpin": ({ attachment, seq }, state, _verdict, { holds }) =>
    holds.note(state.attachments.get(attachment)?.buffer, seq),
  "cbret unmap": ({ attachment, seq }, state, _verdict, { holds }) => {
    const row = state.attachments.get(attachment);
    if (row?.ops !== "callback") holds.note(row?.buffer, seq);
  },
  "cbret vunmap": ({ buffer, seq }, _state, _verdict, { holds }) => holds.note(buffer, seq),
  "ret detach": ({ attachment, seq }, state, _verdict, { holds }) =>
    holds.note(state.attachments.get(attachment ?? "")?.buffer, seq),
  "ret negotiate": ({ buffer, seq }, _state, _verdict, { holds }) => holds.note(buffer, seq),
};

/** A monitor with memory that judges refused moves. Its memory knows the holds before its own handlers run. */
export function rememberHolds<M>(memory: () => M, handlers: Handlers<M & WithHolds>): Monitor {
  const own = remember(() => ({ ...memory(), holds: new Holds() }), handlers);
  const first = remember(() => undefined, notes as Handlers<unknown>);
  const all: Record<string, Handler<HistoryEvent, unknown>> = { ...first.handlers, ...own.handlers };
  for (const [key, note] of Object.entries(first.handlers)) {
    const handler = own.handlers[key];
    if (handler === undefined) continue;
    all[key] = (event, state, verdict, memory) => {
      note(event, state, verdict, memory);
      handler(event, state, verdict, memory);
    };
  }
  return { memory: own.memory, handlers: all };
}
