import { ENODEV, errnoName } from "../../spec/errno.ts";
import { holds, type State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { derived, doc, kernel, run, thread } from "../source.ts";
import { holdOf, liveMappings, relocated } from "./callback.ts";
import { madeSince, noteMapping, noteReturn, notices } from "./notices.ts";
import { heldInPlace, lateUnmaps, mapsDuringMoves } from "./situations.ts";

/** An attachment that the exporter has pinned the buffer for. */
function pinnedFor(state: State, buffer: string): string | undefined {
  for (const [name, attachment] of state.attachments)
    if (attachment.buffer === buffer && attachment.hookPins > 0) return name;
  return undefined;
}

/** A live mapping of the buffer whose importer has no callback. */
function fixedMapping(state: State, name: string): string | undefined {
  const buffer = state.buffers.get(name);
  if (buffer === undefined) return undefined;
  for (const { name: mapping, attachment } of liveMappings(state, buffer))
    if (attachment.ops !== "callback") return mapping;
  return undefined;
}

/** The exporter is in a hook that makes or ends a mapping. */
function isAskedFor(state: State, task: string): boolean {
  const frames = state.tasks.get(task)?.frames ?? [];
  return frames.some((frame) => frame.kind === "cb" && (frame.hook === "unmap" || frame.hook === "map"));
}

/** Where the segments of a fresh table lead other than to the buffer's storage of now; undefined if nowhere else. */
function strayStorage(
  state: State,
  buffer: string,
  segments: readonly { readonly storage: string | null }[],
): string | undefined {
  const current = state.buffers.get(buffer)?.storage ?? null;
  if (current === null) return undefined;
  const stray = segments.find(({ storage }) => storage !== current);
  return stray === undefined ? undefined : (stray.storage ?? "nothing");
}

export const move16: Rule = {
  id: "MOVE-16",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A move makes its invalidate first and changes the storage after it, without releasing the lock in between (a revoke or unrevoke is no move).",
  intent: "If the order is reversed or the lock dropped, an importer maps the old place and is never told.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf_attach_ops, on moves and new mappings"),
    kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_object.c", "amdgpu_bo_move_notify", "6.12, 7.2"),
    kernel("drivers/gpu/drm/xe/xe_bo.c", "xe_bo_move_notify", "6.12, 7.2"),
  ],
  needs: ["move"],
  temporal: ["T-14"],
  hints: [
    "Is the lock released between notice and change, for example to allocate the new place?",
    "Does every path that changes the placement, eviction and swap included, pass the notice?",
  ],
  situation: lateUnmaps,
  status: checked,
  monitor: remember(notices, {
    "ret invalidate"(event, state, _verdict, memory) {
      noteReturn(event, state, memory);
    },
    epoch(event, state, verdict, memory) {
      const buffer = relocated(state, event);
      if (buffer === undefined || buffer.listed.length === 0) return;
      verdict.exercised();
      const notice = memory.last.get(event.buffer);
      if (!holds(state, event.task, buffer.resv))
        verdict.violated(
          `${event.buffer} moves to ${event.storage ?? ""} in task ${event.task}, which does not hold ${buffer.resv}`,
          notice?.event,
          verdict.since("reservations", buffer.resv, "owner"),
        );
      else if (notice?.hold !== holdOf(state, buffer.resv))
        verdict.violated(
          `${event.buffer} moves to ${event.storage ?? ""} without an invalidate earlier in this hold of ${buffer.resv}`,
          notice?.event,
          verdict.since("reservations", buffer.resv, "owner"),
        );
    },
  }),
};

export const move17: Rule = {
  id: "MOVE-17",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "While a mapping lives, neither the storage nor anything the mapping shows (address, domain, permission, memory attributes) changes without an invalidate.",
  intent: "The importer has copied these facts into its page tables and has no other way to hear of a change.",
  sources: [
    derived("MAP-11 and MAP-25"),
    thread("004", "a change of memory attributes has to reach the users of a mapping"),
  ],
  needsAny: ["move", "revoke"],
  hints: [
    "Do you change cacheability, encryption state or write permission of live storage?",
    "Is the invalidate skipped where the address stays the same?",
  ],
  situation: lateUnmaps,
  status: checked,
  monitor: on({
    epoch(event, state, verdict) {
      const buffer = state.buffers.get(event.buffer);
      if (buffer === undefined || buffer.released || event.change === "export") return;
      if (buffer.storage === null || buffer.storage === event.storage) return;
      for (const { name, mapping, attachment } of liveMappings(state, buffer)) {
        if (attachment.ops !== "callback") continue;
        verdict.exercised();
        if (!mapping.stale)
          verdict.violated(
            `the storage of ${event.buffer} changes while ${name} lives, and no invalidate has reached ${mapping.attachment} since it was made`,
            verdict.since("mappings", name, "live"),
          );
      }
    },
    translate(event, state, verdict) {
      if (event.on || isAskedFor(state, event.task)) return;
      for (const [name, mapping] of state.mappings) {
        if (!mapping.live || mapping.stale || state.attachments.get(mapping.attachment)?.device !== event.device)
          continue;
        if (!mapping.segments.some(({ address }) => address === event.address)) continue;
        verdict.exercised();
        verdict.violated(
          `an address of ${name} ends while the mapping lives and before any invalidate`,
          verdict.since("mappings", name, "live"),
        );
      }
    },
  }),
};

export const move19: Rule = {
  id: "MOVE-19",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Each map that succeeds after the invalidate of a move has returned shows the new place, even within the same lock hold.",
  intent: "The notice has been spent, so a mapping of the old place made now is never recalled.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf_attach_ops, move_notify", "6.12"),
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings", "7.2"),
  ],
  needs: ["move"],
  temporal: ["T-14"],
  hints: [
    "Does the exporter itself, or a callee, map between the invalidate and the change of placement?",
    "Does the map hook return a table cached for the old place?",
  ],
  situation: lateUnmaps,
  status: checked,
  monitor: remember(notices, {
    "ret invalidate"(event, state, _verdict, memory) {
      noteReturn(event, state, memory);
    },
    "cbret map"(event, state, verdict) {
      const name = state.attachments.get(event.attachment)?.buffer ?? "";
      const buffer = state.buffers.get(name);
      if (buffer === undefined || buffer.epoch === 0 || event.errno !== 0 || event.injected) return;
      verdict.exercised();
      const stray = strayStorage(state, name, event.segments);
      if (stray !== undefined)
        verdict.violated(
          `a map of ${event.attachment} shows ${stray} although ${name} has moved to ${buffer.storage ?? ""}`,
          verdict.since("buffers", name, "storage"),
        );
    },
    "ret map"(event, state, _verdict, memory) {
      noteMapping(event, state, memory);
    },
    epoch(event, state, verdict, memory) {
      const buffer = relocated(state, event);
      const notice = memory.last.get(event.buffer);
      if (buffer === undefined || notice?.hold !== holdOf(state, buffer.resv)) return;
      verdict.exercised();
      const name = madeSince(state, event.buffer, memory);
      if (name !== undefined)
        verdict.violated(
          `${name} was made after the invalidate of the move and shows the old place of ${event.buffer}`,
          notice.event,
          verdict.since("mappings", name, "live"),
        );
    },
  }),
};

export const move24: Rule = {
  id: "MOVE-24",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A map that comes as soon as the lock is free after an invalidate gets the new place or a definite error, ENODEV if the buffer is revoked.",
  intent: "Importers map again right away, in parallel with the exporter's waits, and must not meet a half-done move.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings", "7.2")],
  hints: [
    "Is the placement consistent at each point where you release the lock?",
    "Can the map hook move the buffer back and so start an endless exchange?",
  ],
  situation: mapsDuringMoves,
  status: checked,
  monitor: remember(notices, {
    "ret invalidate"(event, state, _verdict, memory) {
      noteReturn(event, state, memory);
    },
    "cbret map"(event, state, verdict, memory) {
      const name = state.attachments.get(event.attachment)?.buffer ?? "";
      const notice = memory.last.get(name);
      const buffer = state.buffers.get(name);
      if (notice === undefined || buffer === undefined || event.injected || event.direction === "none") return;
      verdict.exercised();
      if (buffer.access === "revoked" || buffer.access === "revokedForever") {
        if (event.errno !== ENODEV)
          verdict.violated(
            `after the invalidate of the revoke a map of ${event.attachment} answers ${errnoName(event.errno)}, not ENODEV`,
            notice.event,
            verdict.since("buffers", name, "access"),
          );
        return;
      }
      const stray = event.errno === 0 ? strayStorage(state, name, event.segments) : undefined;
      if (stray !== undefined)
        verdict.violated(
          `after the invalidate a map of ${event.attachment} shows ${stray}, while ${name} has ${buffer.storage ?? ""}`,
          notice.event,
          verdict.since("buffers", name, "storage"),
        );
    },
    "ret map"(event, state, _verdict, memory) {
      noteMapping(event, state, memory);
    },
    "ret mapUnlocked"(event, state, _verdict, memory) {
      noteMapping(event, state, memory);
    },
    epoch(event, state, verdict, memory) {
      const buffer = relocated(state, event);
      const notice = memory.last.get(event.buffer);
      if (buffer === undefined || notice === undefined || notice.hold === holdOf(state, buffer.resv)) return;
      const name = madeSince(state, event.buffer, memory);
      if (name === undefined) return;
      verdict.exercised();
      verdict.violated(
        `${name}, made when the lock was free after the invalidate, shows the place that ${event.buffer} leaves only now`,
        notice.event,
        verdict.since("mappings", name, "live"),
      );
    },
    end(event, state, verdict, memory) {
      for (const { task } of event.waiting) {
        const hook = state.tasks.get(task)?.frames.findLast((frame) => frame.kind === "cb" && frame.hook === "map");
        if (hook?.kind !== "cb" || hook.hook !== "map") continue;
        const name = state.attachments.get(hook.attachment)?.buffer ?? "";
        if (!memory.last.has(name)) continue;
        verdict.exercised();
        verdict.violated(`a map of ${hook.attachment} is never answered`, hook);
      }
    },
  }),
};

export const move25: Rule = {
  id: "MOVE-25",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "The storage of a buffer is not relocated while its pin count is above zero (a revoke or unrevoke is no relocation).",
  intent: "Whoever pins cannot follow a move: its device goes on with the old address.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf_ops, pin"),
    kernel("drivers/gpu/drm/xe/xe_bo.c", "xe_bo_move_notify", "6.12, 7.2"),
  ],
  needs: ["move", "pin"],
  hints: [
    "Do eviction, swap and defragmentation all test the pin count under the lock?",
    "Can another importer's map or pin trigger a move of a pinned buffer?",
  ],
  situation: heldInPlace,
  status: checked,
  monitor: on({
    "call move"(event, state, verdict) {
      if (pinnedFor(state, event.buffer) !== undefined) verdict.exercised();
    },
    "call evict"(event, state, verdict) {
      if (pinnedFor(state, event.buffer) !== undefined) verdict.exercised();
    },
    epoch(event, state, verdict) {
      const pinned = relocated(state, event) === undefined ? undefined : pinnedFor(state, event.buffer);
      if (pinned === undefined) return;
      verdict.exercised();
      verdict.violated(
        `${event.buffer} moves to ${event.storage ?? ""} while ${pinned} holds a pin`,
        verdict.since("attachments", pinned, "hookPins"),
      );
    },
  }),
};

export const move30: Rule = {
  id: "MOVE-30",
  level: "MUST",
  obliged: ["exporter"],
  provokedBy: ["framework", "importer"],
  statement:
    "While an attachment without the callback has a live mapping, the storage keeps its place, by a pin on its behalf or because the exporter does not move.",
  intent: "Nobody can tell such an importer, so its device would go on with the old address.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_dynamic_attach (pins a static importer)", "6.12"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_pin_on_map", "6.16+"),
    kernel("drivers/infiniband/core/umem_dmabuf.c", "pinned import, ops without callback", "7.2"),
    run(
      ["6.12.117", "7.2.13"],
      "static importers are pinned; in 7.2 ops without callback are mapped with no pin and no notice",
    ),
  ],
  needs: ["move"],
  hints: [
    "Who pins for an importer whose ops have no callback: is it the importer itself?",
    "Does the exporter look at all live mappings before a move, or at the pin count only?",
  ],
  situation: heldInPlace,
  status: checked,
  monitor: on({
    "call move"(event, state, verdict) {
      if (fixedMapping(state, event.buffer) !== undefined) verdict.exercised();
    },
    "call evict"(event, state, verdict) {
      if (fixedMapping(state, event.buffer) !== undefined) verdict.exercised();
    },
    epoch(event, state, verdict) {
      const name = relocated(state, event) === undefined ? undefined : fixedMapping(state, event.buffer);
      if (name === undefined) return;
      verdict.exercised();
      verdict.violated(
        `${event.buffer} moves to ${event.storage ?? ""} while ${name} lives, whose importer cannot be told`,
        verdict.since("mappings", name, "live"),
      );
    },
  }),
};

export const rules: readonly Rule[] = [move16, move17, move19, move24, move25, move30];
