import { EIO, ENODEV } from "../../spec/errno.ts";
import type { CallEvent } from "../../spec/event.ts";
import { isContested } from "../../spec/state/observe/rows.ts";
import { frameOf, type State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import { negotiating } from "../neg/situations.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { isOver } from "../shared/fences.ts";
import { pinsOn } from "../shared/lookup.ts";
import { commit, derived, doc, kernel, run, thread } from "../source.ts";
import { PromisedPlaces } from "./promised-place.ts";
import { atReturn, innermostChange, isRevoked, mappedTables, memoryIsOn, revokeBegun } from "./access-change.ts";

/** A mapping that an invalidate hit and whose fences are over, with the lock free: nothing keeps its importer from unmapping. */
function isOverdue(state: State, name: string): boolean {
  const mapping = state.mappings.get(name);
  if (mapping === undefined || !mapping.live || mapping.grace === null) return false;
  const resv = state.buffers.get(mapping.buffer)?.resv ?? "";
  return mapping.grace.every((fence) => isOver(state, fence)) && (state.reservations.get(resv)?.owner ?? null) === null;
}

/** What REV-30 keeps. */
class Isolation {
  /** Buffers that a revoke has ever reached. */
  readonly reached = new Set<string>();
  /** Submits inside which something they need failed. */
  readonly hindered = new Set<number>();

  hinder(state: State, task: string): void {
    const submit = frameOf(state.tasks.get(task), "submit");
    if (submit !== undefined) this.hindered.add(submit.seq);
  }
}

/** Whether a job touches nothing that a revoke ever reached, while another import of the same importer is revoked. */
function isBesideRevoke(state: State, event: Pick<CallEvent<"submit">, "importer" | "uses">): boolean {
  const untouched = event.uses.every((use) => {
    const row = state.imports.get(use.import);
    const attachment = state.attachments.get(row?.attachment ?? "");
    const buffer = state.buffers.get(row?.buffer ?? "");
    return (
      row?.phase === "live" && attachment?.invalidations === 0 && !attachment.stopped && buffer?.access === "accessible"
    );
  });
  if (!untouched) return false;
  for (const row of state.imports.values()) {
    const buffer = state.buffers.get(row.buffer);
    if (row.importer === event.importer && buffer !== undefined && isRevoked(buffer)) return true;
  }
  return false;
}

export const rev01: Rule = {
  id: "REV-01",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "dma_buf_attach_revocable answers true exactly for attachments whose importer ops carry the invalidate callback, and already answers so inside the exporter's attach hook.",
  intent: "An exporter that revokes can keep out importers it could never get rid of only while attach can still fail.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_attach_revocable", "7.2"),
    commit("Document revocable importers and add the test for them", "be6d4c9e9d71"),
    run(["7.2.13"], "the test called in the attach hook for four kinds of importer"),
  ],
  from: "K7.1",
  hints: [
    "Are the importer ops stored in the attachment before the attach hook runs?",
    "Does the test ask for the callback, and not only for importer ops?",
  ],
  status: checked,
  monitor: on({
    "ret isRevocable"(event, state, verdict) {
      const attachment = state.attachments.get(event.attachment);
      if (attachment === undefined) return;
      verdict.exercised();
      const expected = attachment.ops === "callback";
      if (event.answer !== expected)
        verdict.violated(
          `${event.attachment} counts as ${event.answer ? "revocable" : "not revocable"}, and its importer has ${expected ? "the" : "no"} callback`,
          verdict.since("attachments", event.attachment, "ops"),
        );
    },
  }),
};

export const rev02: Rule = {
  id: "REV-02",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer with the invalidate callback unmaps every mapping an invalidate hit within bounded time, as soon as the fences it waits for have signaled and the lock is free.",
  intent: "The revoking driver waits for this unmap without a timeout, so a reset or a device close hangs with it.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_attach_revocable", "7.2")],
  from: "K7.1",
  needs: ["importerCallback"],
  temporal: ["T-08"],
  hints: [
    "Is the unmap put off until the next job or until the object is freed?",
    "Does the work that unmaps wait for something user space controls?",
  ],
  status: checked,
  monitor: remember(() => new Set<string>(), {
    "cb invalidate"(event, state, _verdict, hit) {
      const attachment = state.attachments.get(event.attachment);
      if (attachment?.import !== null) for (const mapping of attachment?.maps ?? []) hit.add(mapping);
    },
    drain(_event, state, verdict, hit) {
      for (const name of hit) {
        verdict.exercised();
        if (isOverdue(state, name))
          verdict.violated(
            `nothing is left to happen, and ${name} is still not unmapped`,
            verdict.since("mappings", name, "stale"),
            verdict.since("mappings", name, "grace"),
          );
      }
    },
    "call release"(event, state, verdict, hit) {
      const { attachment } = state.imports.get(event.import) ?? {};
      const maps = state.draining ? (state.attachments.get(attachment ?? "")?.maps ?? []) : [];
      for (const name of maps) {
        if (!hit.has(name)) continue;
        verdict.exercised();
        if (isOverdue(state, name))
          verdict.violated(
            `every fence is over, and ${name} is kept until its import is released`,
            verdict.since("mappings", name, "stale"),
            verdict.since("mappings", name, "grace"),
          );
      }
    },
  }),
};

export const rev30: Rule = {
  id: "REV-30",
  level: "MUST",
  obliged: ["importer", "exporter"],
  statement:
    "A revoke fails only work that uses the revoked buffer: every other buffer, and every attachment to one, goes on working.",
  intent: "Whoever can hand over a revocable buffer could otherwise take down its receiver's whole context.",
  sources: [
    thread("004", "an importer of a pinned revocable buffer may see an error"),
    derived("the scope of a revoke (REV-31)"),
  ],
  from: "K6.19",
  needs: ["revoke", "importerCallback"],
  hints: [
    "Does the importer report the failed map as a lost context, or as a failure of the one job?",
    "Is the revoked mark kept per attachment or per device?",
  ],
  status: checked,
  situation: {
    weights: { export: 6, import: 10, submit: 20, revoke: 10, release: 0.3, closeDevice: 0.1 },
    importers: ["subject"],
    exporters: ["subject"],
  },
  monitor: remember(() => new Isolation(), {
    "call invalidate"(event, state, _verdict, { reached }) {
      if (revokeBegun(state, event) !== undefined) reached.add(event.buffer);
    },
    "cbret map"(event, state, verdict, { reached }) {
      const { buffer: name = "" } = state.attachments.get(event.attachment) ?? {};
      const buffer = state.buffers.get(name);
      if (buffer?.access !== "accessible" || reached.size === 0 || reached.has(name) || event.injected) return;
      if (isContested(state, buffer, name) || !memoryIsOn(state, buffer.exporter)) return;
      if (![...reached].some((other) => state.buffers.get(other)?.access !== "accessible")) return;
      verdict.exercised();
      if (event.errno === ENODEV)
        verdict.violated(`a map of ${name} was refused like a revoked buffer, and no revoke ever reached it`);
    },
    "ret map"(event, state, _verdict, isolation) {
      if (event.errno !== 0) isolation.hinder(state, event.task);
    },
    access(event, state, _verdict, isolation) {
      if (event.answer === "fault") isolation.hinder(state, event.task);
    },
    "ret submit"(event, state, verdict, { hindered }) {
      if (hindered.has(event.call) || !isBesideRevoke(state, event)) return;
      verdict.exercised();
      if (event.errno === ENODEV || event.errno === EIO)
        verdict.violated(
          `a job of ${event.importer} failed that uses no revoked buffer: a revoke of another one took the importer down`,
        );
    },
  }),
};

export const rev35: Rule = {
  id: "REV-35",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "A pin does not protect from revoke, but an exporter should revoke a pinned buffer only when access really ends, never as a means to move it.",
  intent: "A pinned importer may take the first notification as the end and never come back, even if the memory does.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings", "7.2"),
    thread("004", "what a revoke means to a pinned importer"),
  ],
  from: "K6.19",
  needs: ["revoke", "pin"],
  temporal: ["T-15"],
  hints: ["Does an ordinary migration go through the revoke path while the pin count is above zero?"],
  status: checked,
  monitor: on({
    "call invalidate"(event, state, verdict) {
      const task = state.tasks.get(event.task);
      const operation = frameOf(task, "move") ?? frameOf(task, "evict");
      if (operation?.buffer !== event.buffer || pinsOn(state, event.buffer) === 0) return;
      verdict.exercised();
      verdict.violated(`${event.buffer} is pinned, and its importers lose it for a mere move`, operation);
    },
    "ret move"(event, state, verdict) {
      if (pinsOn(state, event.buffer) > 0) verdict.exercised();
    },
    "ret evict"(event, state, verdict) {
      if (pinsOn(state, event.buffer) > 0) verdict.exercised();
    },
  }),
};

export const rev36: Rule = {
  id: "REV-36",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Under the pinned but revocable stability model the storage of a buffer stays where it is from attach until its one and final revoke.",
  intent: "The importer agreed to lose the buffer once and has no way to follow it to another place.",
  sources: [thread("004", "the three stability models")],
  needs: ["negotiation", "revoke", "pin"],
  hints: ["Does eviction or migration look at the model the attachment was granted?"],
  status: checked,
  situation: {
    weights: { ...negotiating, negotiate: 40, mapPhysical: 1, lock: 1, unlock: 1, move: 15, revoke: 15, unrevoke: 15 },
    callbacks: true,
    tasks: 3,
    pauses: 0.2,
    importers: ["scripted"],
    exporters: ["subject"],
  },
  monitor: remember(() => new PromisedPlaces(), {
    "ret negotiate": (event, state, _verdict, places) => places.agreed(event, state),
    epoch: ({ buffer }, state, _verdict, places) => places.changes(buffer, state),
    "cb invalidate": (event, state, verdict, places) => places.told(event, state, verdict),
    "call detach": ({ attachment }, state, verdict, places) => {
      if (attachment !== null) places.goes(attachment, state, verdict);
    },
  }),
};

export const rev50: Rule = {
  id: "REV-50",
  level: "MUST",
  obliged: ["exporter", "importer"],
  provokedBy: ["fenceOwner"],
  statement:
    "A revoke always returns: the exporter admits only importers that can be revoked, these unmap in time, and a revoke that hangs is stuck on a fence that never signals or on a mapping that was never given back.",
  intent: "Both waits are unbounded, so the caller has no other defence against hanging for ever.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings, dma_buf_attach_revocable", "7.2"),
    thread("revoke series, early 2026", "the one second timeout of an earlier version was dropped"),
  ],
  from: "K7.1",
  needs: ["revoke", "importerCallback"],
  hints: [
    "Does the attach hook refuse importers that dma_buf_attach_revocable turns down?",
    "Which fence of the reservation object is still unsignaled, and who owns it?",
    "Which attachment still has a mapping although its fences are done?",
  ],
  status: checked,
  monitor: remember(() => new Set<number>(), {
    "call invalidate"(event, state, _verdict, waiting) {
      const operation = revokeBegun(state, event);
      if (operation !== undefined && mappedTables(state, event.buffer).length > 0) waiting.add(operation.seq);
    },
    ...atReturn((event, _state, verdict, waiting) => {
      if (waiting.delete(event.call)) verdict.exercised();
    }),
    end(event, state, verdict) {
      // Tasks of the program that have locked each other out keep the others from going on.
      if (event.waiting.some(({ wait }) => wait.kind === "lock" && wait.by === "program")) return;
      for (const { task, wait } of event.waiting) {
        const operation = innermostChange(state.tasks.get(task));
        if (operation === undefined) continue;
        if (wait.kind === "unmapped") {
          const [left] = mappedTables(state, wait.buffer);
          verdict.exercised();
          verdict.violated(
            left === undefined
              ? `a ${operation.op} never returns: it waits for an unmap of ${wait.buffer}, which nobody has mapped`
              : `a ${operation.op} never returns: ${left.attachment} has not given its mapping of ${wait.buffer} back`,
            operation,
          );
        } else if (wait.kind === "fence" && !isOver(state, wait.fence)) {
          verdict.exercised();
          const owner = state.fences.get(wait.fence)?.by ?? "somebody";
          verdict.violated(`a ${operation.op} never returns: ${wait.fence} of ${owner} never signals`, operation);
        }
      }
    },
  }),
};

export const rules: readonly Rule[] = [rev01, rev02, rev30, rev35, rev36, rev50];
