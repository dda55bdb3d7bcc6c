import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EDEADLK } from "../../spec/errno.ts";
import type { ReferenceReservation } from "../../reference-impl/reservations/reservation.ts";
import type { ReferenceReservations } from "../../reference-impl/reservations/reservations.ts";
import type { Call, FakeEnv } from "./reservations-env.ts";
import { world } from "./reservations-env.ts";

/** One transaction that locks its objects in an order of its own, backs off as it should and retries. */
class Transaction {
  readonly task = {};
  readonly held: ReferenceReservation[] = [];
  readonly context;
  backOffs = 0;
  finished = false;
  #call: Call<number> | null = null;
  #wanted: ReferenceReservation | null = null;
  readonly #env: FakeEnv;
  readonly #resvs: ReferenceReservations;
  readonly #objects: readonly ReferenceReservation[];

  constructor(env: FakeEnv, resvs: ReferenceReservations, objects: readonly ReferenceReservation[]) {
    this.#env = env;
    this.#resvs = resvs;
    this.#objects = objects;
    this.context = resvs.acquireInit();
  }

  /** Goes one step on; false if it cannot. */
  step(): boolean {
    if (this.finished) return false;
    if (this.#call !== null) return this.#settle(this.#call);
    const next = this.#wanted ?? this.#objects.find((resv) => !this.held.includes(resv));
    if (next === undefined) {
      this.#release();
      this.#resvs.acquireFini(this.context);
      this.finished = true;
      return true;
    }
    const slow = this.#wanted !== null;
    this.#wanted = next;
    this.#call = this.#env.start(
      this.task,
      slow ? this.#resvs.lockSlowInterruptible(next, this.context) : this.#resvs.lock(next, this.context),
    );
    return true;
  }

  #settle(call: Call<number>): boolean {
    if (!call.ended) return false;
    this.#call = null;
    if (call.result === EDEADLK) {
      assert.ok(this.held.length > 0);
      this.backOffs += 1;
      this.#release();
      return true;
    }
    assert.equal(call.result, 0);
    assert.equal(this.#wanted!.owner, this.task);
    this.held.push(this.#wanted!);
    this.#wanted = null;
    return true;
  }

  #release(): void {
    for (const resv of this.held.splice(0)) this.#env.as(this.task, () => this.#resvs.unlock(resv));
  }
}

describe("transactions over several reservation objects", () => {
  it("all finish under any schedule, silently, whatever orders they lock in (RESV-11)", () => {
    let backOffs = 0;
    fc.assert(
      fc.property(
        fc.array(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 1 }), { minLength: 2, maxLength: 5 }),
        fc.array(fc.nat({ max: 4 }), { maxLength: 60 }),
        (orders, schedule) => {
          const { env, resvs } = world();
          const objects = [0, 1, 2, 3].map(() => resvs.createReservation());
          const transactions = orders.map(
            (order) =>
              new Transaction(
                env,
                resvs,
                order.map((index) => objects[index]!),
              ),
          );
          for (const pick of schedule) transactions[pick % transactions.length]!.step();
          let rounds = 0;
          while (transactions.some((transaction) => !transaction.finished)) {
            expect((rounds += 1)).toBeLessThan(200);
            expect(transactions.filter((transaction) => transaction.step()).length).toBeGreaterThan(0);
          }
          for (const transaction of transactions) {
            backOffs += transaction.backOffs;
            expect(transaction.context.acquired).toBe(0);
          }
          expect(objects.every((resv) => resv.owner === null && resv.waiters.length === 0)).toBe(true);
          expect(env.warnings).toEqual([]);
        },
      ),
      { numRuns: 300, seed: 1 },
    );
    expect(backOffs).toBeGreaterThan(50);
  });
});
