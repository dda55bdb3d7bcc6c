import type { Rule } from "../rule.ts";
import { EIO, ENODEV } from "../../spec/errno.ts";
import type { CallEvent, RetEvent } from "../../spec/event.ts";
import { modelPromises, type MappingModel } from "../../spec/roles/mapping-model.ts";
import { frameOf, type State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import { checked, untested } from "../rule-text.ts";
import { kernel, thread } from "../source.ts";
import { negotiating } from "./situations.ts";

/** A model under which the memory may be taken away. */
function isLoss(model: string): boolean {
  return modelPromises[model as MappingModel].stability === "L2";
}

/** A model under which it may move. */
function isMove(model: string): boolean {
  return modelPromises[model as MappingModel].stability === "L3";
}

/** All that a job uses is imported, and nobody has taken it away. */
function ownAreThere({ uses }: CallEvent<"submit"> | RetEvent<"submit">, state: State): boolean {
  return uses.every((use) => {
    const imported = state.imports.get(use.import);
    const buffer = state.buffers.get(imported?.buffer ?? "");
    return imported?.phase === "live" && buffer?.access === "accessible" && !buffer.contested;
  });
}

export const neg05: Rule = {
  id: "NEG-05",
  level: "MUST",
  obliged: ["framework", "exporter"],
  statement:
    "A revocable exporter refuses, with EOPNOTSUPP, an importer that can follow moves but has not said that it accepts losing the memory.",
  intent: "It counts on the memory coming back and has no plan for the day it does not.",
  sources: [thread("004", "dynamic GPU importers should perhaps reject revocable buffers")],
  needs: ["negotiation", "revoke"],
  hints: ["Is having a callback taken for consent to revoke?"],
  status: checked,
  situation: { weights: negotiating, importers: ["scripted"], exporters: ["subject"] },
  monitor: on({
    "ret negotiate"(event, _state, verdict) {
      const revokes = event.offered.includes("revocable");
      if (!revokes || event.accept.length === 0 || event.accept.some(isLoss)) return;
      verdict.exercised();
      if (event.errno === 0)
        verdict.violated(
          `${event.importer} never agreed to lose memory, and is attached to ${event.buffer}, which can be revoked`,
        );
    },
  }),
};

export const neg06: Rule = {
  id: "NEG-06",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A revoke costs an importer that did not opt in no more than the use of that one buffer; otherwise it rejects revocable buffers at import.",
  intent: "A hostile client could shoot down the compositor's GPU context whenever it likes.",
  sources: [thread("004", "a nasty client hands a revocable dma-buf to the compositor")],
  needs: ["revoke"],
  hints: ["What does the GPU do at a missing page: skip the job or lose the context?"],
  status: checked,
  situation: {
    weights: { export: 14, import: 20, submit: 40, complete: 15, revoke: 10, release: 0.2 },
    importers: ["subject", "dynamic"],
    exporters: ["subject"],
    buffers: 2,
  },
  monitor: remember(() => ({ hit: new Set<string>(), refused: new Set<string>() }), {
    "ret revoke"(event, state, _verdict, { hit }) {
      if (event.errno !== 0) return;
      for (const row of state.imports.values())
        if (row.buffer === event.buffer && row.phase === "live") hit.add(row.importer);
    },
    "call submit"(event, state, _verdict, { refused }) {
      if (ownAreThere(event, state)) refused.delete(event.task);
      else refused.add(event.task);
    },
    cpu(event, _state, _verdict, { refused }) {
      // Away in the middle of the job, and back at its end.
      if (event.answer !== "ok") refused.add(event.task);
    },
    "ret map"(event, _state, _verdict, { refused }) {
      // What its own buffers answer explains a job's end.
      if (event.errno !== 0) refused.add(event.task);
    },
    "ret submit"(event, state, verdict, { hit, refused }) {
      if (refused.has(event.task)) return;
      if (!hit.has(event.importer)) return;
      if (!ownAreThere(event, state)) return;
      verdict.exercised();
      if (event.errno === EIO || event.errno === ENODEV)
        verdict.violated(`after the revoke of another buffer ${event.importer} has no use for its own any more`);
    },
  }),
};

export const neg10: Rule = {
  id: "NEG-10",
  level: "MUST",
  obliged: ["exporter", "importer"],
  statement:
    "Without an agreement on unrevoke, which should be part of the negotiation, an importer may stay in error after it and nobody counts on its recovery.",
  intent: "Most pinned importers have torn down their state for good, and forcing them back reuses dead handles.",
  sources: [
    thread("004", "wish to include unrevoke because VFIO does it"),
    kernel("drivers/infiniband/core/umem_dmabuf.c", "revoked state of the pinned import", "7.2"),
    kernel("drivers/iommu/iommufd/pages.c", "revoked dma-buf areas", "7.2"),
  ],
  needs: ["negotiation", "unrevoke"],
  hints: ["Does the exporter wait for a new map by this importer after the unrevoke?"],
  status: checked,
  situation: { weights: { ...negotiating, revoke: 10, unrevoke: 14 }, importers: ["scripted"], exporters: ["subject"] },
  monitor: on({
    blocked(event, state, verdict) {
      const frame = frameOf(state.tasks.get(event.task), "unrevoke");
      if (frame === undefined || (event.wait.kind !== "unmapped" && event.wait.kind !== "other")) return;
      verdict.violated(`unrevoke of ${frame.buffer} waits for importers that need not come back`, frame);
    },
    "ret unrevoke"(event, state, verdict) {
      for (const [name, { model }] of state.agreements)
        if (model === "revocable" && state.attachments.get(name)?.buffer === event.buffer) verdict.exercised();
    },
  }),
};

export const neg22: Rule = {
  id: "NEG-22",
  level: "MUST",
  obliged: ["importer", "exporter"],
  statement: "Following a move and surviving a loss are declared as two separate capabilities, in any combination.",
  intent: "Merged into one flag, importers get signed up for revokes that they cannot take.",
  sources: [thread("reply to 004", "Simona Vetter: revocable is not the same as dynamic")],
  needs: ["negotiation"],
  hints: ["Which single test stands for both capabilities?"],
  status: checked,
  situation: { weights: negotiating, importers: ["scripted"] },
  monitor: on({
    "ret negotiate"(event, _state, verdict) {
      const losing = event.accept.some(isLoss);
      const moving = event.accept.some(isMove);
      if (losing === moving || event.accept.length === 0) return;
      verdict.exercised();
      const model = event.model ?? "pinned";
      if (event.errno === 0 && (losing ? isMove(model) : isLoss(model)))
        verdict.violated(`${event.importer} agreed to ${losing ? "losing" : "following"} memory and gets ${model}`);
    },
  }),
};

export const neg23: Rule = {
  id: "NEG-23",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer that holds only a physical range refuses what it cannot do with it: CPU access and too large sizes with EINVAL, splitting, foreign exporters and several ranges with EOPNOTSUPP, all without effect.",
  intent: "A half-done split or a fallback to pages would use an address that has no page.",
  sources: [
    kernel("drivers/iommu/iommufd/pages.c", "dma-buf backed areas", "7.2"),
    kernel("drivers/iommu/iommufd/io_pagetable.c", "dma-buf backed areas", "7.2"),
  ],
  needs: ["pfn"],
  hints: ["Is the kind of the area tested before its first change?"],
  status: untested(
    "no importer of this suite has areas to split or copy beside its slots, whose bounds FAULT-11 checks",
  ),
};

export const rules: readonly Rule[] = [neg05, neg06, neg10, neg22, neg23];
