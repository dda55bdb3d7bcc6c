import type { EventKind, HistoryEvent } from "../spec/event.ts";
import type { Profile } from "../spec/profile.ts";
import { observe } from "../spec/state/observe.ts";
import { initialState, type State, type TableName } from "../spec/state/state.ts";
import type { Evidence, Handler, Verdict } from "./monitor.ts";
import type { Rule } from "./rule.ts";

/** A rule broken in one history. */
export interface Violation {
  readonly rule: Rule;
  /** The event at which it broke. */
  readonly seq: number;
  readonly why: string;
  readonly evidence: readonly Evidence[];
}

/** How often a rule decided something, over all histories a judge has seen. */
export interface Exercise {
  readonly rule: Rule;
  /** Times an outcome would have been a violation. */
  times: number;
  /** Programs in which that happened. */
  programs: number;
}

/** A history that never comes. */
const never = 2 ** 30;

class Seat implements Verdict {
  readonly rule: Rule;
  readonly exercise: Exercise;
  readonly judge: Judge;
  memory: unknown = undefined;
  /** History the memory belongs to. A rule without one never needs a fresh one. */
  remembers: number;
  seenIn = -1;
  violatedIn = -1;

  constructor(rule: Rule, judge: Judge) {
    this.rule = rule;
    this.judge = judge;
    this.exercise = { rule, times: 0, programs: 0 };
    this.remembers = rule.monitor!.memory === null ? never : -1;
  }

  /** Most histories never come to most rules: memory is made at the first event that does. */
  startAfresh(): void {
    this.remembers = this.judge.histories;
    this.memory = this.rule.monitor!.memory!();
  }

  get profile(): Profile {
    return this.judge.profile;
  }

  get misuse(): boolean {
    return this.judge.misuse;
  }

  exercised(): void {
    this.exercise.times += 1;
    if (this.seenIn === this.judge.histories) return;
    this.seenIn = this.judge.histories;
    this.exercise.programs += 1;
  }

  violated(why: string, ...evidence: readonly (Evidence | HistoryEvent | undefined)[]): void {
    if (this.violatedIn === this.judge.histories) return;
    this.violatedIn = this.judge.histories;
    this.judge.violations.push({
      rule: this.rule,
      seq: this.judge.seq,
      why,
      evidence: [...evidence.flatMap(asEvidence), { kind: "event", seq: this.judge.seq }],
    });
  }

  since(table: TableName, row: string, field: string): Evidence {
    return { kind: "since", table, row, field };
  }
}

function asEvidence(item: Evidence | HistoryEvent | undefined): readonly Evidence[] {
  if (item === undefined) return [];
  return "seq" in item ? [{ kind: "event", seq: item.seq }] : [item];
}

interface Listener {
  readonly seat: Seat;
  readonly handler: Handler<HistoryEvent, unknown>;
}

type Listeners = readonly Listener[];

const nobody: Listeners = [];

/** Kinds whose events have a name that a monitor may listen to. */
type NamedKind = "call" | "ret" | "cb" | "cbret";

/** Who listens to the events of one kind: by name where somebody listens to that name, and to the others. */
interface Audience {
  readonly byName: ReadonlyMap<string, Listeners>;
  readonly others: Listeners;
}

/** Who listens to what, laid out so that an event takes one look-up. */
type Dispatch = { readonly [K in NamedKind]: Audience } & { readonly rest: ReadonlyMap<EventKind, Listeners> };

function dispatchOf(seats: readonly Seat[]): Dispatch {
  const byKind = new Map<EventKind, Listener[]>();
  const byName = new Map<string, Map<string, Listener[]>>();
  for (const seat of seats)
    for (const [key, handler] of Object.entries(seat.rule.monitor!.handlers)) {
      const [kind, name] = key.split(" ") as [EventKind, string | undefined];
      const listener: Listener = { seat, handler };
      if (name === undefined) append(byKind, kind, listener);
      else {
        const names = byName.get(kind) ?? new Map<string, Listener[]>();
        byName.set(kind, names);
        append(names, name, listener);
      }
    }
  const audience = (kind: NamedKind): Audience => {
    const others = byKind.get(kind) ?? nobody;
    const names = [...(byName.get(kind) ?? [])];
    return { byName: new Map(names.map(([name, own]) => [name, [...others, ...own]])), others };
  };
  return {
    call: audience("call"),
    ret: audience("ret"),
    cb: audience("cb"),
    cbret: audience("cbret"),
    rest: byKind,
  };
}

function listenersOf(dispatch: Dispatch, event: HistoryEvent): Listeners {
  switch (event.kind) {
    case "call":
    case "ret": {
      const { byName, others } = dispatch[event.kind];
      return byName.get(event.op) ?? others;
    }
    case "cb":
    case "cbret": {
      const { byName, others } = dispatch[event.kind];
      return byName.get(event.hook) ?? others;
    }
    default:
      return dispatch.rest.get(event.kind) ?? nobody;
  }
}

function append<K>(map: Map<K, Listener[]>, key: K, listener: Listener): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [listener]);
  else known.push(listener);
}

/**
 * Judges histories: feeds each event to the monitors that listen to it, then folds it into the state.
 * One judge serves many histories; counts add up, state and memories start afresh at `begin`.
 */
export class Judge {
  readonly profile: Profile;
  state: State = initialState();
  /** Violations of the current history, in the order they were found; at most one a rule. */
  violations: Violation[] = [];
  histories = 0;
  seq = 0;
  misuse = false;
  private readonly seats: readonly Seat[];
  private readonly all: Dispatch;
  private readonly framework: Dispatch;
  private dispatch: Dispatch;

  /** `rules`: those to judge by; the ones without a monitor are left out. */
  constructor(rules: readonly Rule[], profile: Profile) {
    this.profile = profile;
    this.seats = rules.filter((rule) => rule.monitor !== undefined).map((rule) => new Seat(rule, this));
    this.all = dispatchOf(this.seats);
    this.framework = dispatchOf(this.seats.filter((seat) => seat.rule.obliged.includes("framework")));
    this.dispatch = this.all;
  }

  /**
   * Starts a new history. One whose program misuses the contract on purpose says so:
   * then only the framework is judged, the callers' faults are the program's own.
   */
  begin(options: { readonly misuse?: boolean } = {}): void {
    this.misuse = options.misuse === true;
    this.dispatch = this.misuse ? this.framework : this.all;
    this.histories += 1;
    this.state = initialState();
    this.violations = [];
    this.seq = 0;
  }

  /** Judges one event against the state before it, then folds it in. */
  event(event: HistoryEvent): void {
    this.seq = event.seq;
    const { state } = this;
    const listeners = listenersOf(this.dispatch, event);
    // By index: an iterator an event is what this loop would cost most.
    for (let index = 0; index < listeners.length; index += 1) {
      const { seat, handler } = listeners[index]!;
      if (seat.remembers < this.histories) seat.startAfresh();
      handler(event, state, seat, seat.memory);
    }
    observe(state, event);
  }

  /** Counts over all histories so far, one record a judged rule. */
  exercises(): readonly Exercise[] {
    return this.seats.map((seat) => seat.exercise);
  }
}

/** The first violation of each rule that a finished history holds. */
export function judgeHistory(events: readonly HistoryEvent[], rules: readonly Rule[], profile: Profile): Judge {
  const judge = new Judge(rules, profile);
  judge.begin();
  for (const event of events) judge.event(event);
  return judge;
}
