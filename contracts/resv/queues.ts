import type { BlockedEvent, LockEvent, UnlockEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import { holdsAny, sleepers } from "./requests.ts";

/** Who has been waiting for reservation locks, and since when. */
export class Queues {
  private readonly since = new Map<string, number>();
  private readonly lastUnlock = new Map<string, number>();

  joined(event: BlockedEvent): void {
    if (!this.since.has(event.task)) this.since.set(event.task, event.seq);
  }

  unlocked(event: UnlockEvent): void {
    this.lastUnlock.set(event.lock, event.seq);
  }

  /**
   * The contexts that were already waiting when the lock became free that this task now gets after a wait. Nobody where
   * the winner holds other locks: it was woken to back off and may still win the race for a lock that is free by then.
   */
  granted(event: LockEvent, state: State): readonly string[] {
    this.since.delete(event.task);
    if (event.lockClass !== "reservation" || event.acquire === null || event.errno !== 0 || !event.waited) return [];
    if (holdsAny(state, event.acquire)) return [];
    const freed = this.lastUnlock.get(event.lock) ?? -1;
    return sleepers(state, event.lock, event.task).flatMap(([name, { acquire }]) =>
      acquire !== null && (this.since.get(name) ?? Infinity) < freed ? acquire : [],
    );
  }
}
