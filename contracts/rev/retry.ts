import { EIO, ENODEV } from "../../spec/errno.ts";
import { frameOf } from "../../spec/state/state.ts";
import { remember } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { thread } from "../source.ts";

/** What importers should have drawn from messages. */
class Retries {
  /** Attachments whose last map was refused: nothing happened since, or a message came. */
  readonly refusals = new Map<string, "refused" | "told">();
  /** Attachments that were ever pinned: their importers may give up. */
  readonly pinned = new Set<string>();
  /** Jobs that have to map, with the attachment; `tried` from then on. */
  readonly due = new Map<number, string>();
}

export const rev24: Rule = {
  id: "REV-24",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "After the next invalidate the first job of a dynamic importer tries to map again, even if an earlier map was refused because of a revoke and the importer remembers that.",
  intent: "Otherwise one reset of the exporting device kills the importer's use of the buffer for good.",
  sources: [thread("revoke series v2, 19 January 2026", "Gunthorpe on failed maps of dynamic importers")],
  from: "K6.19",
  needs: ["revoke", "unrevoke", "importerCallback"],
  temporal: ["T-09"],
  hints: [
    "Does the callback clear the remembered failure even when there is no mapping to drop?",
    "Is the callback ignored while the importer believes the buffer is dead?",
  ],
  status: checked,
  situation: {
    weights: { import: 2, submit: 10, revoke: 8, unrevoke: 8 },
    importers: ["subject"],
    exporters: ["subject"],
  },
  monitor: remember(() => new Retries(), {
    "call pin"(event, _state, _verdict, { pinned }) {
      pinned.add(event.attachment);
    },
    "call map"(event, state, _verdict, { refusals, due }) {
      refusals.delete(event.attachment ?? "");
      const submit = frameOf(state.tasks.get(event.task), "submit");
      if (submit !== undefined && due.has(submit.seq)) due.set(submit.seq, "tried");
    },
    "ret map"(event, state, _verdict, { refusals }) {
      const attachment = state.attachments.get(event.attachment ?? "");
      if (event.errno === ENODEV && attachment?.ops === "callback") refusals.set(event.attachment ?? "", "refused");
    },
    "cbret invalidate"(event, _state, _verdict, { refusals }) {
      if (refusals.has(event.attachment)) refusals.set(event.attachment, "told");
    },
    "call submit"(event, state, _verdict, { refusals, pinned, due }) {
      const attachment = state.imports.get(event.uses[0]?.import ?? "")?.attachment ?? "";
      if (event.uses.length === 1 && refusals.get(attachment) === "told" && !pinned.has(attachment))
        due.set(event.seq, attachment);
    },
    "ret submit"(event, _state, verdict, { refusals, due }) {
      const attachment = due.get(event.call);
      if (attachment === undefined) return;
      verdict.exercised();
      if (attachment === "tried") return;
      if (refusals.get(attachment) === "told" && (event.errno === 0 || event.errno === ENODEV || event.errno === EIO))
        verdict.violated(
          `${event.importer} was told after a refused map, and its next job did not try to map again through ${attachment}`,
          verdict.since("attachments", attachment, "invalidations"),
        );
    },
  }),
};

export const rules: readonly Rule[] = [rev24];
