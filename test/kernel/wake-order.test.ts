import { describe, expect, it } from "vitest";
import { replayPlan } from "../../kernel/compare/draw-plan.ts";
import { StolenLocks } from "../../kernel/compare/stolen-locks.ts";
import { WwMutex } from "../../reference-impl/reservations/ww-mutex.ts";
import { program, type ProgramBuilder } from "../../spec/builder.ts";
import type { Errno } from "../../spec/errno.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { FakeEnv } from "../reference-impl/reservations-env.ts";

/** A buffer with a pending fence for everybody. */
function fenced(): ProgramBuilder {
  return program("K7.2")
    .exporter("e1", { kind: "scripted" })
    .buffer("b1")
    .task("t1")
    .step("export", { buffer: "b1" })
    .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
    .step("lock", { resv: "b1.resv" })
    .step("reserveFences", { resv: "b1.resv", count: 1 })
    .step("addFence", { resv: "b1.resv", fence: "f1", usage: "kernel" })
    .step("unlock", { resv: "b1.resv" });
}

const wait = { fence: "f1", interruptible: false, timeout: 1_000_000 } as const;
const poll = { buffer: "b1", input: true, output: false, sleep: true } as const;
const signal = { fence: "f1" } as const;

function eventsOf(builder: ProgramBuilder): readonly HistoryEvent[] {
  return replayPlan(builder.build()).events;
}

/** Who goes on, in order. */
function resumed(builder: ProgramBuilder): readonly string[] {
  return eventsOf(builder).flatMap((event) => (event.kind === "resumed" ? [event.task] : []));
}

describe("of several tasks that one signal wakes goes on first", () => {
  it("in a queue of sleepers the newest (add_wait_queue)", () => {
    const sleepers = fenced().task("t2").step("poll", poll).task("t3").step("poll", poll);
    expect(resumed(sleepers.task("t1").step("signal", signal))).toEqual(["t3", "t2"]);
  });

  it("of those who wait for the fence the newest (list_add in dma_fence_default_wait)", () => {
    const waiters = fenced().task("t2").step("waitFence", wait).task("t3").step("waitFence", wait);
    expect(resumed(waiters.task("t1").step("signal", signal))).toEqual(["t3", "t2"]);
  });

  it("who waits for the fence before who is called back for it, whoever came first", () => {
    const both = fenced().task("t2").step("poll", poll).task("t3").step("waitFence", wait);
    expect(resumed(both.task("t1").step("signal", signal))).toEqual(["t3", "t2"]);
    const other = fenced().task("t2").step("waitFence", wait).task("t3").step("poll", poll);
    expect(resumed(other.task("t1").step("signal", signal))).toEqual(["t2", "t3"]);
  });

  it("of those who wait for any of several the oldest, after who waits for one", () => {
    const any = { fences: ["f1"], interruptible: false, timeout: 1_000_000 };
    const waiters = fenced().task("t2").step("waitAny", any).task("t3").step("waitAny", any);
    const all = waiters.task("t4").step("waitFence", wait);
    expect(resumed(all.task("t1").step("signal", signal))).toEqual(["t4", "t2", "t3"]);
  });

  it("not who was interrupted earlier in vain", () => {
    const waiters = fenced().task("t2").step("waitFence", wait).task("t3").step("waitFence", wait);
    const interrupted = waiters.task("t1").step("interrupt", { target: "t2" });
    expect(resumed(interrupted.step("signal", signal))).toEqual(["t3", "t2"]);
  });
});

/** Tasks that share a lock, each driven by hand. */
class Contest {
  readonly env = new FakeEnv();
  readonly locks = new StolenLocks(this.env as unknown as Env);
  readonly mutex = new WwMutex();
  private readonly asleep = new Map<object, Generator<Suspension, Errno, unknown>>();

  /** Whether it has the lock now. */
  lock(task: object): boolean {
    this.env.task = task;
    this.asleep.set(task, this.locks.lock(this.mutex, null, false));
    return this.wake(task);
  }

  /** Lets it run, and says whether it has the lock then. */
  wake(task: object): boolean {
    this.env.task = task;
    const running = this.asleep.get(task)!;
    let result = running.next(0);
    while (result.done !== true && typeof result.value === "string") result = running.next(0);
    return result.done === true;
  }

  trylock(task: object): boolean {
    this.env.task = task;
    return this.locks.trylock(this.mutex);
  }

  unlock(task: object): void {
    this.env.task = task;
    this.locks.unlock(this.mutex);
  }
}

describe("a lock as a kernel hands it on", () => {
  const [holder, waiter, thief] = [{}, {}, {}];

  it("is anybody's until the waiter that was woken has run", () => {
    const contest = new Contest();
    expect(contest.lock(holder)).toBe(true);
    expect(contest.lock(waiter)).toBe(false);
    contest.unlock(holder);
    expect(contest.trylock(thief)).toBe(true);
    expect(contest.wake(waiter)).toBe(false);
  });

  it("goes to a waiter that was woken in vain, and to nobody else", () => {
    const contest = new Contest();
    contest.lock(holder);
    contest.lock(waiter);
    contest.unlock(holder);
    contest.trylock(thief);
    contest.wake(waiter);
    contest.unlock(thief);
    expect(contest.trylock(thief)).toBe(false);
    expect(contest.wake(waiter)).toBe(true);
    contest.unlock(waiter);
    expect(contest.trylock(thief)).toBe(true);
  });

  it("is taken twice by an attach of 6.12 before the next waiter has it", () => {
    const b1 = { resv: "b1.resv" } as const;
    const taken = eventsOf(
      program("K6.12+moveNotify")
        .exporter("e1", { kind: "moving" })
        .importer("i1", { ops: "static" })
        .buffer("b1")
        .task("t1")
        .step("export", { buffer: "b1" })
        .step("lock", b1)
        .task("t2")
        .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
        .task("t3")
        .step("lock", b1)
        .task("t1")
        .step("unlock", b1),
    ).flatMap((event) => (event.kind === "lock" ? [`${event.task} ${event.by}`] : []));
    expect(taken.slice(0, 4)).toEqual(["t1 program", "t2 framework", "t2 framework", "t3 program"]);
  });
});
