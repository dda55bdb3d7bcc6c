import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { commit, derived, doc, kernel, run, thread } from "../source.ts";

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
  status: later("REV"),
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
  status: later("REV"),
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
  needs: ["revoke"],
  hints: [
    "Does the importer report the failed map as a lost context, or as a failure of the one job?",
    "Is the revoked mark kept per attachment or per device?",
  ],
  status: later("REV"),
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
  status: later("REV"),
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
  status: later("REV"),
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
  needs: ["revoke"],
  hints: [
    "Does the attach hook refuse importers that dma_buf_attach_revocable turns down?",
    "Which fence of the reservation object is still unsignaled, and who owns it?",
    "Which attachment still has a mapping although its fences are done?",
  ],
  status: later("REV"),
};

export const rules: readonly Rule[] = [rev01, rev02, rev30, rev35, rev36, rev50];
