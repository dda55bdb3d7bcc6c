import type { CallEvent, CbEvent } from "../../spec/event.ts";
import { holds, type State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { attachmentsOf } from "../shared/lookup.ts";
import { derived, doc, kernel, run } from "../source.ts";
import { certainReferences, countTaken, Holders, isCreator } from "./holders.ts";

const core = "drivers/dma-buf/dma-buf.c";
const both = ["6.12.117", "7.2.13"];

/** The buffer that a call works on, for calls that need a reference to it. A put has a rule of its own (LIFE-09). */
function usedBuffer(state: State, event: CallEvent): string | null {
  switch (event.op) {
    case "exportFd":
    case "getRef":
    case "invalidate":
    case "seek":
    case "setName":
    case "getName":
    case "attach":
    case "detach":
      return event.buffer;
    case "pin":
    case "unpin":
    case "map":
    case "mapUnlocked":
    case "unmap":
    case "unmapUnlocked":
    case "isRevocable":
      return event.attachment === null ? null : (state.attachments.get(event.attachment)?.buffer ?? null);
    default:
      return null;
  }
}

/** The buffer that a hook of an exporter works on, its release left out. */
function hookedBuffer(state: State, event: CbEvent): string | null {
  switch (event.hook) {
    case "attach":
    case "detach":
      return event.buffer;
    case "pin":
    case "unpin":
    case "map":
    case "unmap":
      return state.attachments.get(event.attachment)?.buffer ?? null;
    default:
      return null;
  }
}

/** The lock that the caller of such an operation must not hold. */
function forbiddenLock(state: State, event: CallEvent): string | undefined {
  switch (event.op) {
    case "export":
      return event.resv ?? undefined;
    case "exportFd":
    case "put":
      return state.buffers.get(event.buffer)?.resv;
    case "get":
    case "close":
      return state.buffers.get(state.fds.get(event.fd)?.buffer ?? "")?.resv;
    default:
      return undefined;
  }
}

export const life09: Rule = {
  id: "LIFE-09",
  level: "MUST",
  obliged: ["caller"],
  statement:
    "Each reference, whether it came from export, get, an explicit ref, an fd, an armed poll or a live mmap, is dropped exactly once.",
  intent: "One drop too few pins the memory until reboot; one too many frees it under another user.",
  sources: [
    doc(core, "dma_buf_get, dma_buf_put"),
    kernel(core, "dma_buf_poll", "6.12, 7.2"),
    run(both, "export, fd, poll arm and mmap each add one; close, signal and munmap each drop one"),
  ],
  hints: [
    "Does every error path after get put the buffer?",
    "Is the reference of an fd you created counted as no longer yours (LIFE-06)?",
  ],
  monitor: remember(() => new Holders(), {
    ...countTaken,
    "call put": ({ buffer, by }, state, verdict, holders) => {
      const refs = state.buffers.get(buffer)?.refs;
      if (refs === undefined) return;
      verdict.exercised();
      const since = verdict.since("buffers", buffer, "refs");
      if (refs <= 0) verdict.violated(`${by} puts ${buffer}, which has no reference left`, since);
      else if (!isCreator(state, buffer, by) && holders.of(buffer, by) <= 0)
        verdict.violated(`${by} puts ${buffer} without a reference of its own`, since);
      holders.change(state, buffer, by, -1);
    },
    end: (event, state, verdict) => {
      if (event.waiting.length > 0) return;
      for (const [name, { refs }] of state.buffers) {
        verdict.exercised();
        if (refs <= 0) continue;
        const since = verdict.since("buffers", name, "refs");
        verdict.violated(`${refs} references to ${name} were never dropped`, since);
      }
    },
  }),
  status: checked,
};

export const life10: Rule = {
  id: "LIFE-10",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "The release hook runs exactly once, not before the last reference is gone, and possibly only after the last put has returned.",
  intent: "Released early or twice the storage is a use after free; never released it is a leak no one can repair.",
  sources: [
    kernel(core, "dma_buf_release", "6.12, 7.2"),
    doc("include/linux/dma-buf.h", "struct dma_buf_ops, release"),
    run(both, "put from a kernel thread returns before release, which runs once at the next flush"),
  ],
  hints: [
    "Do armed polls and live mmaps count as references?",
    "Does your code rely on release having run when put returns?",
  ],
  monitor: on({
    "cb release": ({ buffer }, state, verdict) => {
      const row = state.buffers.get(buffer);
      if (row === undefined) return;
      verdict.exercised();
      const since = verdict.since("buffers", buffer, "refs");
      const left = certainReferences(state, buffer);
      if (left > 0) verdict.violated(`${buffer} is released while ${left} references are left`, since);
      if (row.releases > 0)
        verdict.violated(`${buffer} is released twice`, verdict.since("buffers", buffer, "releases"));
    },
    end: (event, state, verdict) => {
      if (event.waiting.length > 0) return;
      for (const [name, { refs, released }] of state.buffers) {
        if (refs > 0) continue;
        verdict.exercised();
        if (released) continue;
        verdict.violated(`${name} was never released`, verdict.since("buffers", name, "refs"));
      }
    },
  }),
  status: checked,
};

export const life11: Rule = {
  id: "LIFE-11",
  level: "MUST",
  obliged: ["caller", "framework"],
  statement:
    "Once the last reference is dropped nobody starts an operation on the buffer, and its exporter gets no call but release.",
  intent: "The exporter may be freeing the private data that any such call would read.",
  sources: [derived("LIFE-09, LIFE-10")],
  hints: [
    "Does the caller still use the buffer after its own put?",
    "Is deferred work that touches the buffer holding its own reference?",
  ],
  monitor: on({
    call: (event, state, verdict) => {
      const name = usedBuffer(state, event);
      if (name === null || !state.buffers.has(name)) return;
      verdict.exercised();
      if (state.buffers.get(name)!.refs > 0 || verdict.misuse) return;
      const since = verdict.since("buffers", name, "refs");
      verdict.violated(`${event.by} calls ${event.op} on ${name}, whose last reference is gone`, since);
    },
    cb: (event, state, verdict) => {
      const name = hookedBuffer(state, event);
      if (name === null || !state.buffers.has(name)) return;
      verdict.exercised();
      if (state.buffers.get(name)!.refs > 0) return;
      const since = verdict.since("buffers", name, "refs");
      verdict.violated(`the ${event.hook} hook runs for ${name}, whose last reference is gone`, since);
    },
  }),
  status: checked,
};

export const life12: Rule = {
  id: "LIFE-12",
  level: "MUST",
  obliged: ["importer"],
  statement: "An importer detaches before it drops its buffer reference, so that no attachment is left at release.",
  intent: "A forgotten attachment still points at the freed buffer, and its later detach writes there.",
  sources: [
    kernel(core, "dma_buf_release", "6.12, 7.2"),
    run(both, "put with an attachment left: release runs, one kernel warning"),
  ],
  temporal: ["T-12"],
  hints: ["Is put called before detach anywhere, error paths included?", "Does every attach have a detach?"],
  monitor: on({
    "cb release": ({ buffer }, state, verdict) => {
      const attachments = attachmentsOf(state, buffer);
      if (attachments.length > 0) verdict.exercised();
      for (const [name, { phase, importer, listed }] of attachments)
        if (phase === "attaching" || phase === "attached" || (phase === "detaching" && listed))
          verdict.violated(
            `${buffer} is released while ${name} of ${importer} is still attached`,
            verdict.since("attachments", name, "phase"),
            verdict.since("buffers", buffer, "refs"),
          );
    },
  }),
  situation: { weights: { attach: 2, detach: 2, import: 2, release: 3, put: 5, close: 2 } },
  status: checked,
};

export const life35: Rule = {
  id: "LIFE-35",
  level: "MUST",
  obliged: ["caller"],
  statement: "Export, fd creation, get and put are called without holding the reservation lock of that buffer.",
  intent: "The last put can run a release hook that takes this lock, or destroy the lock while it is held.",
  sources: [
    doc(core, "locking convention"),
    kernel("drivers/gpu/drm/xe/xe_dma_buf.c", "xe_dma_buf_release", "7.2"),
    run(both, "last put with the lock held: release runs inside it, lock-debug warning about a destroyed held lock"),
  ],
  hints: [
    "Is the put after the unlock in every error path?",
    "Can a fence callback or list walk under the lock drop the last reference?",
  ],
  monitor: on({
    call: (event, state, verdict) => {
      const resv = forbiddenLock(state, event);
      if (resv === undefined) return;
      verdict.exercised();
      if (!holds(state, event.task, resv)) return;
      const since = verdict.since("reservations", resv, "owner");
      verdict.violated(`${event.by} calls ${event.op} and holds ${resv}, the lock of that buffer`, since);
    },
  }),
  status: checked,
};

export const life36: Rule = {
  id: "LIFE-36",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["caller"],
  statement:
    "The release hook is entered without the buffer's reservation lock, so that the exporter can take it there.",
  intent:
    "Exporters lock their object while they take it apart; entered with the lock held they would wait for themselves.",
  sources: [
    doc(core, "locking convention"),
    run(both, "a hook that locks is granted the lock; normally the lock is free at entry"),
  ],
  hints: ["Does the framework drop its own hold first?", "Did a caller put the buffer under the lock (LIFE-35)?"],
  monitor: on({
    "cb release": ({ buffer, task }, state, verdict) => {
      const resv = state.buffers.get(buffer)?.resv;
      if (resv === undefined) return;
      verdict.exercised();
      if (!holds(state, task, resv)) return;
      const since = verdict.since("reservations", resv, "owner");
      verdict.violated(`the release hook of ${buffer} is entered with its lock ${resv} held`, since);
    },
  }),
  status: checked,
};

export const rules: readonly Rule[] = [life09, life10, life11, life12, life35, life36];
