import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { commit, derived, doc, kernel, run } from "../source.ts";

const core = "drivers/dma-buf/dma-buf.c";
const both = ["6.12.117", "7.2.13"];

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
  status: later("ATT"),
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
  status: later("ATT"),
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
  status: later("ATT"),
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
  status: later("ATT"),
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
  status: later("ATT"),
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
  status: later("ATT"),
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
  status: later("ATT"),
};

export const rules: readonly Rule[] = [att12, att13, att14, att16, att21, att28, att30];
