import { EALREADY } from "../../spec/errno.ts";
import { on } from "../monitor.ts";
import { noCycle } from "../order/cycles.ts";
import { checked, untested } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel, run } from "../source.ts";
import { onRequest } from "./requests.ts";

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
  status: checked,
  across: noCycle("RESV-03"),
  evidence: ["unlock"],
  monitor: on({
    ...onRequest((request, event, state, verdict) => {
      const held = state.tasks.get(event.task)?.held.filter((lock) => lock.lockClass === "reservation") ?? [];
      if (held.length === 0) return;
      verdict.exercised();
      const other = held.find((lock) => request.acquire === null || lock.acquire !== request.acquire);
      if (other === undefined) return;
      const [asked, taken] = [request.acquire, other.acquire].map((name) => name ?? "no context");
      verdict.violated(
        `${event.task} asks for ${request.lock} with ${asked} while it holds ${other.lock}, taken with ${taken}`,
        verdict.since("reservations", other.lock, "owner"),
      );
    }),
    "call acquireInit"(event, state, verdict) {
      const held = state.tasks.get(event.task)?.held.find((lock) => lock.lockClass === "reservation");
      if (held === undefined) return;
      verdict.exercised();
      verdict.violated(
        `${event.task} starts a context while it holds ${held.lock}`,
        verdict.since("reservations", held.lock, "owner"),
      );
    },
  }),
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
  status: checked,
  evidence: ["unlock"],
  monitor: on({
    lock(event, state, verdict) {
      if (event.lockClass !== "reservation" || event.form === "try" || event.acquire === null) return;
      const resv = state.reservations.get(event.lock);
      const own = resv !== undefined && resv.owner === event.task && resv.acquire === event.acquire;
      if (own) verdict.exercised();
      if (own !== (event.errno === EALREADY))
        verdict.violated(
          own
            ? `${event.lock} is held with ${event.acquire}, and the lock call answers ${event.errno}`
            : `${event.lock} is not held with ${event.acquire}, and the lock call answers EALREADY`,
          verdict.since("reservations", event.lock, "owner"),
        );
    },
    blocked(event, state, verdict) {
      const { wait } = event;
      if (wait.kind !== "lock" || wait.acquire === null) return;
      const resv = state.reservations.get(wait.lock);
      if (resv?.owner !== event.task || resv.acquire !== wait.acquire) return;
      verdict.exercised();
      verdict.violated(
        `${event.task} sleeps for ${wait.lock}, which it holds with the same context`,
        verdict.since("reservations", wait.lock, "owner"),
      );
    },
  }),
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
  status: checked,
  evidence: ["unlock"],
  monitor: on({
    ...onRequest((request, _event, state, verdict) => {
      const acquire = request.acquire === null ? undefined : state.acquires.get(request.acquire);
      if (acquire === undefined || acquire.phase === "acquiring" || acquire.held.includes(request.lock)) return;
      verdict.exercised();
      verdict.violated(
        `${request.lock} is asked for with ${request.acquire}, which is ${acquire.phase === "done" ? "marked done" : "finished"}`,
        verdict.since("acquires", request.acquire!, "phase"),
      );
    }),
    "call acquireInit"(event, state, verdict) {
      for (const [name, other] of state.acquires) {
        if (other.task !== event.task) continue;
        verdict.exercised();
        if (other.phase !== "fini")
          verdict.violated(
            `${event.task} starts ${event.acquire} before ${name} is finished`,
            verdict.since("acquires", name, "phase"),
          );
      }
    },
    "call acquireDone"(event, state, verdict) {
      verdict.exercised();
      if (state.acquires.get(event.acquire)?.phase !== "acquiring")
        verdict.violated(
          `${event.acquire} is marked done a second time`,
          verdict.since("acquires", event.acquire, "phase"),
        );
    },
    "call acquireFini"(event, state, verdict) {
      verdict.exercised();
      const { held = [], phase } = state.acquires.get(event.acquire) ?? {};
      if (phase === "fini") verdict.violated(`${event.acquire} is finished twice`);
      else if (held.length > 0)
        verdict.violated(
          `${event.acquire} is finished while ${held.join(", ")} taken with it is held`,
          verdict.since("acquires", event.acquire, "held"),
        );
    },
  }),
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
  status: untested(
    "all locks here are of the one class of reservation objects; its check is the kernel's lock debugging",
  ),
};

export const rules: readonly Rule[] = [resv03, resv05, resv12, resv13];
