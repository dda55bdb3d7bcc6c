import { EDEADLK } from "../../spec/errno.ts";
import type { LockRequest } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel, run } from "../source.ts";
import { contention } from "./contention.ts";
import { Queues } from "./queues.ts";
import { holdsAny, olderThan, onRequest, rivals } from "./requests.ts";

const both = ["6.12.117", "7.2.13"];

/** Whoever holds a lock with its context does not sleep where an older context holds the lock or waits for it. */
function sleepsRightly(task: string, { lock, acquire }: LockRequest, state: State, verdict: Verdict): void {
  if (acquire === null || !holdsAny(state, acquire)) return;
  const others = rivals(state, lock, task);
  if (others.length > 0) verdict.exercised();
  const older = olderThan(state, acquire, others);
  if (older === undefined) return;
  verdict.violated(
    `${acquire} sleeps for ${lock} with other locks in hand, though the older ${older} holds it or waits for it`,
    verdict.since("acquires", older, "stamp"),
    verdict.since("acquires", acquire, "held"),
  );
}

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
  status: checked,
  evidence: ["unlock", "call"],
  monitor: on({
    lock(event, state, verdict) {
      if (event.errno !== EDEADLK || event.acquire === null) return;
      verdict.exercised();
      if (!holdsAny(state, event.acquire))
        verdict.violated(
          `${event.acquire} is told to back off from ${event.lock} and holds nothing that was taken with it`,
          verdict.since("acquires", event.acquire, "held"),
        );
    },
    blocked(event, state, verdict) {
      if (event.wait.kind === "lock" && event.wait.acquire !== null && !holdsAny(state, event.wait.acquire))
        verdict.exercised();
    },
  }),
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
  status: checked,
  evidence: ["call", "resumed"],
  // What sleeps wrongly is seen at the end: locks stay held, and not much else goes on.
  situation: {
    weights: {
      acquireInit: 60,
      acquireDone: 0.1,
      acquireFini: 0.2,
      lock: 4,
      trylock: 0.2,
      unlock: 0.4,
      import: 4,
      submit: 6,
      reserveFences: 0.1,
      addFence: 0.1,
      getFences: 0.1,
      waitFences: 0.1,
      testSignaled: 0.1,
      fenceInit: 0.1,
    },
    importers: ["pageTable"],
    tasks: 4,
  },
  monitor: remember(() => new Queues(), {
    blocked(event, state, verdict, queues) {
      const { wait } = event;
      if (wait.kind !== "lock" || wait.lockClass !== "reservation") return;
      queues.joined(event);
      sleepsRightly(event.task, wait, state, verdict);
    },
    lock(event, state, verdict, queues) {
      const { acquire, lock } = event;
      if (event.errno === EDEADLK && acquire !== null) {
        verdict.exercised();
        if (olderThan(state, acquire, rivals(state, lock, event.task)) === undefined)
          verdict.violated(
            `${acquire} is told to back off from ${lock}, and no older context holds it or waits for it`,
            verdict.since("acquires", acquire, "stamp"),
            verdict.since("reservations", lock, "acquire"),
          );
      }
      const passed = queues.granted(event, state);
      if (passed.length > 0) verdict.exercised();
      const older = acquire === null ? undefined : olderThan(state, acquire, passed);
      if (older !== undefined)
        verdict.violated(
          `${lock} goes to ${acquire} while the older ${older} was already waiting for it`,
          verdict.since("acquires", older, "stamp"),
        );
    },
    unlock(event, _state, _verdict, queues) {
      queues.unlocked(event);
    },
    drain(_event, state, verdict) {
      for (const [task, { waiting }] of state.tasks)
        if (waiting?.kind === "lock") sleepsRightly(task, waiting, state, verdict);
    },
    end(event, state, verdict) {
      for (const { task, wait } of event.waiting) if (wait.kind === "lock") sleepsRightly(task, wait, state, verdict);
    },
  }),
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
  status: checked,
  evidence: ["call", "unlock"],
  situation: contention,
  monitor: on(
    onRequest((request, _event, state, verdict) => {
      const acquire = request.acquire === null ? undefined : state.acquires.get(request.acquire);
      if (acquire === undefined || acquire.contended === null || acquire.held.includes(request.lock)) return;
      verdict.exercised();
      if (acquire.held.length > 0)
        verdict.violated(
          `${request.acquire} asks for ${request.lock} after EDEADLK on ${acquire.contended} and still holds ${acquire.held.join(", ")}`,
          verdict.since("acquires", request.acquire!, "contended"),
        );
    }),
  ),
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
  status: checked,
  evidence: ["call", "unlock"],
  situation: contention,
  monitor: on(
    onRequest((request, _event, state, verdict) => {
      const acquire = request.acquire === null ? undefined : state.acquires.get(request.acquire);
      if (acquire === undefined || acquire.contended === null || acquire.held.length > 0) return;
      verdict.exercised();
      if (acquire.contended !== request.lock)
        verdict.violated(
          `the first lock that ${request.acquire} asks for after backing off is ${request.lock}, not ${acquire.contended}`,
          verdict.since("acquires", request.acquire!, "contended"),
        );
    }),
  ),
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
  status: checked,
  evidence: ["call", "unlock"],
  situation: contention,
  monitor: on(
    onRequest((request, _event, state, verdict) => {
      if (request.form !== "slow" && request.form !== "slowInterruptible") return;
      verdict.exercised();
      const { contended = null, held = [] } = state.acquires.get(request.acquire ?? "") ?? {};
      const wrong =
        contended === null
          ? "without an EDEADLK before it"
          : contended !== request.lock
            ? `after an EDEADLK on ${contended}`
            : held.length > 0
              ? `with ${held.join(", ")} still held`
              : null;
      if (wrong !== null)
        verdict.violated(
          `the slow lock call on ${request.lock} is made ${wrong}`,
          verdict.since("acquires", request.acquire ?? "", "contended"),
        );
    }),
  ),
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
  status: checked,
  evidence: ["call", "resumed"],
  situation: contention,
  monitor: remember(() => ({ backedOff: new Set<string>(), queues: new Queues() }), {
    lock(event, state, verdict, { backedOff, queues }) {
      const { acquire, lock } = event;
      const passed = queues.granted(event, state).filter((name) => backedOff.has(name));
      if (acquire === null) return;
      const others = event.errno === EDEADLK ? rivals(state, lock, event.task) : [];
      const again = others.length > 0 && backedOff.has(acquire);
      if (again || passed.length > 0) verdict.exercised();
      if (again && olderThan(state, acquire, others) === undefined)
        verdict.violated(
          `${acquire} is told to back off again, though ${others.join(", ")} was started after it`,
          verdict.since("acquires", acquire, "stamp"),
        );
      const robbed = olderThan(state, acquire, passed);
      if (robbed !== undefined)
        verdict.violated(
          `${lock} goes to ${acquire} before ${robbed}, which is older and lost its age when it backed off`,
          verdict.since("acquires", robbed, "stamp"),
        );
      if (event.errno === EDEADLK) backedOff.add(acquire);
    },
    unlock(event, _state, _verdict, { queues }) {
      queues.unlocked(event);
    },
    blocked(event, state, verdict, { backedOff, queues }) {
      const { wait } = event;
      if (wait.kind !== "lock") return;
      queues.joined(event);
      if (wait.acquire === null || !holdsAny(state, wait.acquire)) return;
      const others = rivals(state, wait.lock, event.task);
      const older = others.filter((name) => backedOff.has(name));
      if (older.length > 0 || (others.length > 0 && backedOff.has(wait.acquire))) verdict.exercised();
      const robbed = olderThan(state, wait.acquire, older);
      if (robbed !== undefined)
        verdict.violated(
          `${wait.acquire} waits for ${robbed}, which was started before it and lost its age when it backed off`,
          verdict.since("acquires", robbed, "stamp"),
        );
    },
    end(event, state, verdict) {
      for (const { task, wait } of event.waiting)
        if (wait.kind === "lock" && wait.acquire !== null && state.reservations.get(wait.lock)?.owner === null)
          verdict.violated(`${task} sleeps for ${wait.lock} for ever with ${wait.acquire}, and nobody holds it`);
    },
  }),
};

export const rules: readonly Rule[] = [resv06, resv07, resv08, resv09, resv10, resv11];
