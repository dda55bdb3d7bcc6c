import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel, run } from "../source.ts";

const both = ["6.12.117", "7.2.13"];

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
  status: later("RESV"),
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
  status: later("RESV"),
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
  status: later("RESV"),
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
  status: later("RESV"),
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
  status: later("RESV"),
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
  status: later("RESV"),
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
  status: later("RESV"),
};

export const rules: readonly Rule[] = [resv01, resv02, resv04, resv14, resv42, resv47, resv49];
