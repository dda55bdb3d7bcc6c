import { on, remember } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { Work } from "../shared/exporter-work.ts";
import { bufferOf } from "../shared/lookup.ts";
import {
  noteKernelWork,
  pendingKernel,
  undoesWait,
  waitsForKernel,
  waitsRightly,
  type KernelWork,
} from "./kernel-wait.ts";
import { Storages } from "./segments.ts";
import { doc, kernel, run } from "../source.ts";

export const map18: Rule = {
  id: "MAP-18",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Before the call that ran the map hook for a static importer succeeds, the framework has waited for all KERNEL fences present after that hook, keeping the lock, ignoring weaker fences, and counting a failed fence as done.",
  intent: "A static importer starts its device at once and would read memory that is still being copied or cleared.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "__map_dma_buf", "6.12"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment", "6.16+"),
    run(["6.12.117", "7.2.13"], "KERNEL blocks, WRITE does not, the lock stays held, a fence error is not passed on"),
  ],
  hints: [
    "Is the wait after the map hook, so that a fence added by the hook counts?",
    "Does a map of 6.12 that returns the cached table wait again, which it need not?",
    "Is the lock dropped during the wait?",
  ],
  status: checked,
  evidence: ["signal", "unlock"],
  monitor: remember((): KernelWork => new Map(), {
    "cbret map": (event, state, _verdict, work) => noteKernelWork(event, state, work),
    blocked: waitsRightly,
    "ret map": waitsForKernel,
    "ret mapUnlocked": waitsForKernel,
    "ret attach": waitsForKernel,
  }),
  situation: {
    weights: { fenceInit: 3, lock: 2, reserveFences: 4, addFence: 8, unlock: 3, mapUnlocked: 5, import: 3, attach: 2 },
    importers: ["scripted", "static"],
    exporters: ["static"],
    tasks: 2,
  },
};

export const map19: Rule = {
  id: "MAP-19",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "If that wait is interrupted, the framework unmaps, drops a pin it took itself and returns the error; where the wait was part of attach, it undoes the attach completely.",
  intent: "A signal to a process must not leave a mapping or a pin that nobody owns.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment, error path", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "interrupted wait in map; in 6.12 also in attach"),
  ],
  hints: [
    "Does the error path mirror every step before the wait, in reverse order?",
    "In 6.12: are list removal and detach hook part of it?",
  ],
  status: checked,
  evidence: ["list"],
  monitor: on({ "ret map": undoesWait, "ret mapUnlocked": undoesWait, "ret attach": undoesWait }),
  situation: {
    weights: {
      fenceInit: 3,
      lock: 2,
      reserveFences: 4,
      addFence: 8,
      unlock: 3,
      mapUnlocked: 5,
      import: 3,
      attach: 2,
      interrupt: 2,
    },
    failures: [{ site: "wait", errno: 4 }],
    importers: ["scripted", "static"],
    exporters: ["static", "scripted"],
    interrupts: true,
    tasks: 2,
  },
};

export const map20: Rule = {
  id: "MAP-20",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A dynamic importer lets no device access through a new mapping start before the KERNEL fences present at map, and under implicit sync the WRITE fences too, have signaled or are a dependency of the job.",
  intent: "For dynamic importers the core does not wait, and the storage may still be the target of a running copy.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", 'dma_buf_map_attachment (its "exclusive fence" is the older word)'),
    doc("include/linux/dma-buf.h", "DYNAMIC IMPORTER RULES"),
  ],
  temporal: ["T-21"],
  needs: ["importerCallback"],
  hints: [
    "Do you collect the fences after map, under the same lock hold?",
    "Does a page-table update with the new addresses count as access in your code?",
  ],
  status: checked,
  evidence: ["signal"],
  monitor: remember(() => new Map<string, readonly string[]>(), {
    "cbret map"(event, state, _verdict, work) {
      const row = state.attachments.get(event.attachment);
      const caller = state.tasks.get(event.task)?.frames.at(-2);
      if (row === undefined || row.ops === "static" || event.errno !== 0 || caller?.kind !== "call") return;
      const pending = pendingKernel(state, row.buffer);
      if ((caller.op === "map" || caller.op === "mapUnlocked") && pending.length > 0) work.set(caller.mapping, pending);
    },
    access(event, state, verdict, work) {
      const fences = event.mapping === null ? undefined : work.get(event.mapping);
      const buffer = state.attachments.get(event.attachment)?.buffer;
      if (fences === undefined || buffer === undefined || event.access === "speculativeRead") return;
      verdict.exercised();
      const now = pendingKernel(state, buffer);
      const pending = fences.find((fence) => now.includes(fence));
      if (pending !== undefined)
        verdict.violated(
          `the device of ${event.importer} uses ${event.mapping ?? "?"} before the KERNEL fence ${pending}, there at map, has signaled`,
          verdict.since("fences", pending, "published"),
        );
    },
  }),
  situation: {
    weights: { move: 3, submit: 5, import: 2 },
    importers: ["dynamic", "pinnedRevocable"],
    exporters: ["subject"],
  },
};

export const map21: Rule = {
  id: "MAP-21",
  level: "MUST",
  obliged: ["exporter"],
  statement: "When map of an exporter without a pin hook returns, its memory is allocated, cleared and at its place.",
  intent: "Nobody waits for such an exporter, so a late clear shows the last owner's data or wipes new data.",
  sources: [doc("include/linux/dma-buf.h", "struct dma_buf_ops, map_dma_buf")],
  hints: [
    "Does an asynchronous clear or copy still run when the hook returns?",
    "Is memory allocated lazily after map?",
  ],
  status: checked,
  evidence: ["epoch"],
  monitor: remember(() => new Work(), {
    device: (event, state, _verdict, work) => work.note(event, state),
    "cbret map"(event, state, verdict, work) {
      const row = state.attachments.get(event.attachment);
      const buffer = bufferOf(state, event.attachment);
      if (row === undefined || buffer === undefined || buffer.dynamic || event.errno !== 0 || event.table === null)
        return;
      verdict.exercised();
      const job = work.on(row.buffer)[0];
      if (buffer.storage === null) verdict.violated(`${event.to} maps ${row.buffer}, for which it has no memory yet`);
      else if (job !== undefined)
        verdict.violated(
          `${event.to} maps ${row.buffer} while its own work on the memory still runs (${job.job})`,
          job,
        );
    },
  }),
  situation: { weights: { mapUnlocked: 2 }, exporters: ["static"] },
};

export const map22: Rule = {
  id: "MAP-22",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "If a dynamic exporter's own move or clear still runs when map returns, the reservation object holds a KERNEL fence for that work.",
  intent: "The fence is the only thing that keeps importers away from unfinished storage.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf_ops, map_dma_buf"),
    doc("include/linux/dma-resv.h", "DMA_RESV_USAGE_KERNEL"),
  ],
  needs: ["dynamicExporter"],
  hints: [
    "Is the fence added with KERNEL usage, or with WRITE?",
    "Is it added before the lock is released for the first time after the work started?",
  ],
  status: checked,
  evidence: ["call"],
  monitor: remember(() => new Work(), {
    device: (event, state, _verdict, work) => work.note(event, state),
    "call addFence": (event, state, _verdict, work) => work.notePublished(event, state),
    "cbret map"(event, state, verdict, work) {
      const row = state.attachments.get(event.attachment);
      const buffer = bufferOf(state, event.attachment);
      if (row === undefined || buffer?.dynamic !== true || event.errno !== 0) return;
      const job = work.on(row.buffer)[0];
      if (job === undefined) return;
      verdict.exercised();
      if (work.pending(row.buffer, state).length === 0)
        verdict.violated(
          `${event.to} maps ${row.buffer} while it still works on the memory (${job.job}), and no KERNEL fence says so`,
          job,
        );
    },
  }),
  situation: { weights: { move: 4, mapUnlocked: 3, submit: 3 }, exporters: ["subject"] },
};

export const map25: Rule = {
  id: "MAP-25",
  level: "MUST",
  obliged: ["exporter"],
  statement: "A mapping shows where the storage is at the moment map returns, not an earlier or later place.",
  intent: "A table of the former place sends the device into memory that already belongs to someone else.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_move_notify (6.12), dma_buf_invalidate_mappings (7.2)")],
  needs: ["dynamicExporter"],
  temporal: ["T-14"],
  hints: [
    "Does the map hook read the placement under the reservation lock, or from a value saved earlier?",
    "Can it return a table built before the last move?",
  ],
  status: checked,
  monitor: remember(() => new Storages(), {
    epoch: (event, _state, _verdict, storages) => storages.note(event),
    "cbret map"(event, state, verdict, storages) {
      const row = state.attachments.get(event.attachment);
      const buffer = bufferOf(state, event.attachment);
      if (row === undefined || buffer?.dynamic !== true || buffer.storage === null || event.errno !== 0) return;
      if (buffer.epoch > 0) verdict.exercised();
      const former = event.segments.find(
        ({ storage }) => storage !== null && storage !== buffer.storage && storages.belongs(row.buffer, storage),
      );
      if (former !== undefined)
        verdict.violated(
          `${event.to} maps ${former.storage ?? "?"} for ${event.attachment}, where ${row.buffer} no longer is (${buffer.storage})`,
          verdict.since("buffers", row.buffer, "storage"),
        );
    },
  }),
  situation: { weights: { move: 4, mapUnlocked: 4, submit: 2 }, exporters: ["subject"] },
};

export const rules: readonly Rule[] = [map18, map19, map20, map21, map22, map25];
