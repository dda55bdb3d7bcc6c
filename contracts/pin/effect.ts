import type { CbEvent, CbRetEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { Work } from "../shared/exporter-work.ts";
import { rememberHolds } from "../shared/holds.ts";
import { pinsOn, placementOf, resvOf } from "../shared/lookup.ts";
import { certainFences } from "../shared/possible-lists.ts";
import { isFooled, isPinnedInDevice, moved, neverPeer, pinned, revokes, staysFree, staysPinned } from "./placement.ts";
import { commit, derived, doc, kernel, run } from "../source.ts";

const core = "drivers/dma-buf/dma-buf.c";
const amdgpu = "drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c";
const xe = "drivers/gpu/drm/xe/xe_dma_buf.c";
const vfio = "drivers/vfio/pci/vfio_pci_dmabuf.c";

function bufferNameOf(state: State, attachment: string): string {
  return state.attachments.get(attachment)?.buffer ?? "";
}

export const pin03: Rule = {
  id: "PIN-03",
  level: "MUST",
  obliged: ["exporter"],
  statement: "While any attachment has a pin the storage does not move; only a revoke may take it away (REV-35).",
  intent:
    "Who pins has put the address where it cannot be changed, such as a display controller or a network card's tables.",
  sources: [doc("include/linux/dma-buf.h", "struct dma_buf_ops, pin")],
  needs: ["dynamicExporter", "move"],
  temporal: ["T-15"],
  hints: [
    "Do eviction, defragmentation and suspend test the pin count under the lock?",
    "Is the count of all attachments tested, not that of one?",
  ],
  status: checked,
  evidence: ["cb", "cbret"],
  monitor: on({
    epoch(event, state, verdict) {
      const pin = moved(event, state) ? pinned(state, event.buffer)[0] : undefined;
      if (pin === undefined) return;
      verdict.exercised();
      verdict.violated(
        `the storage of ${event.buffer} moves while ${pin} is pinned`,
        verdict.since("attachments", pin, "hookPins"),
      );
    },
    "ret move": (event, state, verdict) => void (pinsOn(state, event.buffer) > 0 && verdict.exercised()),
    "ret evict": (event, state, verdict) => void (pinsOn(state, event.buffer) > 0 && verdict.exercised()),
  }),
  situation: {
    weights: { attach: 2, lock: 1.5, pin: 20, unlock: 0.7, import: 2, move: 2, evict: 2 },
    exporters: ["subject"],
    importers: ["scripted", "pinnedRevocable"],
  },
};

export const pin05: Rule = {
  id: "PIN-05",
  level: "MUST",
  obliged: ["exporter"],
  statement: "A pin hook that did not pin returns an error and leaves pin count and placement limits as they were.",
  intent: "A false success lets the importer use storage that can move, and its unpin takes the count below zero.",
  sources: [
    derived("PIN-03, PIN-04"),
    kernel(amdgpu, "amdgpu_dma_buf_pin", "6.12, 7.2"),
    kernel(xe, "xe_dma_buf_pin (drops the error of its last step, by reading)", "7.2"),
  ],
  needs: ["dynamicExporter"],
  hints: [
    "Is the result of the innermost pin or validate returned, not merely asserted?",
    "Are narrowed placements put back when a later step fails?",
  ],
  status: checked,
  evidence: ["cb", "cbret"],
  monitor: rememberHolds(() => ({ failed: new Map<string, CbRetEvent<"pin">>() }), {
    "cbret pin"(event, state, _verdict, { failed }) {
      if (event.errno !== 0 && !event.injected) failed.set(bufferNameOf(state, event.attachment), event);
    },
    // Whoever asked for a move before this could not have it: it says nothing of the pin that failed.
    "cbret unpin": ({ attachment }, state, _verdict, { failed }) => void failed.delete(bufferNameOf(state, attachment)),
    "cbret vunmap": ({ buffer }, _state, _verdict, { failed }) => void failed.delete(buffer),
    "cbret unmap": ({ attachment }, state, _verdict, { failed }) => {
      if (state.attachments.get(attachment)?.ops !== "callback") failed.delete(bufferNameOf(state, attachment));
    },
    "ret move": (event, state, verdict, { failed, holds }) =>
      staysFree(event, state, verdict, failed.get(event.buffer), holds),
    "ret evict": (event, state, verdict, { failed, holds }) =>
      staysFree(event, state, verdict, failed.get(event.buffer), holds),
  }),
  situation: {
    weights: { export: 20, attach: 8, lock: 10, pin: 60, unpin: 20, unlock: 4, mapUnlocked: 0.2, move: 6, evict: 10 },
    failures: [{ site: "storage", errno: 12 }],
    exporters: ["dynamic"],
    importers: ["scripted"],
    tasks: 1,
  },
};

export const pin06: Rule = {
  id: "PIN-06",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "When pin returns, the memory is allocated and free of old data, and every pipelined move or clear of it has finished.",
  intent: "Importers start at once, and would read another process's data or be overwritten by a late copy.",
  sources: [doc("include/linux/dma-buf.h", "struct dma_buf_ops, pin")],
  needs: ["dynamicExporter"],
  hints: [
    "Are the KERNEL fences of the migration waited for before pin returns?",
    "Do you rely on map to wait? A dynamic importer's map does not.",
  ],
  status: checked,
  monitor: remember(() => new Work(), {
    "call addFence": (event, state, _verdict, work) => work.notePublished(event, state),
    "cbret pin"(event, state, verdict, work) {
      const name = state.attachments.get(event.attachment)?.buffer ?? "";
      if (event.errno !== 0) return;
      if (work.hasPublished(name)) verdict.exercised();
      const present = certainFences(state, resvOf(state, name), "bookkeep");
      const pending = work.pending(name, state).find((fence) => present.includes(fence));
      if (pending !== undefined)
        verdict.violated(
          `${event.to} answers a pin of ${name} while its own work on the storage still runs (${pending})`,
          verdict.since("fences", pending, "published"),
        );
    },
  }),
  situation: {
    weights: { move: 4, evict: 2, pin: 4 },
    exporters: ["subject"],
    importers: ["scripted", "pinnedRevocable"],
  },
};

export const pin07: Rule = {
  id: "PIN-07",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Pin uses device memory only if every listed attachment allows peer-to-peer, and else moves to system memory or fails with EINVAL or the migration's error; it should choose a place that all of them reach.",
  intent: "A pinned buffer cannot be moved later for the importer that does not get at it.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf_ops, pin"),
    kernel(amdgpu, "amdgpu_dma_buf_pin", "6.12: system memory only; 7.2"),
    kernel(xe, "xe_dma_buf_pin", "6.12: system memory only; 7.2"),
  ],
  needs: ["dynamicExporter", "peer2peer"],
  hints: [
    "Does pin walk the whole attachment list, static importers included?",
    "Is the flag read that the exporter may have cleared at attach?",
  ],
  status: checked,
  evidence: ["epoch", "alloc", "list"],
  monitor: on({
    "cbret pin"(event, state, verdict) {
      const name = state.attachments.get(event.attachment)?.buffer ?? "";
      const buffer = state.buffers.get(name);
      const barred = buffer?.listed.find((other) => state.attachments.get(other)?.peer2peer === false);
      if (buffer === undefined || barred === undefined || event.errno !== 0) return;
      verdict.exercised();
      if (placementOf(state, buffer) === "device")
        verdict.violated(
          `${event.to} pins ${name} in device memory, which ${barred} cannot reach`,
          verdict.since("attachments", barred, "peer2peer"),
          verdict.since("buffers", name, "storage"),
        );
    },
  }),
  situation: {
    weights: { attach: 2, lock: 1.5, pin: 20, unlock: 0.7, move: 1 },
    exporters: ["subject"],
    importers: ["scripted", "pinnedRevocable"],
  },
};

export const pin16: Rule = {
  id: "PIN-16",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An exporter whose memory can vanish stops pinned importers without a callback by a pin hook that fails or by EOPNOTSUPP at attach, because without a pin hook every pin succeeds.",
  intent: "To the importer a successful pin means that it never has to expect a loss.",
  sources: [
    commit("VFIO gets a pin hook that answers EOPNOTSUPP", "6.19-rc"),
    kernel(vfio, "vfio_pci_dma_buf_attach", "7.1+"),
    run(["6.12.117", "7.2.13"], "pin on an exporter without the hook: success, no warning"),
  ],
  needs: ["revoke"],
  hints: [
    "Does the ops table leave pin out although the memory can be revoked?",
    "Is the refusal made before the importer can map?",
  ],
  status: checked,
  evidence: ["list"],
  monitor: remember(() => new Set<string>(), {
    "ret attach": (event, _state, _verdict, refused) =>
      void (event.errno !== 0 && event.ops !== "callback" && event.buffer !== null && refused.add(event.buffer)),
    "cbret pin"(event, state, _verdict, refused) {
      const row = state.attachments.get(event.attachment);
      if (row !== undefined && row.ops !== "callback" && event.errno !== 0) refused.add(row.buffer);
    },
    "call invalidate"(event, state, verdict, refused) {
      const buffer = state.buffers.get(event.buffer);
      if (buffer?.access !== "accessible" || !revokes(state, event, buffer)) return;
      const fooled = buffer.listed.find((name) => isFooled(state, name));
      if (fooled !== undefined || refused.has(event.buffer)) verdict.exercised();
      if (fooled !== undefined)
        verdict.violated(
          `${buffer.exporter} takes ${event.buffer} away from ${fooled}, whose pin had succeeded and which cannot be told`,
          verdict.since("attachments", fooled, "hookPins"),
          verdict.since("attachments", fooled, "pins"),
        );
    },
  }),
  situation: {
    weights: { attach: 3, mapUnlocked: 3, revoke: 4 },
    exporters: ["subject"],
    importers: ["scripted", "static", "pinned"],
  },
};

export const pin17: Rule = {
  id: "PIN-17",
  level: "MUST",
  obliged: ["exporter"],
  statement: "As soon as the last pin is gone the storage can be moved again.",
  intent: "Memory that stays put after its last user ends as a shortage that no eviction can cure.",
  sources: [doc(core, "dma_buf_unpin")],
  needs: ["dynamicExporter", "move"],
  hints: [
    "Does the unpin hook lower the count even after an error or a reset?",
    "Is the buffer put back on the eviction list?",
  ],
  status: checked,
  evidence: ["cbret"],
  monitor: rememberHolds(() => ({ unpins: new Map<string, CbEvent<"unpin">>() }), {
    "cb unpin": (event, state, _verdict, { unpins }) => void unpins.set(bufferNameOf(state, event.attachment), event),
    "cbret pin": ({ attachment }, state, _verdict, { unpins }) => void unpins.delete(bufferNameOf(state, attachment)),
    // A move that began before this was kept by the kernel's mapping.
    "cbret vunmap": ({ buffer }, _state, _verdict, { unpins }) => void unpins.delete(buffer),
    "ret move": (event, state, verdict, { unpins, holds }) =>
      staysFree(event, state, verdict, unpins.get(event.buffer), holds),
    "ret evict": (event, state, verdict, { unpins, holds }) =>
      staysFree(event, state, verdict, unpins.get(event.buffer), holds),
  }),
  situation: {
    weights: { export: 15, attach: 5, lock: 6, pin: 40, unpin: 60, unlock: 2, move: 3, evict: 4 },
    exporters: ["dynamic"],
    importers: ["scripted"],
    tasks: 1,
  },
};

export const pin19: Rule = {
  id: "PIN-19",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "When the buffer is pinned where an attachment cannot reach it, attach or map fails for that attachment (EBUSY, EINVAL or EOPNOTSUPP) and never yields peer addresses.",
  intent:
    "The pin forbids the move that would help, and an address without a path makes the device write into nowhere.",
  sources: [
    kernel(amdgpu, "amdgpu_dma_buf_map", "6.12"),
    kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_object.c", "amdgpu_bo_pin", "7.2"),
    kernel(xe, "xe_dma_buf_pin", "7.2"),
  ],
  needs: ["dynamicExporter", "peer2peer"],
  hints: [
    "Does map compare the pinned place with this attachment's own flag?",
    "Is a dynamic importer without peer-to-peer tested too? Only the static one meets the automatic pin.",
  ],
  status: checked,
  evidence: ["epoch", "alloc", "cb", "cbret"],
  monitor: on({
    "ret attach"(event, state, verdict) {
      const name = event.buffer ?? "";
      const barred = event.errno !== 0 && event.device !== null && !event.allowPeer2peer;
      if (barred && isPinnedInDevice(state, name)) verdict.exercised();
    },
    "ret map": neverPeer,
    "ret mapUnlocked": neverPeer,
  }),
  situation: {
    weights: {
      export: 10,
      import: 6,
      release: 0.3,
      attach: 6,
      detach: 0.3,
      lock: 2,
      pin: 10,
      unpin: 0.5,
      mapUnlocked: 6,
    },
    exporters: ["subject"],
    importers: ["scripted", "scripted", "pinnedRevocable"],
  },
};

export const pin20: Rule = {
  id: "PIN-20",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Pins count per attachment but hold for the whole buffer: an unpin on one attachment leaves the pin of another in force.",
  intent: "One display that lets go of a shared framebuffer must not move it away from the other.",
  sources: [derived("PIN-03, PIN-04"), kernel("drivers/gpu/drm/ttm/ttm_bo.c", "ttm_bo_pin, ttm_bo_unpin", "6.12, 7.2")],
  needs: ["dynamicExporter", "pin"],
  hints: ['Is "pinned" a counter rather than a flag?', "Do pins of other kinds have a counter of their own?"],
  status: checked,
  evidence: ["cbret"],
  monitor: remember(() => new Map<string, CbEvent<"unpin">>(), {
    "cb unpin"(event, state, _verdict, unpins) {
      const name = state.attachments.get(event.attachment)?.buffer ?? "";
      if (pinsOn(state, name) > 1) unpins.set(name, event);
      else unpins.delete(name);
    },
    epoch(event, state, verdict, unpins) {
      const unpin = unpins.get(event.buffer);
      const pin = pinned(state, event.buffer)[0];
      if (unpin === undefined || pin === undefined || !moved(event, state)) return;
      verdict.exercised();
      verdict.violated(
        `the storage of ${event.buffer} moves after the unpin of ${unpin.attachment}, though ${pin} is still pinned`,
        unpin,
        verdict.since("attachments", pin, "hookPins"),
      );
    },
    "ret move": (event, state, verdict, unpins) => staysPinned(event, state, verdict, unpins),
    "ret evict": (event, state, verdict, unpins) => staysPinned(event, state, verdict, unpins),
  }),
  situation: {
    weights: {
      export: 15,
      attach: 6,
      detach: 0.2,
      lock: 10,
      pin: 60,
      unpin: 40,
      unlock: 3,
      mapUnlocked: 0.3,
      move: 5,
      evict: 8,
    },
    exporters: ["dynamic"],
    importers: ["scripted"],
    tasks: 1,
  },
};

export const rules: readonly Rule[] = [pin03, pin05, pin06, pin07, pin16, pin17, pin19, pin20];
