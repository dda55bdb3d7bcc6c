import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel, run } from "../source.ts";

const both = ["6.12.117", "7.2.13"];

export const resv03: Rule = {
  id: "RESV-03",
  level: "MUST",
  obliged: ["caller"],
  statement:
    "Whoever already holds a reservation lock makes further blocking lock calls only with an acquire context with which every held lock was taken (a trylocked one was not), and starts a context only with nothing held.",
  intent: "A lock outside the context has no age stamp, so nobody is told to back off and two tasks deadlock for real.",
  sources: [
    doc("include/linux/ww_mutex.h", "ww_acquire_init"),
    run(both, "sixteen orders of locking, and a real deadlock of two mixed users"),
  ],
  hints: [
    "Is a lock won by trylock still held when the next blocking lock call is made?",
    "Does a helper below lock its own object without being given the context?",
    "Is a second context started before the first one is finished?",
  ],
  status: later("RESV"),
};

export const resv05: Rule = {
  id: "RESV-05",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Locking an object that is held under the same context answers -EALREADY, leaves the lock as it is and asks for no second unlock.",
  intent: "User space may name one buffer twice in a submission, and that must neither hang nor unlock too early.",
  sources: [
    kernel("kernel/locking/mutex.c", "__mutex_lock_common", "6.12, 7.2"),
    doc("Documentation/locking/ww-mutex-design.rst", "Concepts"),
    run(both, "two repeated locks, one unlock"),
  ],
  hints: [
    "Is -EALREADY counted as another acquired lock?",
    "Does the test for the same context come before the caller joins the queue?",
  ],
  status: later("RESV"),
};

export const resv12: Rule = {
  id: "RESV-12",
  level: "MUST",
  obliged: ["caller"],
  statement:
    "After a context is marked done, once or never, it takes no new lock; it is finished after all its locks are released and before its task starts another context of the class.",
  intent: "A lock taken outside this life cycle escapes the rule that keeps a group of locks free of deadlock.",
  sources: [
    doc("Documentation/locking/ww-mutex-design.rst", "Lockdep"),
    run(both, "a warning for each wrong order; a trylock or a lock already held is fine after done"),
  ],
  hints: [
    "Does a retry path go back to locking after ww_acquire_done?",
    "Does an error path call ww_acquire_fini with a lock still held?",
  ],
  status: later("RESV"),
};

export const resv13: Rule = {
  id: "RESV-13",
  level: "MUST",
  obliged: ["caller"],
  statement: "The acquire context given to a lock call was started for the class of that lock.",
  intent: "Stamps of different classes cannot be compared, so the wrong side waits.",
  sources: [
    doc("Documentation/locking/ww-mutex-design.rst", "Concepts"),
    run(both, "a context of another class gives a warning and the lock all the same"),
  ],
  hints: ["Was the context started with reservation_ww_class?"],
  status: later("RESV"),
};

export const rules: readonly Rule[] = [resv03, resv05, resv12, resv13];
