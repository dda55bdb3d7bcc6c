import type { CallEvent } from "../../spec/event.ts";
import type { MappingState, State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { checked, untested } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { accessPhase } from "../shared/access-phase.ts";
import { cachesFor } from "./cached.ts";
import { hex } from "./segments.ts";
import { Endings, forgetTable, isFair, isHandedOut, noteTable, Teardowns, type Tables } from "./teardown.ts";
import { derived, doc, kernel } from "../source.ts";

function endsUse(
  event: CallEvent<"unmap" | "unmapUnlocked">,
  _state: State,
  verdict: Verdict,
  used: ReadonlySet<string>,
): void {
  if (event.mapping !== null && used.has(event.mapping)) verdict.exercised();
}

/** Directions of a mapping and of those that share its table: an access does not say which one it is for. */
function directionsOf(state: State, { table, attachment, direction }: MappingState): readonly string[] {
  const shared = [...state.mappings.values()].filter(
    (other) => other.live && other.table === table && other.attachment === attachment,
  );
  return [direction, ...shared.map((other) => other.direction)];
}

export const map16: Rule = {
  id: "MAP-16",
  level: "MUST",
  obliged: ["importer"],
  statement: "Once unmap is called, the device makes no access through that mapping, not even a speculative read.",
  intent: "The addresses may at once lead nowhere or to the memory of someone else.",
  sources: [
    doc("Documentation/core-api/dma-api.rst", "unmapping"),
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings: speculation ends with unmap", "7.2"),
  ],
  hints: [
    "Are the device's translations flushed before unmap, and is the flush waited for?",
    "Can prefetch or a queued job still carry the old addresses?",
  ],
  status: checked,
  monitor: remember(() => new Set<string>(), {
    "call unmap": endsUse,
    "call unmapUnlocked": endsUse,
    access(event, state, verdict, used) {
      if (event.mapping === null) return;
      used.add(event.mapping);
      if (accessPhase(state, event) !== "unmapped") return;
      verdict.exercised();
      verdict.violated(
        `the device of ${event.importer} uses ${event.mapping} after its unmap`,
        verdict.since("mappings", event.mapping, "live"),
      );
    },
  }),
};

export const map17: Rule = {
  id: "MAP-17",
  level: "MUST",
  obliged: ["exporter", "framework"],
  statement:
    "The DMA mapping should be gone when unmap returns; if exporter or core keeps it cached for the attachment, it is torn down by the end of detach without help from the importer.",
  intent: "A translation left behind lets the importer's device reach the storage after the memory was freed.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf_ops, unmap_dma_buf"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_detach (core-cached table)", "6.12"),
    kernel("drivers/media/common/videobuf2/videobuf2-dma-contig.c", "vb2_dc_dmabuf_ops_detach", "6.12, 7.2"),
  ],
  hints: [
    "If unmap keeps the table, which hook drops it, and with which direction?",
    "Is the cached table dropped as well when the importer never unmapped?",
  ],
  status: checked,
  evidence: ["translate"],
  monitor: remember(() => ({ tables: new Map() as Tables, endings: new Endings() }), {
    "cbret map": (event, _state, _verdict, { tables }) => noteTable(event, tables),
    "cb unmap": (event, state, _verdict, { tables }) => void (isFair(event, state) || forgetTable(event, tables)),
    translate: (event, _state, _verdict, { endings }) => endings.note(event),
    "ret detach"(event, state, verdict, { tables, endings }) {
      const row = event.attachment === null ? undefined : state.attachments.get(event.attachment);
      if (row?.phase !== "detaching" || event.attachment === null) return;
      const cached = cachesFor(state, verdict.profile, event.attachment);
      for (const table of tables.get(event.attachment) ?? []) {
        // What the importer never gave back is its own fault, unless the core keeps it.
        if (!cached && isHandedOut(state, table.table)) continue;
        verdict.exercised();
        const left = endings.stillMapped(state, row.device, table);
        if (left !== undefined)
          verdict.violated(
            `${hex(left.address)} of ${table.table ?? "a table"} is still mapped for ${row.device} after detach of ${event.attachment}`,
            table,
          );
      }
    },
  }),
  situation: { weights: { mapUnlocked: 2, detach: 3 } },
};

export const map26: Rule = {
  id: "MAP-26",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "The device only reads through a to-device mapping and only writes through a from-device mapping; both ways need a bidirectional one.",
  intent:
    "Bounce buffers and caches are synchronised for the stated direction only, so the other access is lost or stale.",
  sources: [doc("Documentation/core-api/dma-api.rst", "DMA directions")],
  hints: [
    "Is the direction taken from what the job does, or fixed at import?",
    "Does the device write status or timestamps into a buffer mapped for reading?",
  ],
  status: checked,
  monitor: on({
    access(event, state, verdict) {
      const row = event.mapping === null ? undefined : state.mappings.get(event.mapping);
      if (row === undefined || row.direction === "bidirectional" || event.access === "speculativeRead") return;
      verdict.exercised();
      const due = event.access === "write" ? "fromDevice" : "toDevice";
      if (directionsOf(state, row).some((direction) => direction === due || direction === "bidirectional")) return;
      verdict.violated(
        `the device of ${event.importer} makes a ${event.access} through ${event.mapping ?? "?"}, mapped ${row.direction}`,
        verdict.since("mappings", event.mapping ?? "", "direction"),
      );
    },
  }),
};

export const map30: Rule = {
  id: "MAP-30",
  level: "SHOULD",
  obliged: ["importer"],
  statement: "A static importer does not keep a mapping for long while no device work uses it.",
  intent: "The storage cannot move while mapped, so idle mappings starve everyone else of device memory.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment")],
  hints: [
    "Is the buffer mapped at import and unmapped only at close?",
    "Could map and unmap follow the stream or the job instead?",
  ],
  status: untested(
    "a history has no time in which to call a mapping idle for too long, and no sight of why an importer keeps it",
  ),
};

export const map36: Rule = {
  id: "MAP-36",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Unmap tears down what its map set up, by what was recorded then, even if the storage is now of another kind.",
  intent: "Choosing the teardown by the present place leaks the old mapping and may take down a foreign one.",
  sources: [
    derived("MAP-13 and MOVE-20"),
    kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_dma_buf_unmap", "6.12, 7.2"),
    kernel("drivers/gpu/drm/xe/xe_dma_buf.c", "xe_dma_buf_unmap", "6.12, 7.2"),
  ],
  needs: ["move"],
  hints: ["Does the unmap hook ask where the buffer is now?", "Is the kind of mapping stored with the table?"],
  status: checked,
  evidence: ["epoch", "warn"],
  monitor: remember(() => new Teardowns(), {
    "cbret map": (event, state, _verdict, teardowns) => teardowns.noteMap(event, state),
    "cb unmap": (event, state, _verdict, teardowns) => teardowns.begin(event, state),
    translate: (event, state, verdict, teardowns) => teardowns.judgeTranslation(event, state, verdict),
    warn: (event, state, verdict, teardowns) => teardowns.judgeWarning(event, state, verdict),
    "cbret unmap": (event, state, _verdict, teardowns) => teardowns.noteUnmap(event, state),
    "ret detach": (event, state, verdict, teardowns) => teardowns.judgeDetach(event, state, verdict),
  }),
  situation: { weights: { mapUnlocked: 3, move: 4, unmapUnlocked: 2 }, exporters: ["subject"] },
};

export const rules: readonly Rule[] = [map16, map17, map26, map30, map36];
