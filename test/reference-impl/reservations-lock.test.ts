import { describe, expect, it } from "vitest";
import { EALREADY, EDEADLK, EINTR } from "../../spec/errno.ts";
import type { ReferenceReservation } from "../../reference-impl/reservations/reservation.ts";
import type { WwAcquireContext } from "../../reference-impl/reservations/ww-mutex.ts";
import type { Call } from "./reservations-env.ts";
import { world } from "./reservations-env.ts";

/** Words of kernel-facts: n locks r under its context, without one (lockn), interruptibly (locki). */
function bench(contexts: number, objects = 4) {
  const { env, resvs, actors } = world();
  const resv = Array.from({ length: objects }, () => resvs.createReservation()) as [
    ReferenceReservation,
    ReferenceReservation,
    ReferenceReservation,
    ReferenceReservation,
  ];
  const context: (WwAcquireContext | null)[] = [null, null, null, null];
  for (let n = 0; n < contexts; n += 1) context[n] = resvs.acquireInit();
  const of = (n: number): WwAcquireContext => context[n]!;
  return {
    env,
    resvs,
    resv,
    context,
    of,
    actor: (n: number): object => actors[n]!,
    lock: (n: number, r: number): Call<number> => env.start(actors[n]!, resvs.lock(resv[r]!, context[n] ?? null)),
    lockn: (n: number, r: number): Call<number> => env.start(actors[n]!, resvs.lock(resv[r]!, null)),
    locki: (n: number, r: number): Call<number> =>
      env.start(actors[n]!, resvs.lockInterruptible(resv[r]!, context[n] ?? null)),
    slow: (n: number, r: number): Call<void> => env.start(actors[n]!, resvs.lockSlow(resv[r]!, of(n))),
    slowi: (n: number, r: number): Call<number> => env.start(actors[n]!, resvs.lockSlowInterruptible(resv[r]!, of(n))),
    trylock: (n: number, r: number): boolean => env.as(actors[n]!, () => resvs.trylock(resv[r]!)),
    unlock: (n: number, r: number): void => {
      env.as(actors[n]!, () => resvs.unlock(resv[r]!));
    },
    /** Actor 1 (younger) holds `held`, runs into `contended` held by 0 and backs off. */
    backOff(held: number, contended: number): void {
      this.lock(0, contended);
      this.lock(1, held);
      expect(this.lock(1, contended).result).toBe(EDEADLK);
      this.unlock(1, held);
    },
  };
}

describe("reservation lock without context", () => {
  it("is held by one task at a time and handed to the first waiter (RESV-01)", () => {
    const b = bench(0);
    expect(b.lock(0, 0).result).toBe(0);
    const second = b.lock(1, 0);
    expect(b.trylock(2, 0)).toBe(false);
    const third = b.lock(2, 0);
    b.unlock(0, 0);
    expect(second.result).toBe(0);
    expect(third.ended).toBe(false);
    expect(b.trylock(3, 0)).toBe(false);
    b.unlock(1, 0);
    expect(third.result).toBe(0);
    expect(b.env.sleeps).toEqual([
      { kind: "lock", lock: b.resv[0] },
      { kind: "lock", lock: b.resv[0] },
    ]);
    expect(b.env.warnings).toEqual([]);
  });

  it("is released by whoever calls unlock, with a report (RESV-02)", () => {
    const b = bench(1);
    b.lock(0, 0);
    b.unlock(1, 0);
    expect(b.env.warnings).toEqual(["a lock is released by a task that does not hold it"]);
    expect(b.of(0).acquired).toBe(0);
    expect(b.lockn(2, 0).result).toBe(0);
    b.unlock(2, 0);
    b.unlock(2, 0);
    expect(b.env.warnings.length).toBe(2);
  });

  it("waits for itself for ever when taken twice, and never reports a deadlock (RESV-04)", () => {
    const b = bench(0);
    b.lock(0, 0);
    expect(b.lock(0, 0).ended).toBe(false);
    expect(b.env.warnings).toEqual(["a task blocks on a lock that it already holds: it waits for itself for ever"]);
  });

  it("really deadlocks where one side uses no context (RESV-03)", () => {
    const b = bench(1);
    b.lock(0, 0);
    b.lockn(1, 1);
    expect(b.lock(0, 1).ended).toBe(false);
    expect(b.lockn(1, 0).ended).toBe(false);
  });

  it("trylock fails on every held lock and never sleeps (RESV-14)", () => {
    const b = bench(2);
    b.lock(0, 0);
    expect(b.trylock(0, 0)).toBe(false);
    expect(b.trylock(1, 0)).toBe(false);
    expect(b.trylock(1, 1)).toBe(true);
    expect(b.env.sleeps).toEqual([]);
  });
});

describe("reservation lock under a context", () => {
  it("answers EALREADY for an object it holds and counts nothing (RESV-05)", () => {
    const b = bench(1);
    b.lock(0, 0);
    expect(b.lock(0, 0).result).toBe(EALREADY);
    expect(b.locki(0, 0).result).toBe(EALREADY);
    expect(b.of(0).acquired).toBe(1);
    b.unlock(0, 0);
    expect(b.resv[0].owner).toBe(null);
    expect(b.of(0).acquired).toBe(0);
  });

  it("waits for ever for an object of its own trylock (RESV-05)", () => {
    const b = bench(1);
    b.trylock(0, 0);
    expect(b.lock(0, 0).ended).toBe(false);
    expect(b.env.warnings.length).toBe(1);
  });

  it("waits while it holds nothing, also with a trylocked lock (RESV-06)", () => {
    for (const withTrylock of [false, true]) {
      const b = bench(2);
      b.lock(0, 0);
      if (withTrylock) b.trylock(1, 1);
      const younger = b.lock(1, 0);
      expect(younger.ended).toBe(false);
      b.unlock(0, 0);
      expect(younger.result).toBe(0);
    }
  });

  it.each(["lock", "locki"] as const)("%s: the younger dies, the older waits (RESV-07)", (form) => {
    const b = bench(2);
    b.lock(0, 0);
    b.lock(1, 1);
    expect(b[form](1, 0).result).toBe(EDEADLK);
    const older = b[form](0, 1);
    expect(older.ended).toBe(false);
    expect(b.lock(1, 2).result).toBe(0);
    b.unlock(1, 2);
    b.unlock(1, 1);
    expect(older.result).toBe(0);
    b.unlock(0, 1);
    expect(b.env.warnings.length).toBe(1); // 1 took another lock with the back-off still owed
  });

  it.each(["lock", "locki"] as const)("%s: a sleeper dies when an older context joins (RESV-07)", (form) => {
    const b = bench(2);
    b.lockn(2, 0);
    b.lock(1, 1);
    const sleeper = b[form](1, 0);
    expect(sleeper.ended).toBe(false);
    const older = b.lock(0, 0);
    b.env.settle();
    expect(sleeper.result).toBe(EDEADLK);
    expect(b.of(1).contended).toBe(b.resv[0]);
    expect(older.ended).toBe(false);
    b.unlock(2, 0);
    expect(older.result).toBe(0);
  });

  it("a younger context that holds locks does not queue behind an older waiter (RESV-07)", () => {
    const b = bench(2);
    b.lockn(2, 0);
    b.lock(0, 0);
    b.lock(1, 1);
    b.env.interrupted.add(b.actor(1));
    expect(b.locki(1, 0).result).toBe(EDEADLK);
    expect(b.resv[0].waiters.length).toBe(1);
  });

  it("an older context passes waiters without context only in front of a younger one (RESV-07)", () => {
    for (const order of [
      { queue: [1, 3, 0], served: [0, 1, 3] },
      { queue: [3, 1, 0], served: [3, 0, 1] },
    ]) {
      const b = bench(2);
      b.lockn(2, 0);
      const calls = new Map(order.queue.map((n) => [n, b.lock(n, 0)]));
      const served: number[] = [];
      let holder = 2;
      while (served.length < 3) {
        b.unlock(holder, 0);
        holder = order.queue.find((n) => !served.includes(n) && calls.get(n)!.ended)!;
        served.push(holder);
      }
      expect(served).toEqual(order.served);
    }
  });

  it("a pending interruption wins over the older holder (RESV-07)", () => {
    const b = bench(2);
    b.lock(0, 0);
    b.lock(1, 1);
    b.env.interrupted.add(b.actor(1));
    expect(b.locki(1, 0).result).toBe(EINTR);
    expect(b.of(1).contended).toBe(null);
    expect(b.resv[0].waiters).toEqual([]);
  });

  it("a pending interruption wins also for a sleeper that was woken to die (RESV-07)", () => {
    const b = bench(2);
    b.lockn(2, 0);
    b.lock(1, 1);
    const sleeper = b.locki(1, 0);
    b.env.stops.add("lock");
    const older = b.env.start(b.actor(0), b.resvs.lock(b.resv[0], b.of(0)));
    b.env.stops.clear();
    b.env.interrupted.add(b.actor(1));
    b.env.resume(older);
    expect(sleeper.result).toBe(EINTR);
    expect(b.of(1).contended).toBe(null);
  });

  it("the age of a new owner counts from the moment of the hand-over (RESV-07)", () => {
    const b = bench(2);
    b.lockn(2, 0);
    const older = b.lock(0, 0);
    b.lock(1, 1);
    b.env.task = b.actor(2);
    b.resvs.unlock(b.resv[0]); // 0 has not run since
    expect(older.ended).toBe(false);
    expect(b.lock(1, 0).result).toBe(EDEADLK);
    b.env.settle();
    expect(older.result).toBe(0);
    expect(b.of(0).acquired).toBe(1);
  });

  it("a lock handed over wins over an interruption", () => {
    const b = bench(0);
    b.lock(0, 0);
    const waiter = b.locki(1, 0);
    b.env.task = b.actor(0);
    b.env.interrupted.add(b.actor(1));
    b.unlock(0, 0);
    expect(waiter.result).toBe(0);
    expect(b.resv[0].owner).toBe(b.actor(1));
  });

  it("a woken sleeper whose older rival gave up sleeps on", () => {
    const b = bench(2);
    b.lockn(2, 0);
    b.lock(1, 1);
    const sleeper = b.lock(1, 0);
    b.env.interrupted.add(b.actor(0));
    expect(b.locki(0, 0).result).toBe(EINTR);
    b.env.settle();
    expect(sleeper.ended).toBe(false);
    b.unlock(2, 0);
    expect(sleeper.result).toBe(0);
  });

  it("keeps its stamp over back-offs and so becomes the oldest (RESV-11)", () => {
    const b = bench(2);
    b.backOff(1, 0);
    b.unlock(0, 0);
    b.slow(1, 0);
    b.context[2] = b.resvs.acquireInit();
    b.lock(2, 1);
    expect(b.lock(2, 0).result).toBe(EDEADLK);
    expect(b.env.warnings).toEqual([]);
  });
});

describe("checks of the acquire context", () => {
  it("after a back-off: trylock and an own object are silent, another lock is not (RESV-08, RESV-09)", () => {
    const b = bench(2);
    b.lock(0, 0);
    b.lock(1, 1);
    b.lock(1, 0);
    expect(b.trylock(1, 2)).toBe(true);
    expect(b.lock(1, 1).result).toBe(EALREADY);
    expect(b.env.warnings).toEqual([]);
    b.unlock(1, 1);
    expect(b.lock(1, 3).result).toBe(0);
    expect(b.env.warnings).toEqual(["after a reported deadlock another lock than the contended one is taken"]);
  });

  it("after a back-off the plain form sleeps and is silent (RESV-09)", () => {
    const b = bench(2);
    b.backOff(1, 0);
    const again = b.lock(1, 0);
    expect(again.ended).toBe(false);
    b.unlock(0, 0);
    expect(again.result).toBe(0);
    expect(b.env.warnings).toEqual([]);
  });

  it("the slow form: one warning without back-off, while holding, on another object (RESV-10)", () => {
    const without = bench(1);
    without.slow(0, 0);
    expect(without.env.warnings).toEqual(["the slow lock form is used without a deadlock reported before it"]);
    expect(without.of(0).acquired).toBe(1);

    const holding = bench(2);
    holding.lock(0, 0);
    holding.lock(1, 1);
    holding.lock(1, 0);
    holding.unlock(0, 0);
    holding.slow(1, 0);
    expect(holding.env.warnings).toEqual([
      "the contended lock is taken while locks of its acquire context are still held",
    ]);
    expect(holding.of(1).acquired).toBe(2);

    const another = bench(2);
    another.backOff(1, 0);
    another.slow(1, 2);
    expect(another.env.warnings).toEqual(["after a reported deadlock another lock than the contended one is taken"]);
    expect(another.resv[2].owner).toBe(another.actor(1));
  });

  it("done and end: late locks, twice, with locks held (RESV-12)", () => {
    const b = bench(1);
    const context = b.of(0);
    b.lock(0, 0);
    b.resvs.acquireDone(context);
    expect(b.trylock(0, 2)).toBe(true);
    expect(b.lock(0, 0).result).toBe(EALREADY);
    expect(b.env.warnings).toEqual([]);
    expect(b.lock(0, 1).result).toBe(0);
    b.resvs.acquireDone(context);
    b.resvs.acquireFini(context);
    b.unlock(0, 1);
    b.unlock(0, 0);
    b.resvs.acquireFini(context);
    expect(b.lock(0, 3).result).toBe(0);
    b.resvs.acquireDone(context);
    expect(b.env.warnings).toEqual([
      "a lock is taken with an acquire context that was marked done",
      "an acquire context is marked done twice",
      "an acquire context is ended while locks taken with it are held",
      "an acquire context is ended twice",
      "a lock is taken with an acquire context that has ended",
      "an acquire context is marked done after its end",
    ]);
  });

  it("an interrupted slow form keeps the obligation, and the context may end with it (RESV-47)", () => {
    const b = bench(2);
    b.backOff(1, 0);
    b.env.interrupted.add(b.actor(1));
    expect(b.slowi(1, 0).result).toBe(EINTR);
    expect(b.of(1).contended).toBe(b.resv[0]);
    expect(b.locki(1, 1).result).toBe(0); // free: taken despite the interruption
    expect(b.env.warnings.length).toBe(1);
    b.unlock(1, 1);
    b.resvs.acquireFini(b.of(1));
    expect(b.env.warnings.length).toBe(1);
  });

  it("a further deadlock instead of the back-off is reported", () => {
    const b = bench(2);
    b.lock(0, 0);
    b.lock(1, 1);
    b.lock(1, 0);
    expect(b.lock(1, 0).result).toBe(EDEADLK);
    expect(b.env.warnings).toEqual(["an acquire context that has to back off met its next deadlock instead"]);
  });

  it("destroying a held object is reported (LIFE-35)", () => {
    const b = bench(0);
    b.lock(0, 0);
    b.resvs.destroyReservation(b.resv[0]);
    expect(b.env.warnings).toEqual(["a lock is destroyed while it is held"]);
  });
});
