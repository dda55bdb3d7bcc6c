import { EINVAL, ENODEV, ENOMEM, errnoName } from "../../spec/errno.ts";
import { on, remember } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import {
  asksInHook,
  findsLock,
  holdsOf,
  isAttached,
  isMapOf,
  mapsAttached,
  needsLock,
  needsNoLock,
  needsSleep,
  neverNone,
  refusesNothing,
  reportsNoTable,
  showsTheSame,
  type Shown,
} from "./callers.ts";
import { derived, doc, kernel, run } from "../source.ts";

export const map01: Rule = {
  id: "MAP-01",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "The importer holds the buffer's reservation lock when it calls the locked map or unmap, and does not hold it when it calls the unlocked forms.",
  intent:
    "Without the lock a move can slip under the mapping; with the lock already held, the unlocked form waits for itself.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "locking convention"),
    run(
      ["6.12.117", "7.2.13"],
      "a locked call without the lock only warns, an unlocked call with the lock never returns",
    ),
  ],
  hints: [
    "Which form does each call site use, and who took the lock before it?",
    "Does an error path drop the lock before it unmaps?",
  ],
  status: checked,
  monitor: on({
    "call map": needsLock,
    "call unmap": needsLock,
    "call mapUnlocked": needsNoLock,
    "call unmapUnlocked": needsNoLock,
  }),
};

export const map02: Rule = {
  id: "MAP-02",
  level: "MUST",
  obliged: ["framework", "exporter"],
  provokedBy: ["importer"],
  statement:
    "The exporter's map and unmap hooks always find the buffer's reservation lock taken, for static exporters too, and never ask for that lock themselves.",
  intent:
    "A hook that locks again blocks for ever, and a hook without the lock reads a location that is being changed.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "locking convention"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "lock held in both hooks for every mix of static and dynamic"),
  ],
  hints: [
    "Does the hook call a helper of your driver that takes the object lock?",
    "Was the hook written after its old kernel-doc, which promises the lock to dynamic exporters only?",
  ],
  status: checked,
  evidence: ["lock", "unlock"],
  monitor: remember(() => new Set<number>(), {
    "call map": (event, state, _verdict, unlocked) => void (!holdsOf(state, event) && unlocked.add(event.seq)),
    "call unmap": (event, state, _verdict, unlocked) => void (!holdsOf(state, event) && unlocked.add(event.seq)),
    "cb map": findsLock,
    "cb unmap": findsLock,
    lock: (event, state, verdict) => asksInHook(event.task, event.lock, state, verdict),
    blocked: (event, state, verdict) =>
      event.wait.kind === "lock" && asksInHook(event.task, event.wait.lock, state, verdict),
  }),
};

export const map03: Rule = {
  id: "MAP-03",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Map and unmap are called from sleepable context only, never in atomic context or inside a fence-signalling section.",
  intent: "Both may allocate and wait for fences, so a fence whose signal is behind such a call may wait for itself.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment, dma_buf_unmap_attachment (might_sleep)", "6.12, 7.2"),
    doc("drivers/dma-buf/dma-fence.c", "fence signalling annotations"),
  ],
  hints: ["Do you unmap in the job-done interrupt or in a fence callback?", "Is there a spinlock around the call?"],
  status: checked,
  monitor: on({
    "call map": needsSleep,
    "call unmap": needsSleep,
    "call mapUnlocked": needsSleep,
    "call unmapUnlocked": needsSleep,
  }),
};

export const map04: Rule = {
  id: "MAP-04",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A map without an attachment, or with an attachment that has no buffer, returns EINVAL, and such an unmap warns and does nothing.",
  intent: "An importer that lost its attachment in an error path must get an error and not a crash in the core.",
  sources: [kernel("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment, dma_buf_unmap_attachment", "6.12, 7.2")],
  hints: [
    "Are both pointers tested before the lock assertion uses the buffer?",
    "Is no exporter hook reached on this path?",
  ],
  status: checked,
  monitor: on({ "ret map": refusesNothing, "ret mapUnlocked": refusesNothing }),
};

export const map05: Rule = {
  id: "MAP-05",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["exporter"],
  statement: "If the exporter's map hook returns no table at all, the caller of map gets ENOMEM.",
  intent: "Importers test for an error value only and would use the missing table as a real one.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "ENOMEM; in 6.12 already at attach if that maps"),
  ],
  hints: [
    "Is an empty result turned into an error before anything else looks at it?",
    "Does the map made inside attach (6.12) go through the same test?",
  ],
  status: checked,
  monitor: on({ "ret map": reportsNoTable, "ret mapUnlocked": reportsNoTable, "ret attach": reportsNoTable }),
  situation: { weights: { mapUnlocked: 3, attach: 2 }, failures: [{ site: "hook:map-nothing", errno: 12 }] },
};

export const map06: Rule = {
  id: "MAP-06",
  level: "MUST",
  obliged: ["framework", "exporter"],
  provokedBy: ["importer"],
  statement: "A map succeeds only on an attachment whose attach returned success and whose detach has not begun.",
  intent:
    "Outside that span nobody tells the importer about moves, and the per-attachment data of the exporter is gone.",
  sources: [doc("include/linux/dma-buf.h", "struct dma_buf_ops, map_dma_buf")],
  hints: [
    "Can a worker or fault handler of the importer still map while its teardown detaches?",
    "Does your map hook use attachment data that the detach hook has freed?",
  ],
  status: checked,
  monitor: remember(() => new Set<number>(), {
    "call map": (event, state, _verdict, outside) =>
      void (!isAttached(state, event.attachment) && outside.add(event.seq)),
    "call mapUnlocked": (event, state, _verdict, outside) =>
      void (!isAttached(state, event.attachment) && outside.add(event.seq)),
    "ret map": mapsAttached,
    "ret mapUnlocked": mapsAttached,
  }),
};

export const map27: Rule = {
  id: "MAP-27",
  level: "MUST",
  obliged: ["importer", "exporter"],
  statement:
    "No importer maps with the direction none or with a value that is no direction, and an exporter asked for one answers EINVAL and maps nothing.",
  intent: "The core passes the value through, and the DMA layer of a real kernel halts the machine on it.",
  sources: [
    kernel("drivers/gpu/drm/drm_prime.c", "drm_gem_map_dma_buf", "6.12, 7.2"),
    kernel("kernel/dma/mapping.c", "valid_dma_direction", "6.12, 7.2"),
    run(
      ["6.12.117", "7.2.13"],
      "system heap and udmabuf stop the kernel, vgem refuses; a table cached by 6.12 is handed out",
    ),
  ],
  hints: [
    "Can the direction come from user input or from a job without any access?",
    "Does the map hook test the direction before it calls the DMA layer?",
  ],
  status: checked,
  monitor: on({
    "call map": neverNone,
    "call mapUnlocked": neverNone,
    "ret import": (event, _state, verdict) => void (event.direction === "none" && verdict.exercised()),
    "cbret map"(event, state, verdict) {
      if (event.direction !== "none" || event.injected) return;
      // Which of two reasons to refuse comes first is the exporter's choice.
      const access = state.buffers.get(state.attachments.get(event.attachment)?.buffer ?? "")?.access;
      if (event.errno === ENODEV && access !== "accessible") return;
      if (event.errno === ENOMEM) return;
      verdict.exercised();
      if (event.errno !== EINVAL)
        verdict.violated(`${event.to} answers ${errnoName(event.errno)} to a map with the direction none`);
    },
  }),
  situation: { weights: { attach: 2, import: 3, mapUnlocked: 6 }, exporters: ["subject", "static"] },
};

export const map34: Rule = {
  id: "MAP-34",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["exporter", "importer"],
  statement:
    "Maps of one buffer that run at the same time for different attachments take effect one after the other, and show the same storage if nothing moved it in between.",
  intent: "Two devices that see different copies of one frame corrupt it without any error.",
  sources: [
    derived("MAP-01 and MAP-25"),
    run(["6.12.117", "7.2.13"], "two blocked maps run one after the other when the lock is released"),
  ],
  hints: [
    "Does every path to the map hook hold the one reservation lock of the buffer?",
    "Does the hook drop that lock while it looks for the storage?",
  ],
  status: checked,
  monitor: remember((): Shown => new Map(), {
    "cb map"(event, state, verdict) {
      const name = state.attachments.get(event.attachment)?.buffer ?? "";
      const others = [...state.tasks].filter(([task]) => task !== event.task).map(([, row]) => row.frames);
      if (!others.some((frames) => frames.some((frame) => isMapOf(state, frame, name)))) return;
      verdict.exercised();
      const other = others
        .map((frames) => frames.at(-1))
        .find((frame) => frame?.kind === "cb" && isMapOf(state, frame, name));
      if (other !== undefined)
        verdict.violated(`the map hook of ${name} runs for ${event.attachment} while it runs in another task`, other);
    },
    "cbret map": showsTheSame,
    "cb unmap": (event, _state, _verdict, shown) => void shown.delete(event.table ?? ""),
  }),
  situation: { weights: { attach: 3, mapUnlocked: 5 }, importers: ["scripted"], tasks: 3 },
};

export const rules: readonly Rule[] = [map01, map02, map03, map04, map05, map06, map27, map34];
