import type { Rule } from "../rule.ts";
import { modelPromises, type Stability } from "../../spec/roles/mapping-model.ts";
import { ENODEV } from "../../spec/errno.ts";
import type { State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { checked, untested } from "../rule-text.ts";
import { kernel, thread } from "../source.ts";
import { negotiating } from "./situations.ts";

/** Attachments to a buffer for which this level was agreed on. */
function withLevel(state: State, buffer: string, level: Stability): readonly string[] {
  const found: string[] = [];
  for (const [name, { model }] of state.agreements) {
    const attachment = state.attachments.get(name);
    if (attachment?.buffer === buffer && attachment.phase === "attached" && modelPromises[model].stability === level)
      found.push(name);
  }
  return found;
}

/** A move was asked for while somebody was promised that there would be none: it could have been carried out. */
function asked(level: Stability) {
  return (event: { readonly buffer: string }, state: State, verdict: Verdict) => {
    if (withLevel(state, event.buffer, level).length > 0) verdict.exercised();
  };
}

// Levels: L1 pinned for the whole attachment; L2 pinned but revocable; L3 may move, is always present, access restarts.

export const neg01: Rule = {
  id: "NEG-01",
  level: "MUST",
  obliged: ["exporter", "importer"],
  statement:
    "The stability level of an attachment is settled when it is made, known to both sides, and does not change before detach.",
  intent: "Each side sizes its error handling by it and cannot add what is missing under load.",
  sources: [thread("004", "cascade of pinned, revocable and dynamic")],
  needs: ["negotiation"],
  hints: ["Can a later pin or call change what the exporter promised at attach?"],
  status: checked,
  situation: { weights: negotiating, importers: ["scripted"] },
  monitor: remember(() => new Map<string, string>(), {
    "cbret match"(event, _state, _verdict, agreed) {
      if (event.errno === 0) agreed.set(event.task, event.model);
    },
    "ret negotiate"(event, state, verdict, agreed) {
      const model = agreed.get(event.task);
      agreed.delete(event.task);
      if (event.errno !== 0 || event.model === null || model === undefined) return;
      verdict.exercised();
      if (event.model !== model)
        verdict.violated(`the exporter agreed to ${model}, and ${event.importer} is told ${event.model}`);
      if (state.agreements.has(event.attachment))
        verdict.violated(
          `${event.attachment} is given another level than it had`,
          verdict.since("agreements", event.attachment, "model"),
        );
    },
  }),
};

export const neg02: Rule = {
  id: "NEG-02",
  level: "MUST",
  obliged: ["exporter"],
  statement: "Under L1 no move, revoke or invalidate happens from attach to detach.",
  intent: "The importer has programmed addresses into hardware that it cannot stop.",
  sources: [thread("004", "level 1: fully pinned as long as the attach is present")],
  needs: ["negotiation"],
  temporal: ["T-16"],
  hints: ["Does a reset or power transition revoke all attachments regardless of level?"],
  status: checked,
  situation: { weights: { ...negotiating, move: 20 }, importers: ["scripted"], exporters: ["dynamic", "static"] },
  monitor: on({
    epoch(event, state, verdict) {
      for (const attachment of withLevel(state, event.buffer, "L1"))
        if (event.change !== "export")
          verdict.violated(
            `${event.buffer} changes (${event.change}) under ${attachment}, to which it was promised that nothing does`,
            verdict.since("agreements", attachment, "model"),
          );
    },
    "cb invalidate"(event, state, verdict) {
      const model = state.agreements.get(event.attachment)?.model;
      if (model !== undefined && modelPromises[model].stability === "L1")
        verdict.violated(
          `${event.attachment} is told of a change although it was promised that there is none`,
          verdict.since("agreements", event.attachment, "model"),
        );
    },
    "ret move": asked("L1"),
    "ret evict": asked("L1"),
  }),
};

export const neg03: Rule = {
  id: "NEG-03",
  level: "MUST",
  obliged: ["exporter", "importer"],
  statement:
    "Under L2 the memory stays in place until at most one revocation, after which the importer's use ends, possibly with an error.",
  intent: "These importers can lose the memory cleanly but cannot follow it to a new place.",
  sources: [thread("004", "level 2: revocation is a fatal condition")],
  needs: ["negotiation", "revoke"],
  temporal: ["T-16"],
  hints: ["Does the exporter use the invalidate of an L2 attachment for an ordinary move?"],
  status: checked,
  situation: { weights: { ...negotiating, move: 20, revoke: 8 }, importers: ["scripted"], exporters: ["subject"] },
  monitor: on({
    epoch(event, state, verdict) {
      if (event.change !== "move") return;
      for (const attachment of withLevel(state, event.buffer, "L2"))
        verdict.violated(
          `${event.buffer} moves under ${attachment}, to which it was promised that it stays until a revoke`,
          verdict.since("agreements", attachment, "model"),
        );
    },
    "ret move": asked("L2"),
    "ret evict": asked("L2"),
  }),
};

export const neg04: Rule = {
  id: "NEG-04",
  level: "MUST",
  obliged: ["exporter"],
  statement: "Under L3 a map after any invalidate succeeds in the end; only ENOMEM and EINTR may delay it.",
  intent: "An importer that expects mere movement kills its whole context when the memory stays away.",
  sources: [thread("004", "level 3: dynamic and always present")],
  needs: ["negotiation", "move"],
  temporal: ["T-16"],
  hints: ["Can map return ENODEV to an importer that was never told about revoke?"],
  status: checked,
  situation: {
    weights: { ...negotiating, move: 12, mapUnlocked: 20 },
    importers: ["scripted"],
    exporters: ["dynamic"],
  },
  monitor: on({
    "cbret map"(event, state, verdict) {
      const model = state.agreements.get(event.attachment)?.model;
      if (model === undefined || modelPromises[model].stability !== "L3" || event.injected) return;
      verdict.exercised();
      if (event.errno === ENODEV)
        verdict.violated(
          `${event.attachment} was promised memory that is always there, and is told that it has gone`,
          verdict.since("agreements", event.attachment, "model"),
        );
    },
  }),
};

export const neg08: Rule = {
  id: "NEG-08",
  level: "MUST",
  obliged: ["exporter"],
  statement: "An importer that can do L1 only gets it, or attach or pin fails with EOPNOTSUPP.",
  intent: "Accepting it and moving later corrupts memory that its device still writes.",
  sources: [
    thread("004", "RDMA asks the exporter whether it is pinned or dynamic"),
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_attach", "7.2"),
    kernel("drivers/infiniband/core/uverbs_std_types_dmabuf.c", "uverbs_dmabuf_pin", "7.2"),
  ],
  needs: ["negotiation"],
  hints: [
    "Does an exporter that may revoke refuse importers without the callback?",
    "Is the result of the pin checked?",
  ],
  status: checked,
  situation: { weights: negotiating, importers: ["scripted"] },
  monitor: on({
    "ret negotiate"(event, _state, verdict) {
      if (event.accept.length !== 1 || event.accept[0] !== "pinned") return;
      verdict.exercised();
      if (event.errno === 0 && event.model !== "pinned")
        verdict.violated(`${event.importer} can only live with pinned memory and gets ${event.model ?? "nothing"}`);
    },
  }),
};

export const neg09: Rule = {
  id: "NEG-09",
  level: "MUST",
  obliged: ["importer"],
  statement: "An importer that cannot take I/O page faults does not declare L3.",
  intent: "During a move its device meets a hole and aborts the transfer.",
  sources: [thread("004", "iommufd cannot fault and supports only revoke")],
  hints: ["Is a callback that only tears down declared as move support?"],
  status: untested("no importer of this suite negotiates without a callback, so none could claim too much"),
};

export const rules: readonly Rule[] = [neg01, neg02, neg03, neg04, neg08, neg09];
