import type { CallName } from "../spec/calls.ts";
import type { HookName } from "../spec/hooks.ts";
import type { CallEvent, CbEvent, CbRetEvent, EventKind, HistoryEvent, RetEvent } from "../spec/event.ts";
import type { Profile } from "../spec/profile.ts";
import type { State, TableName } from "../spec/state/state.ts";

/** What a monitor listens to: an event kind, or a call, return or hook by name ("ret map", "cb invalidate"). */
export type EventKey = EventKind | `call ${CallName}` | `ret ${CallName}` | `cb ${HookName}` | `cbret ${HookName}`;

/** The event type behind a key. */
export type EventFor<K extends EventKey> = K extends `call ${infer O extends CallName}`
  ? CallEvent<O>
  : K extends `ret ${infer O extends CallName}`
    ? RetEvent<O>
    : K extends `cb ${infer H extends HookName}`
      ? CbEvent<H>
      : K extends `cbret ${infer H extends HookName}`
        ? CbRetEvent<H>
        : K extends EventKind
          ? Extract<HistoryEvent, { kind: K }>
          : never;

/** A piece of a proof: an event, or "the event that last set this field", found again when the failure is explained. */
export type Evidence =
  | { readonly kind: "event"; readonly seq: number }
  | { readonly kind: "since"; readonly table: TableName; readonly row: string; readonly field: string };

/** How a monitor speaks. One is handed in with every event. */
export interface Verdict {
  readonly profile: Profile;
  /** The program misuses the contract on purpose: a rule with several parties leaves the callers alone. */
  readonly misuse: boolean;
  /** An outcome that would have been a violation was possible here. Call it before `violated`. */
  exercised(): void;
  /**
   * The rule is broken at the current event. `why` is one plain sentence about what happened;
   * the evidence names the earlier events that force the conclusion. The current event is always part of it.
   */
  violated(why: string, ...evidence: readonly (Evidence | HistoryEvent | undefined)[]): void;
  /** The event that last set this field, as evidence. */
  since(table: TableName, row: string, field: string): Evidence;
}

/** A handler sees the state as it was before its event. `memory` is the rule's own, fresh for every history. */
export type Handler<E, M> = (event: E, state: State, verdict: Verdict, memory: M) => void;

export type Handlers<M> = { readonly [K in EventKey]?: Handler<EventFor<K>, M> };

/** The working half of a rule, with the type of its memory erased. */
export interface Monitor {
  readonly memory: (() => unknown) | null;
  readonly handlers: Readonly<Record<string, Handler<HistoryEvent, unknown>>>;
}

/** A monitor without memory of its own. */
export function on(handlers: Handlers<undefined>): Monitor {
  return { memory: null, handlers: handlers as unknown as Monitor["handlers"] };
}

/** A monitor with memory: `remember(() => new Map<string, number>(), { ... })`. */
export function remember<M>(memory: () => M, handlers: Handlers<M>): Monitor {
  return { memory, handlers: handlers as unknown as Monitor["handlers"] };
}
