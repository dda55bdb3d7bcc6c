import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel, run } from "../source.ts";

const both = ["6.12.117", "7.2.13"];

export const resv06: Rule = {
  id: "RESV-06",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "-EDEADLK goes only to a context that holds a lock taken with it, and locks won by trylock do not count as such.",
  intent: "A context with nothing to give up cannot be part of a deadlock and would back off for ever.",
  sources: [
    kernel("kernel/locking/ww_mutex.h", "__ww_mutex_kill", "6.12, 7.2"),
    run(both, "no -EDEADLK for the first lock of a context, even with injected back-offs"),
  ],
  hints: ["Is the number of acquired locks of the context tested before -EDEADLK is given?"],
  status: later("RESV"),
};

export const resv07: Rule = {
  id: "RESV-07",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Of two contexts that want one object, the younger one that already holds a lock under its context gets -EDEADLK, even if it was asleep when the older came; all others wait, contexts oldest first, and no holder is disturbed.",
  intent: "A fixed order of age is what makes one of the rivals always get through.",
  sources: [
    kernel("drivers/dma-buf/dma-resv.c", "reservation_ww_class", "6.12, 7.2"),
    kernel("kernel/locking/ww_mutex.h", "__ww_mutex_check_kill, __ww_mutex_add_waiter", "6.12, 7.2"),
    run(both, "older and younger waiters, without context, asleep, and interrupted"),
  ],
  hints: [
    "When an older context joins the queue, are the younger sleepers behind it looked at again?",
    "Is an older waiter taken into account, or only the holder?",
    "Are callers without context kept out of the comparison?",
  ],
  status: later("RESV"),
};

export const resv08: Rule = {
  id: "RESV-08",
  level: "MUST",
  obliged: ["caller"],
  statement: "After -EDEADLK the caller releases every lock of that context before its next blocking lock call.",
  intent: "The older task waits for one of these locks, and holding on to it closes the cycle again.",
  sources: [
    doc("Documentation/locking/ww-mutex-design.rst", "Concepts"),
    run(both, "a trylock or a lock already held draws no warning in this state"),
  ],
  temporal: ["T-17"],
  hints: [
    "Does the error path release all locks of the transaction, or only those taken in this loop?",
    "Is the buffer locked by an earlier slow call released too?",
  ],
  status: later("RESV"),
};

export const resv09: Rule = {
  id: "RESV-09",
  level: "MUST",
  obliged: ["caller"],
  statement:
    "The first lock a context takes after backing off is the contended one, by the slow or the plain call, unless the context gives up; this call sleeps and never answers -EDEADLK.",
  intent: "Sleeping on the contended object is what keeps two retrying tasks from chasing each other for ever.",
  sources: [
    doc("Documentation/locking/ww-mutex-design.rst", "Concepts and Lockdep"),
    doc("include/linux/ww_mutex.h", "ww_mutex_lock_slow"),
    kernel("kernel/locking/ww_mutex.h", "ww_mutex_lock_acquired", "6.12, 7.2"),
    run(both, "another object first draws a warning, the plain call on the contended one does not"),
  ],
  temporal: ["T-17"],
  hints: [
    "Is the contended object remembered across the retry?",
    "Does the retry start again at the head of the list?",
  ],
  status: later("RESV"),
};

export const resv10: Rule = {
  id: "RESV-10",
  level: "MUST",
  obliged: ["caller"],
  statement:
    "The slow lock call is made only after -EDEADLK, on the object that caused it, and while the context holds nothing.",
  intent: "It never backs off, so used anywhere else it is a lock without deadlock detection.",
  sources: [
    doc("include/linux/ww_mutex.h", "ww_mutex_lock_slow"),
    doc("Documentation/locking/ww-mutex-design.rst", "Concepts"),
    run(both, "a warning for each of the three misuses, and the lock is taken"),
  ],
  temporal: ["T-17"],
  hints: [
    "Is the slow call also used for the first attempt?",
    "Is the object given to it the one whose lock call failed?",
  ],
  status: later("RESV"),
};

export const resv11: Rule = {
  id: "RESV-11",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A context keeps its age stamp through all its retries until it is finished, so that under fair scheduling each one gets all its locks in the end.",
  intent: "With a fresh stamp at each retry a large submission can lose to small ones without end.",
  sources: [
    doc("Documentation/locking/ww-mutex-design.rst", "Concepts"),
    run(both, "the stamp before and after a back-off"),
  ],
  temporal: ["T-18"],
  hints: ["Does the retry loop start a new context instead of keeping the old one?"],
  status: later("RESV"),
};

export const rules: readonly Rule[] = [resv06, resv07, resv08, resv09, resv10, resv11];
