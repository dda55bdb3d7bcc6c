import type { Observer } from "../harness/execute.ts";
import type { Errno } from "../spec/errno.ts";
import { EINTR, ERESTARTSYS, errnoName } from "../spec/errno.ts";
import type { CallName } from "../spec/calls.ts";
import type { CallEvent, CbRetEvent, HistoryEvent, LockEvent, RetEvent } from "../spec/event.ts";
import {
  concernsUser,
  nothingInside,
  type Inside,
  type Outcome,
  type OutcomeContext,
} from "../spec/operations/outcomes/context.ts";
import { momentOf, outcomes } from "../spec/operations/outcomes/outcomes.ts";
import { lockOutcomes } from "../spec/operations/outcomes/reservation.ts";
import { wrongResult } from "../spec/operations/outcomes/results.ts";
import { printStep } from "../spec/print-step.ts";
import type { Profile } from "../spec/profile.ts";
import type { Program, Setup } from "../spec/program.ts";
import type { Direction } from "../spec/roles/handles.ts";
import type { State } from "../spec/state/state.ts";

/** A step that ended with an answer that its operation does not declare. */
export interface Difference {
  /** The event that answered. */
  readonly seq: number;
  readonly step: string;
  readonly op: CallName | "lock";
  readonly errno: Errno;
  /** What the operation could have answered, preferred first. */
  readonly legal: readonly Outcome[];
  /** What is wrong with the result, where the errno is legal; null otherwise. */
  readonly result: string | null;
}

/** A difference as reports carry it, with the text of its step. */
export interface Unexplained extends Difference {
  readonly text: string;
  /** The slice in which it was seen first, and the program in it, counted from 1. */
  readonly slice: number;
  readonly programs: number;
}

/** Most unexplained differences that a report lists. */
export const mostUnexplained = 20;

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer U)[] ? U[] : T[K] };

/** A call at the top level of a step that has not returned. */
interface OpenCall {
  readonly call: CallEvent;
  readonly inside: Mutable<Inside>;
  /** Legal at the call, and what became legal since. */
  legal: readonly Outcome[];
}

/** Operations that answer errors which are no failure of what calls them. */
const informative: ReadonlySet<CallName> = new Set(["addCallback", "signal", "signalTimestamp", "findSeqno"]);

/** Operations of others that may make another answer legal for whoever is waiting. */
const decisive: ReadonlySet<CallName> = new Set([
  "invalidate",
  "revoke",
  "unrevoke",
  "revokeForever",
  "reset",
  "setMemory",
  "closeDevice",
  "close",
  "interrupt",
  "stop",
  "release",
  "pin",
  "unpin",
  "map",
  "mapUnlocked",
  "unmap",
  "unmapUnlocked",
  "negotiate",
]);

/** Whether other calls may have to answer otherwise after it: something is revoked, released, closed, interrupted, held. */
function matters(event: HistoryEvent): boolean {
  switch (event.kind) {
    case "call":
    case "ret":
      return decisive.has(event.op);
    case "cb":
      return event.hook === "release" || event.hook === "unmap" || event.hook === "unpin" || event.hook === "vunmap";
    case "cbret":
      return event.hook === "pin" || event.hook === "map" || event.hook === "vmap";
    case "device":
      return true;
    case "resumed":
      return event.errno !== 0;
    default:
      return false;
  }
}

/**
 * Compares what the top-level calls of a program's steps answer with the answers that their operations declare.
 * Is fed the same events as the judge, each before it is folded into the state. Histories in which a rule fired,
 * and the drain, are none of its business: the first is for the caller to know.
 */
export class OutcomeWatch {
  private readonly profile: Profile;
  private setup: Setup = { devices: [], exporters: [], importers: [], buffers: [], reservations: [] };
  private readonly open = new Map<string, OpenCall>();
  private readonly directions = new Map<string, Direction>();
  private readonly unloaded = new Set<string>();
  /** Tasks whose wait for a lock a signal has ended. */
  private readonly interrupted = new Set<string>();
  private found: Difference[] = [];
  private isStale = false;

  constructor(profile: Profile) {
    this.profile = profile;
  }

  /** Starts a new history. */
  begin(setup: Setup): void {
    this.setup = setup;
    this.open.clear();
    this.directions.clear();
    this.unloaded.clear();
    this.interrupted.clear();
    this.found = [];
    this.isStale = false;
  }

  /** Looks at one event, in the state before it. */
  event(event: HistoryEvent, state: State): void {
    if (state.draining) return;
    if (this.isStale) this.lookAgain(state);
    this.isStale = this.open.size > 0 && matters(event);
    switch (event.kind) {
      case "call":
        this.called(event, state);
        return;
      case "ret":
        this.returned(event, state);
        return;
      case "cbret":
        this.hookReturned(event);
        return;
      case "lock":
        this.locked(event, state);
        return;
      case "resumed": {
        if (event.errno === 0) return;
        const open = this.open.get(event.task);
        if (open !== undefined) open.inside.interrupted = true;
        else this.interrupted.add(event.task);
        return;
      }
      case "alloc":
        if (event.errno === 0) return;
        this.open.get(event.task)?.inside.refused.push(event.errno);
        this.open.get(event.task)?.inside.failed.push(event.errno);
        return;
      case "access": {
        const open = event.answer === "fault" ? this.open.get(event.task) : undefined;
        if (open !== undefined) open.inside.faulted = true;
        return;
      }
      case "cpu": {
        const open = event.answer === "ok" ? undefined : this.open.get(event.task);
        if (open !== undefined) open.inside.faulted = true;
        return;
      }
      default:
        return;
    }
  }

  /**
   * The differences of a finished history. `program`: the steps that ran and the failures that happened; a failure makes
   * its errno legal for its step, a pending signal the two of interrupted waits.
   */
  differences({ steps, failures }: Pick<Program, "steps" | "failures">): readonly Difference[] {
    if (this.found.length === 0) return this.found;
    return this.found.filter(({ step, errno }) => {
      if (errno === 0) return true;
      const isInterruption = errno === EINTR || errno === ERESTARTSYS;
      const pending = steps.some((entry) => entry.id === step && entry.interrupted === true);
      if (isInterruption && pending) return false;
      return !failures.some(
        (failure) => failure.step === step && (failure.errno === errno || (isInterruption && failure.site === "wait")),
      );
    });
  }

  private called(event: CallEvent, state: State): void {
    if (event.op === "import") this.directions.set(event.import, event.direction);
    if (event.step === null || (state.tasks.get(event.task)?.frames.length ?? 0) > 0) return;
    const inside = { hooks: [], refused: [], failed: [], interrupted: false, faulted: false, invalidated: false };
    const legal = momentOf(event.op) === "return" ? [] : outcomes(this.context(state, inside), event);
    this.open.set(event.task, { call: event, inside, legal });
  }

  private returned(event: RetEvent, state: State): void {
    if (event.op === "unloadOwner" && event.errno === 0) this.unloaded.add(event.exporter);
    const open = this.open.get(event.task);
    if (open === undefined) return;
    if (open.call.seq !== event.call) {
      if (event.errno !== 0 && !informative.has(event.op)) open.inside.failed.push(event.errno);
      return;
    }
    this.open.delete(event.task);
    const context = this.context(state, open.inside);
    const isLegal = (legal: readonly Outcome[]) => legal.some(({ errno }) => errno === event.errno);
    if (!isLegal(open.legal)) {
      const now = momentOf(event.op) === "call" ? [] : outcomes(context, open.call);
      const legal = union(open.legal, now);
      if (legal.length > 0 && !isLegal(now)) {
        this.differs(event, event.op, legal, null);
        return;
      }
    }
    const wrong = wrongResult(context, event);
    if (wrong !== null) this.differs(event, event.op, union(open.legal, []), wrong);
  }

  private hookReturned(event: CbRetEvent): void {
    const open = this.open.get(event.task);
    if (open === undefined) return;
    open.inside.hooks.push(event);
    if (event.errno !== 0) open.inside.failed.push(event.errno);
    if (event.hook === "invalidate") open.inside.invalidated = true;
  }

  private locked(event: LockEvent, state: State): void {
    const open = this.open.get(event.task);
    if (open !== undefined) {
      if (event.errno !== 0 && concernsUser(event.errno)) open.inside.failed.push(event.errno);
      return;
    }
    const interrupted = this.interrupted.delete(event.task);
    if (event.step === null || event.lockClass !== "reservation") return;
    if ((state.tasks.get(event.task)?.frames.length ?? 0) > 0) return;
    const legal = lockOutcomes(this.context(state, { ...nothingInside, interrupted }), event);
    if (legal.every(({ errno }) => errno !== event.errno)) this.differs(event, "lock", legal, null);
  }

  /** What the last event changed may have made other answers legal for the calls that are open. */
  private lookAgain(state: State): void {
    for (const open of this.open.values())
      if (momentOf(open.call.op) === "between")
        open.legal = union(open.legal, outcomes(this.context(state, open.inside), open.call));
  }

  private differs(
    { seq, step, errno }: RetEvent | LockEvent,
    op: Difference["op"],
    legal: readonly Outcome[],
    result: string | null,
  ): void {
    this.found.push({ seq, step: step ?? "", op, errno, legal, result });
  }

  private context(state: State, inside: Inside): OutcomeContext {
    const { setup, profile, directions, unloaded } = this;
    return { state, setup, profile, inside, directions, unloaded };
  }
}

/** A judge with a watch beside it: both see every event, the watch before the judge folds it in. */
export function watched(judge: Observer, watch: { event(event: HistoryEvent, state: State): void }): Observer {
  return {
    get state() {
      return judge.state;
    },
    event(event) {
      watch.event(event, judge.state);
      judge.event(event);
    },
  };
}

/** Each errno once, in order. */
function union(first: readonly Outcome[], second: readonly Outcome[]): readonly Outcome[] {
  const fresh = second.filter(({ errno }) => first.every((known) => known.errno !== errno));
  return fresh.length === 0 ? first : [...first, ...fresh];
}

/** What was answered and what would have been legal, in one line. */
export function describeDifference({ op, errno, legal, result }: Difference): string {
  if (result !== null) return `${op}: ${result}`;
  const answers = legal.map((outcome) => `${errnoName(outcome.errno)} (${outcome.when})`);
  return `${op} answered ${errnoName(errno)}; legal: ${answers.length === 0 ? "to go on waiting" : answers.join(", ")}`;
}

/** The text of the step that a difference belongs to. */
export function textOfStep(difference: Difference, { steps }: Pick<Program, "steps">): string {
  const step = steps.find((entry) => entry.id === difference.step);
  return step === undefined ? difference.step : `${step.id} ${step.task}: ${printStep(step)}`;
}
