import type { ListEvent, RetEvent } from "../../spec/event.ts";
import { holds, type State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { attachmentsOf, bufferOf, innermost } from "../shared/lookup.ts";
import { commit, derived, doc, kernel, run } from "../source.ts";

const core = "drivers/dma-buf/dma-buf.c";
const both = ["6.12.117", "7.2.13"];

/** One invalidate: who has to be called, and who has been. */
interface Round {
  readonly due: readonly string[];
  readonly called: Set<string>;
}

/** A new mapping must not be the table that another attachment of the buffer has in use. */
function judgeOwnTable(
  { attachment, errno, table }: RetEvent<"map" | "mapUnlocked">,
  state: State,
  verdict: Verdict,
): void {
  const buffer = state.attachments.get(attachment ?? "")?.buffer;
  if (attachment === null || errno !== 0 || table === null || buffer === undefined) return;
  for (const [name, row] of attachmentsOf(state, buffer)) {
    if (name === attachment || row.maps.length === 0) continue;
    verdict.exercised();
    const same = row.maps.find((map) => state.mappings.get(map)?.table === table);
    if (same === undefined) continue;
    verdict.violated(
      `${attachment} is given ${table}, which ${name} has in use`,
      verdict.since("mappings", same, "table"),
    );
  }
}

export const att12: Rule = {
  id: "ATT-12",
  level: "MUST",
  obliged: ["importer"],
  statement: "Whatever the importer's callback touches is complete before attach is called.",
  intent:
    "The callback can arrive before attach returns, and then works on half an object or drops the only notice of a move.",
  sources: [
    commit("xe: finish the import object before attaching it", "981bedbbe613"),
    derived("insertion under the reservation lock (ATT-14)"),
  ],
  needs: ["importerCallback"],
  temporal: ["T-13"],
  hints: [
    "Does the callback use the attachment pointer that attach has not returned yet?",
    "Is importer_priv set up in full when it is passed to attach?",
  ],
  monitor: on({
    "cbret invalidate": ({ attachment }, state, verdict) => {
      if (state.attachments.get(attachment)?.phase === "attaching") verdict.exercised();
    },
    warn: ({ task, text }, state, verdict) => {
      const frame = innermost(state, task);
      if (frame?.kind !== "cb" || frame.hook !== "invalidate" || !text.startsWith("kernel stops")) return;
      const { attachment } = frame;
      if (state.attachments.get(attachment)?.phase !== "attaching") return;
      verdict.exercised();
      const since = verdict.since("attachments", attachment, "listed");
      verdict.violated(`the callback for ${attachment} came before attach returned and failed: ${text}`, frame, since);
    },
  }),
  situation: {
    tasks: 3,
    weights: { export: 3, import: 30, release: 10, move: 20, evict: 15 },
    exporters: ["subject", "dynamic"],
    importers: ["subject"],
  },
  status: checked,
};

export const att13: Rule = {
  id: "ATT-13",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Each invalidate calls the callback of every attachment then on the list that has one, once and whether pinned or not, and no one else's.",
  intent: "Whoever is left out goes on using the old memory; whoever is called in error may already be freed.",
  sources: [
    kernel(core, "dma_buf_move_notify", "6.12 to 7.0"),
    kernel(core, "dma_buf_invalidate_mappings", "7.1+"),
    run(both, "two moves: one callback per dynamic attachment each, none for static ones or ops without callback"),
  ],
  needs: ["importerCallback"],
  temporal: ["T-13"],
  hints: [
    "Does the loop go on after an attachment without callback?",
    "Are pinned attachments, and those without a mapping, called too?",
  ],
  monitor: remember(() => new Map<number, Round>(), {
    "call invalidate": (event, state, _verdict, rounds) => {
      const listed = state.buffers.get(event.buffer)?.listed ?? [];
      const due = listed.filter((name) => state.attachments.get(name)?.ops === "callback");
      rounds.set(event.seq, { due, called: new Set() });
    },
    "cb invalidate": ({ task, attachment }, state, verdict, rounds) => {
      verdict.exercised();
      const frame = innermost(state, task);
      const round = frame?.kind === "call" ? rounds.get(frame.seq) : undefined;
      const row = state.attachments.get(attachment);
      const since = verdict.since("attachments", attachment, "listed");
      if (round === undefined) verdict.violated(`${attachment} is called back outside any invalidate`, since);
      else if (row?.listed !== true || row.ops !== "callback")
        verdict.violated(`${attachment} is called back and is not on the list, or has no callback`, since);
      else if (round.called.has(attachment)) verdict.violated(`${attachment} is called back twice by one invalidate`);
      round?.called.add(attachment);
    },
    "ret invalidate": ({ call, buffer }, state, verdict, rounds) => {
      const round = rounds.get(call);
      if (round === undefined || round.due.length === 0) return;
      verdict.exercised();
      const missed = round.due.find((name) => !round.called.has(name) && state.attachments.get(name)?.listed === true);
      if (missed === undefined) return;
      const since = verdict.since("attachments", missed, "listed");
      verdict.violated(`the invalidate of ${buffer} left out ${missed}`, since);
    },
  }),
  situation: {
    weights: { attach: 10, export: 2, lock: 2, invalidate: 10, move: 3 },
    exporters: ["scripted", "scriptedDynamic", "subject"],
    importers: ["scripted"],
  },
  status: checked,
};

export const att14: Rule = {
  id: "ATT-14",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "An attachment enters and leaves the list only while the framework holds the reservation lock for that change.",
  intent: "An exporter that holds the lock must see one fixed set of importers from its decision to its last callback.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf, attachments"),
    kernel(core, "dma_buf_dynamic_attach, dma_buf_detach", "6.12, 7.2"),
    run(both, "attach by another actor blocks while the lock is held, the list stays as it was"),
  ],
  hints: ["Are both list changes inside the lock, also in the error path of attach?"],
  monitor: on({
    list: ({ task, attachment, listed }, state, verdict) => {
      const resv = bufferOf(state, attachment)?.resv;
      if (resv === undefined) return;
      verdict.exercised();
      if (holds(state, task, resv)) return;
      const owner = state.reservations.get(resv)?.owner ?? null;
      const whose = owner === null ? "nobody holds" : `${owner} holds`;
      verdict.violated(`${attachment} ${listed ? "enters" : "leaves"} the list while ${whose} ${resv}`);
    },
  }),
  status: checked,
};

export const att16: Rule = {
  id: "ATT-16",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Once an attachment is off the list no callback starts for it, and when detach returns none is still running.",
  intent: "The importer frees its private data right after detach, the data that its callback would use.",
  sources: [derived("removal under the reservation lock (ATT-14), callbacks under the same lock")],
  needs: ["importerCallback"],
  temporal: ["T-13"],
  hints: [
    "Does the notifier collect targets and call them after it dropped the lock?",
    "Is a callback ever deferred to a work item?",
  ],
  monitor: on({
    "cb invalidate": ({ attachment }, state, verdict) => {
      verdict.exercised();
      const row = state.attachments.get(attachment);
      if (row === undefined || row.listed || row.phase === "attaching") return;
      const since = verdict.since("attachments", attachment, "listed");
      verdict.violated(`a callback for ${attachment} begins after it left the list`, since);
    },
    "ret detach": ({ attachment }, state, verdict) => {
      const row = state.attachments.get(attachment ?? "");
      if (row?.ops !== "callback" || row.phase !== "detaching") return;
      verdict.exercised();
      for (const [task, { frames }] of state.tasks)
        for (const frame of frames)
          if (frame.kind === "cb" && frame.hook === "invalidate" && frame.attachment === attachment)
            verdict.violated(`detach of ${attachment} returned while its callback still ran in ${task}`, frame);
    },
  }),
  status: checked,
};

export const att21: Rule = {
  id: "ATT-21",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["exporter"],
  statement:
    "Attachments of one buffer, even for the same device, each have their own flags, mappings, pins and callbacks; they share nothing but the storage.",
  intent: "Two processes that import one buffer on one GPU must not lose their mapping when the other leaves.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf_attachment"),
    derived("ATT-13, MAP-07, PIN-20"),
    run(both, "two attachments for one device: distinct tables; detaching one leaves the other alone"),
  ],
  hints: [
    "Is per-attachment state keyed by the attachment instead of the device?",
    "Does the exporter keep one table for all attachments?",
  ],
  monitor: on({
    "ret map": judgeOwnTable,
    "ret mapUnlocked": judgeOwnTable,
    "cb unmap": ({ attachment, table }, state, verdict) => {
      const row = state.attachments.get(attachment);
      if (row === undefined || table === null) return;
      const owner = attachmentsOf(state, row.buffer).find(
        ([name, other]) => name !== attachment && other.hookMaps.some((map) => map.table === table),
      );
      verdict.exercised();
      if (owner === undefined || row.hookMaps.some((map) => map.table === table)) return;
      const since = verdict.since("attachments", owner[0], "hookMaps");
      verdict.violated(`${table} is unmapped for ${attachment}, but it belongs to ${owner[0]}`, since);
    },
  }),
  status: checked,
};

export const att28: Rule = {
  id: "ATT-28",
  level: "MUST",
  obliged: ["framework", "exporter"],
  statement: "An attachment made after an invalidate maps the new location and hears nothing of the earlier move.",
  intent: "A late notice makes it drop a good mapping, and an old location gives it memory that is already reused.",
  sources: [
    derived("ATT-13, ATT-14"),
    run(both, "move, attach, move, detach, move: only the middle move is delivered"),
  ],
  needs: ["move"],
  hints: [
    "Does the exporter record the new place before it drops the lock that it held for the invalidate?",
    "Is a table built before the move handed to the newcomer?",
  ],
  monitor: remember(() => new Map<string, ListEvent>(), {
    list: (event, state, _verdict, newcomers) => {
      if (event.listed && (bufferOf(state, event.attachment)?.epoch ?? 0) > 0) newcomers.set(event.attachment, event);
    },
    "cb invalidate": ({ task, attachment }, state, verdict, newcomers) => {
      const listed = newcomers.get(attachment);
      const frame = innermost(state, task);
      if (listed === undefined || frame?.kind !== "call" || frame.op !== "invalidate") return;
      verdict.exercised();
      if (frame.seq > listed.seq || !holds(state, task, bufferOf(state, attachment)?.resv ?? "")) return;
      verdict.violated(`${attachment} was listed after this invalidate began and is told of it`, listed, frame);
    },
    "cbret map": ({ attachment, errno, segments, to }, state, verdict, newcomers) => {
      const listed = newcomers.get(attachment);
      const buffer = bufferOf(state, attachment);
      if (listed === undefined || errno !== 0 || buffer === undefined || buffer.storage === null) return;
      newcomers.delete(attachment);
      verdict.exercised();
      const old = segments.find(({ storage }) => storage !== null && storage !== buffer.storage);
      if (old === undefined) return;
      const since = verdict.since("buffers", state.attachments.get(attachment)!.buffer, "storage");
      verdict.violated(`${to} gives ${attachment} ${old.storage}, which the buffer had left before it attached`, since);
    },
  }),
  situation: { weights: { move: 6, attach: 4, mapUnlocked: 4, import: 4 } },
  status: checked,
};

export const att30: Rule = {
  id: "ATT-30",
  level: "MUST",
  obliged: ["importer"],
  statement: "Importer ops, and whether they allow peer-to-peer, do not change while the attachment lives.",
  intent: "The exporter chose the placement by them and never looks again.",
  sources: [
    kernel("include/linux/dma-buf.h", "struct dma_buf_attachment, importer_ops", "6.12, 7.2"),
    derived("constant pointer"),
  ],
  needs: ["importerCallback"],
  hints: ["Are the ops a constant table, not a field filled in per import?"],
  monitor: on({
    "call detach": ({ attachment, by, altered }, state, verdict) => {
      if (attachment === null || (state.attachments.get(attachment)?.ops ?? "static") === "static") return;
      verdict.exercised();
      if (!altered) return;
      const since = verdict.since("attachments", attachment, "ops");
      verdict.violated(`${by} changed its importer ops after it had attached ${attachment} with them`, since);
    },
  }),
  status: checked,
};

export const rules: readonly Rule[] = [att12, att13, att14, att16, att21, att28, att30];
