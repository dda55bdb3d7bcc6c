import { Judge } from "../../contracts/judge.ts";
import { replay } from "../../conformance/replay.ts";
import { referenceSystem } from "../../conformance/reference-system.ts";
import { hash128 } from "../../spec/hash.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import type { Profile } from "../../spec/profile.ts";
import type { Program } from "../../spec/program.ts";
import { hashState } from "../../spec/state/codec.ts";
import { eventLine } from "../../spec/write.ts";

/** What one program's run comes down to. */
export interface Behaviour {
  /** Hash of the last state, 12 hex digits. */
  readonly state: string;
  /** Hash of the whole history, 12 hex digits. */
  readonly history: string;
  /** One character an event: finds where two histories part. */
  readonly trail: string;
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Runs a stored program on the reference and reduces what came of it. */
export function behaviourOf(
  program: Program,
  profile: Profile,
): { readonly behaviour: Behaviour; readonly events: readonly HistoryEvent[] } {
  const judge = new Judge([], profile);
  const run = replay(program, referenceSystem(), [], profile, judge);
  if (run instanceof Promise) throw new Error("the reference is synchronous");
  const lines = run.events.map(eventLine);
  const trail = lines.map((line) => alphabet[Number.parseInt(hash128(line).slice(0, 2), 16) % 64]!).join("");
  const history = hash128(lines.join("\n") + (run.fault ?? "")).slice(0, 12);
  return { behaviour: { state: hashState(judge.state).slice(0, 12), history, trail }, events: run.events };
}

export function printBehaviour({ state, history, trail }: Behaviour): string {
  return `${state} ${history} ${trail}`;
}

export function parseBehaviour(line: string): Behaviour {
  const [state = "", history = "", trail = ""] = line.split(" ");
  return { state, history, trail };
}

/** Index of the first event that differs, or (one in 64 looks alike) a later one. */
export function firstDifference(before: Behaviour, after: Behaviour): number {
  let index = 0;
  while (index < before.trail.length && before.trail[index] === after.trail[index]) index += 1;
  return index;
}
