import type { CallEvent, HistoryEvent } from "../../spec/event.ts";
import type { MappingState, State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { checked, untested } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { isOver } from "../shared/fences.ts";
import { resvOf } from "../shared/lookup.ts";
import { derived, doc, kernel } from "../source.ts";
import { jobsAcrossMoves, lateUnmaps } from "./situations.ts";

/** The callback has returned, every fence that was there then is over, and nobody keeps the lock from the importer. */
function isDue(state: State, mapping: MappingState): boolean {
  if (!mapping.live || !mapping.stale || mapping.grace === null) return false;
  if (state.attachments.get(mapping.attachment)?.phase !== "attached") return false;
  if (state.reservations.get(resvOf(state, mapping.buffer))?.owner != null) return false;
  return mapping.grace.every((fence) => isOver(state, fence));
}

/** Old mappings of an import that could have been unmapped long ago: asked when everything has come to rest. */
function* leftOver(state: State, imported: string): Generator<string> {
  const attachment = state.imports.get(imported)?.attachment ?? "";
  for (const name of state.attachments.get(attachment)?.maps ?? []) {
    const mapping = state.mappings.get(name);
    if (mapping !== undefined && isDue(state, mapping)) yield name;
  }
}

/** An unmap of an old mapping that the importer makes as it should: nothing in it is the importer's fault. */
function isProper(state: State, call: CallEvent<"unmap" | "unmapUnlocked">): boolean {
  const mapping = call.mapping === null ? undefined : state.mappings.get(call.mapping);
  return mapping?.stale === true && !call.altered && mapping.direction === call.direction;
}

function judgeOldUnmap(event: CallEvent<"unmap" | "unmapUnlocked">, state: State, verdict: Verdict): void {
  const attachment = state.attachments.get(event.attachment ?? "");
  if (attachment === undefined || attachment.invalidations === 0) return;
  const name = event.attachment ?? "";
  const mapping = event.mapping === null ? undefined : state.mappings.get(event.mapping);
  if (mapping !== undefined && !mapping.stale) return;
  verdict.exercised();
  if (mapping === undefined)
    verdict.violated(
      `${event.by} unmaps a table of ${name} that is no live mapping: an old one has been unmapped before`,
      verdict.since("attachments", name, "maps"),
    );
  else if (event.altered || mapping.direction !== event.direction)
    verdict.violated(
      `${event.by} unmaps the old ${event.mapping ?? ""} ${event.altered ? "with a changed table" : `${event.direction} after mapping it ${mapping.direction}`}`,
      verdict.since("mappings", event.mapping ?? "", "stale"),
    );
}

function isUnmap(frame: HistoryEvent): frame is CallEvent<"unmap" | "unmapUnlocked"> {
  return frame.kind === "call" && (frame.op === "unmap" || frame.op === "unmapUnlocked");
}

/** The exporter was asked to end a mapping, or to make one and undoes what failed. */
function isEndingHook(frame: HistoryEvent): boolean {
  return frame.kind === "cb" && (frame.hook === "unmap" || frame.hook === "map");
}

function judgeUserUnmap(
  event: CallEvent<"unmap" | "unmapUnlocked">,
  state: State,
  verdict: Verdict,
  due: ReadonlyMap<string, HistoryEvent>,
): void {
  const mapping = event.mapping === null ? undefined : state.mappings.get(event.mapping);
  if (mapping?.stale !== true || state.attachments.get(mapping.attachment)?.import === null) return;
  verdict.exercised();
  const action = due.get(event.mapping ?? "");
  if (action !== undefined)
    verdict.violated(
      `${event.by} unmaps the old ${event.mapping ?? ""} only because its user has asked for something: nothing else was going on`,
      verdict.since("mappings", event.mapping ?? "", "stale"),
      action,
    );
}

export const move20: Rule = {
  id: "MOVE-20",
  level: "MUST",
  obliged: ["importer", "exporter"],
  statement:
    "An old mapping stays the importer's after an invalidate: he unmaps it exactly once with its own table and direction, and the exporter accepts that.",
  intent: "If either side thinks the invalidate ended the mapping, it leaks or is torn down twice.",
  sources: [
    doc(
      "include/linux/dma-buf.h",
      "struct dma_buf_attach_ops, move_notify: mappings stay and are to be destroyed",
      "6.12",
    ),
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings", "7.2"),
  ],
  needs: ["importerCallback"],
  hints: [
    "Is the old table still known after the new map has overwritten the pointer?",
    "Does the exporter free or unmap tables by itself when it moves?",
  ],
  situation: lateUnmaps,
  status: checked,
  monitor: on({
    "call unmap": judgeOldUnmap,
    "call unmapUnlocked": judgeOldUnmap,
    warn(event, state, verdict) {
      const call = state.tasks.get(event.task)?.frames.findLast(isUnmap);
      if (call !== undefined && isProper(state, call))
        verdict.violated(`the unmap of the old ${call.mapping ?? ""} meets a warning: ${event.text}`, call);
    },
    translate(event, state, verdict) {
      if (event.on || state.tasks.get(event.task)?.frames.some(isEndingHook) === true) return;
      for (const [name, mapping] of state.mappings) {
        if (!mapping.live || !mapping.stale) continue;
        if (state.attachments.get(mapping.attachment)?.device !== event.device) continue;
        if (!mapping.segments.some(({ address }) => address === event.address)) continue;
        verdict.exercised();
        verdict.violated(
          `the exporter ends ${name} by itself, which its importer still owns after the invalidate`,
          verdict.since("mappings", name, "stale"),
        );
      }
    },
    end(event, state, verdict) {
      if (event.waiting.length > 0) return;
      for (const [name, mapping] of state.mappings) {
        if (!mapping.stale) continue;
        verdict.exercised();
        if (mapping.live)
          verdict.violated(`the old ${name} was never unmapped`, verdict.since("mappings", name, "stale"));
      }
    },
  }),
};

export const move21: Rule = {
  id: "MOVE-21",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Once the callback has returned, the fences have signaled and the lock can be had, an importer with the callback has unmapped every old mapping within bounded time.",
  intent: "A revoke waits for that unmap before the device may be reset or powered down.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings", "7.2")],
  from: "K7.1",
  needs: ["importerCallback"],
  temporal: ["T-08"],
  hints: [
    "Which event makes you unmap, and is it sure to come?",
    "Does the callback only mark or warn?",
    "If unmap is left to a worker, is the worker always queued?",
  ],
  situation: jobsAcrossMoves,
  status: checked,
  monitor: on({
    "call release"(event, state, verdict) {
      if (!state.draining) return;
      const attachment = state.attachments.get(state.imports.get(event.import)?.attachment ?? "");
      if (attachment?.ops !== "callback" || attachment.invalidations === 0) return;
      verdict.exercised();
      for (const name of leftOver(state, event.import))
        verdict.violated(
          `${name} is still mapped when nothing else can happen any more, its fences over and the lock free`,
          verdict.since("mappings", name, "stale"),
          verdict.since("mappings", name, "grace"),
        );
    },
    end(_event, state, verdict) {
      for (const [name, mapping] of state.mappings)
        if (isDue(state, mapping))
          verdict.violated(
            `${name} is never unmapped, although its fences are over and the lock is free`,
            verdict.since("mappings", name, "stale"),
          );
    },
  }),
};

export const move22: Rule = {
  id: "MOVE-22",
  level: "MUST",
  obliged: ["importer"],
  statement: "The unmap after an invalidate happens without any new user action such as a job, a fault or a close.",
  intent:
    "A process that sleeps with the buffer open could otherwise hold up the reset of someone else's device for ever.",
  sources: [
    derived("MOVE-21"),
    kernel("drivers/gpu/drm/xe/xe_bo.c", "xe_bo_move_dmabuf (the contrast: defers to the next map)", "6.12, 7.2"),
  ],
  from: "K7.1",
  needs: ["importerCallback"],
  hints: [
    "Is the old mapping dropped only by the next validate or by the destruction of the object?",
    "If you depend on fences alone, do you offer yourself to exporters that wait for unmaps?",
  ],
  situation: jobsAcrossMoves,
  status: checked,
  monitor: remember(() => new Map<string, CallEvent<"release">>(), {
    "call release"(event, state, _verdict, due) {
      if (state.draining) for (const name of leftOver(state, event.import)) due.set(name, event);
    },
    "call unmap"(event, state, verdict, due) {
      judgeUserUnmap(event, state, verdict, due);
    },
    "call unmapUnlocked"(event, state, verdict, due) {
      judgeUserUnmap(event, state, verdict, due);
    },
  }),
};

export const move37: Rule = {
  id: "MOVE-37",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer that normally leaves the unmap to its next use waits for the fences and unmaps inside the callback if its own device is gone.",
  intent: "After an unplug there is no next use, and the mapping would outlive the device it was made for.",
  sources: [kernel("drivers/gpu/drm/xe/xe_bo.c", "xe_bo_move_dmabuf, unplugged branch", "7.2")],
  from: "K7.1",
  needs: ["importerCallback"],
  hints: [
    "Does the callback ask whether the device was removed?",
    "Are all pointers to the dropped table cleared, so that destruction does not unmap it again?",
  ],
  status: untested(
    "no operation takes an importer's device away; an importer that leaves its unmap to the next use breaks MOVE-21 and MOVE-22 already",
  ),
};

export const rules: readonly Rule[] = [move20, move21, move22, move37];
