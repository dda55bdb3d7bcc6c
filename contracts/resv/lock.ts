import { EBUSY, EINTR } from "../../spec/errno.ts";
import type { LockEvent } from "../../spec/event.ts";
import type { CallName } from "../../spec/calls.ts";
import { on, remember } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel, run } from "../source.ts";
import { contention } from "./contention.ts";
import { innermost, isFree } from "./requests.ts";

const both = ["6.12.117", "7.2.13"];

/** Calls that work without the lock. */
const readers: ReadonlySet<CallName> = new Set([
  "getFences",
  "getSingleton",
  "waitFences",
  "testSignaled",
  "setDeadline",
]);

export const resv01: Rule = {
  id: "RESV-01",
  level: "MUST",
  obliged: ["framework"],
  statement: "A reservation lock has one holder at most.",
  intent: "The fence list, the mappings and the exporter's placement of the memory have no other protection.",
  sources: [
    kernel("include/linux/dma-resv.h", "dma_resv_lock", "6.12, 7.2"),
    run(both, "a second locker sleeps until the unlock, a trylock fails"),
  ],
  hints: ["Is the next waiter woken only after the holder has really let go?"],
  status: checked,
  evidence: ["unlock"],
  monitor: on({
    lock(event, state, verdict) {
      if (event.lockClass !== "reservation") return;
      const owner = state.reservations.get(event.lock)?.owner ?? null;
      if (owner !== null || event.waited) verdict.exercised();
      if (event.errno === 0 && owner !== null)
        verdict.violated(
          `${event.task} is given ${event.lock} while ${owner} holds it`,
          verdict.since("reservations", event.lock, "owner"),
        );
    },
  }),
};

export const resv02: Rule = {
  id: "RESV-02",
  level: "MUST",
  obliged: ["caller"],
  statement: "Whoever took a reservation lock releases it, with the context it was taken with, exactly once.",
  intent: "A foreign unlock succeeds silently without a lock checker and opens the object under its real holder.",
  sources: [
    doc("Documentation/locking/ww-mutex-design.rst", "Usage"),
    run(both, "a foreign unlock is reported by lockdep and takes effect"),
  ],
  hints: [
    "Does an error path unlock what the success path has unlocked already?",
    "Is the lock handed to another task that then releases it?",
  ],
  status: checked,
  evidence: ["call"],
  situation: contention,
  monitor: remember(() => new Map<string, LockEvent>(), {
    lock(event, _state, _verdict, taken) {
      if (event.lockClass === "reservation" && event.errno === 0) taken.set(event.lock, event);
    },
    unlock(event, state, verdict) {
      if (event.lockClass !== "reservation") return;
      verdict.exercised();
      const owner = state.reservations.get(event.lock)?.owner ?? null;
      if (owner === event.task) return;
      const holder = owner === null ? "nobody holds" : `${owner} holds`;
      verdict.violated(
        `${event.by} in ${event.task} unlocks ${event.lock}, which ${holder}`,
        verdict.since("reservations", event.lock, "owner"),
      );
    },
    ret(event, state, verdict, taken) {
      for (const { lock } of state.tasks.get(event.task)?.held ?? []) {
        const since = taken.get(lock);
        if (since === undefined || since.seq < event.call) continue;
        verdict.violated(`${event.op} returns with ${lock} held, which ${since.by} took inside it`, since);
      }
    },
  }),
};

export const resv04: Rule = {
  id: "RESV-04",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A lock call without acquire context acts as on a plain mutex: it gets the lock or, in the interruptible form, -EINTR, but never -EDEADLK.",
  intent: "Callers of a single lock have no code to back off and would run on without the lock.",
  sources: [
    doc("Documentation/locking/ww-mutex-design.rst", "Concepts"),
    run(both, "locking an object twice without context sleeps for ever"),
  ],
  hints: ["Does the deadlock test look at the context before it compares stamps?"],
  status: checked,
  evidence: ["unlock"],
  monitor: on({
    lock(event, _state, verdict) {
      if (event.lockClass !== "reservation" || event.acquire !== null || event.form === "try") return;
      verdict.exercised();
      const mayEnd = event.form === "interruptible" || event.form === "slowInterruptible";
      if (event.errno !== 0 && !(event.errno === EINTR && mayEnd))
        verdict.violated(`the ${event.form} lock of ${event.lock} without a context ends with error ${event.errno}`);
    },
    end(event, state, verdict) {
      for (const { task, wait } of event.waiting)
        if (wait.kind === "lock" && wait.acquire === null && state.reservations.get(wait.lock)?.owner === null)
          verdict.violated(`${task} sleeps for ${wait.lock} for ever, and nobody holds it`);
    },
  }),
};

export const resv14: Rule = {
  id: "RESV-14",
  level: "MUST",
  obliged: ["framework"],
  statement: "A trylock answers at once, true with the lock or false without it, and never asks anybody to back off.",
  intent: "It is called from reclaim and other places where sleeping on this lock would deadlock.",
  sources: [
    kernel("include/linux/dma-resv.h", "dma_resv_trylock", "6.12, 7.2"),
    run(both, "trylock against every kind of holder"),
  ],
  hints: ["Does trylock go through the path that queues a waiter?"],
  status: checked,
  evidence: ["unlock", "blocked", "resumed"],
  monitor: on({
    lock(event, state, verdict) {
      if (event.lockClass !== "reservation" || event.form !== "try" || !isFree(state, event.lock, event.task)) return;
      verdict.exercised();
      if (event.errno === EBUSY)
        verdict.violated(
          `the trylock of ${event.lock} fails although nobody holds it or waits for it`,
          verdict.since("reservations", event.lock, "owner"),
        );
    },
  }),
};

export const resv42: Rule = {
  id: "RESV-42",
  level: "MUST",
  obliged: ["caller"],
  statement:
    "With a reservation lock held nobody takes the mm lock or touches user memory that may fault; allocating memory, with reclaim, is allowed.",
  intent: "The page fault path takes these locks in the other order, so the two deadlock.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_lockdep", "6.12, 7.2"),
    run(both, "the mm lock under a reservation lock is reported, a blocking allocation is not"),
  ],
  temporal: ["T-24"],
  hints: [
    "Is copy_from_user or copy_to_user called between lock and unlock?",
    "Are user pages pinned while a buffer is locked?",
  ],
  status: checked,
  situation: {
    weights: { mmapFd: 4, ioctlSync: 8, cpuAccess: 4, import: 3, submit: 4 },
    importers: ["cpu", "scripted"],
  },
  monitor: on({
    lock(event, state, verdict) {
      if (event.lockClass !== "mm") return;
      verdict.exercised();
      const held = state.tasks.get(event.task)?.held.find(({ lockClass }) => lockClass === "reservation");
      if (held !== undefined)
        verdict.violated(
          `${event.by} touches a user's memory while it holds ${held.lock}`,
          verdict.since("reservations", held.lock, "owner"),
        );
    },
  }),
};

export const resv47: Rule = {
  id: "RESV-47",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A lock call that ends with -EINTR leaves the object not held by its caller, keeps the other locks and neither makes nor lifts a duty to back off; a free lock is taken even with a signal pending.",
  intent: "The caller has to know exactly what it holds before it unwinds or restarts.",
  sources: [
    kernel("kernel/locking/mutex.c", "__mutex_lock_common", "6.12, 7.2"),
    run(both, "an interrupted slow lock keeps the old duty, and a free lock is granted"),
  ],
  hints: [
    "Is the waiter taken off the queue before -EINTR is returned?",
    "Is the contended object forgotten when its slow lock is interrupted?",
  ],
  status: checked,
  evidence: ["unlock", "blocked", "resumed"],
  monitor: remember(() => new Map<string, LockEvent>(), {
    lock(event, state, verdict, interrupted) {
      if (event.lockClass !== "reservation") return;
      const free = !event.waited && isFree(state, event.lock, event.task);
      if (event.errno === EINTR || (free && event.form !== "try")) verdict.exercised();
      if (event.errno !== EINTR) return;
      interrupted.set(event.lock, event);
      if (event.form === "plain" || event.form === "slow")
        verdict.violated(`the lock call on ${event.lock}, which nothing may interrupt, answers EINTR`);
      else if (free) verdict.violated(`the lock call on ${event.lock} answers EINTR although the lock is free`);
    },
    end(event, state, verdict, interrupted) {
      for (const { task, wait } of event.waiting) {
        if (wait.kind !== "lock" || state.reservations.get(wait.lock)?.owner !== null) continue;
        const earlier = interrupted.get(wait.lock);
        if (earlier !== undefined)
          verdict.violated(
            `${task} sleeps for ${wait.lock} for ever: nobody holds it, and the call that was interrupted still stands in its queue`,
            earlier,
          );
      }
    },
  }),
};

export const resv49: Rule = {
  id: "RESV-49",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Readers such as query, wait, test, get fences, singleton and deadline never take the lock and get on while someone else holds it; only fences can hold them up.",
  intent: "Poll and wait from user space must not hang behind a driver that keeps its buffer locked.",
  sources: [
    doc("include/linux/dma-resv.h", "dma_resv_lock"),
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_wait_timeout, dma_resv_test_signaled", "6.12, 7.2"),
  ],
  hints: ["Does a reader take the lock to get a stable list instead of restarting its walk?"],
  status: checked,
  evidence: ["ret", "unlock"],
  monitor: on({
    call(event, state, verdict) {
      if (!readers.has(event.op) || !("resv" in event) || event.resv === null) return;
      const owner = state.reservations.get(event.resv)?.owner ?? null;
      if (owner !== null && owner !== event.task) verdict.exercised();
    },
    lock(event, state, verdict) {
      const reader = innermost(state.tasks.get(event.task));
      if (event.lockClass !== "reservation" || reader === undefined || !readers.has(reader.op)) return;
      verdict.violated(`${reader.op} asks for the lock of ${event.lock}`, reader);
    },
    blocked(event, state, verdict) {
      const reader = innermost(state.tasks.get(event.task));
      if (event.wait.kind !== "lock" || reader === undefined || !readers.has(reader.op)) return;
      verdict.violated(`${reader.op} sleeps for the lock of ${event.wait.lock}`, reader);
    },
  }),
};

export const rules: readonly Rule[] = [resv01, resv02, resv04, resv14, resv42, resv47, resv49];
