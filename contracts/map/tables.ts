import { trailOf, type HookMapping } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { attachmentsOf, hooksIn, innermost } from "../shared/lookup.ts";
import { trailWords } from "../shared/trail-words.ts";
import { cachedTable, cachesFor, keepsCached, returnsCached } from "./cached.ts";
import { givesBackAlike, givesBackLive, givesBackWhole, isImportersFault, returnsAll } from "./giving-back.ts";
import { doc, kernel, run } from "../source.ts";

export const map07: Rule = {
  id: "MAP-07",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "Each run of the map hook returns a table of its own that no other live mapping shares; live mappings that do share one have the same direction and survive each other's unmap.",
  intent: "A shared table ends for every user at the first unmap, and a private change of one user reaches all.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf_ops, map_dma_buf"),
    run(["6.12.117", "7.2.13"], "system heap, udmabuf and vgem return one table for two maps of an attachment"),
  ],
  hints: [
    "Does the hook return a table stored at attach?",
    "If tables are shared, who counts their users and what does the first unmap do?",
  ],
  status: checked,
  monitor: on({
    "cbret map"(event, state, verdict) {
      const name = state.attachments.get(event.attachment)?.buffer;
      if (name === undefined || event.errno !== 0 || event.table === null) return;
      const live = attachmentsOf(state, name).filter(([, row]) => row.hookMaps.length > 0);
      if (live.length > 0) verdict.exercised();
      const first = live.find(([, row]) => row.hookMaps.some(({ table }) => table === event.table))?.[0];
      if (first !== undefined)
        verdict.violated(
          `${event.to} hands out ${event.table} for ${event.attachment}, which ${first} has mapped already`,
          verdict.since("attachments", first, "hookMaps"),
        );
    },
  }),
};

export const map08: Rule = {
  id: "MAP-08",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "On an attachment with a core-cached table, map returns that table without calling the exporter, and answers EBUSY to a direction other than the cached one unless that is bidirectional.",
  intent: "Handing out a table made for the other direction skips the cache maintenance the device depends on.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_dynamic_attach, dma_buf_map_attachment", "6.12"),
    run(["6.12.117"], "all three caching cases; only a table cached at the first map can refuse a direction"),
  ],
  until: "K6.12",
  hints: [
    "Is the table cached at attach always made for both directions?",
    "Is the direction compared before the cached table is returned?",
  ],
  status: checked,
  evidence: ["cbret"],
  monitor: on({
    "cb map"(event, state, verdict) {
      const cached = cachedTable(state, verdict.profile, event.attachment);
      if (cached === undefined || innermost(state, event.task)?.kind !== "call") return;
      verdict.exercised();
      verdict.violated(
        `the map hook is called for ${event.attachment} although ${cached.table} is cached for it`,
        verdict.since("attachments", event.attachment, "hookMaps"),
      );
    },
    "ret map": returnsCached,
    "ret mapUnlocked": returnsCached,
  }),
  situation: { weights: { export: 2, mapUnlocked: 5 }, exporters: ["scripted", "static"], importers: ["scripted"] },
};

export const map13: Rule = {
  id: "MAP-13",
  level: "MUST",
  obliged: ["importer"],
  statement: "At unmap the importer gives back the very table map returned, with every DMA field as it was then.",
  intent: "The exporter tears down what the table says, so a trimmed or moved entry unmaps the wrong range.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf_ops, map_dma_buf"),
    kernel(
      "drivers/infiniband/core/umem_dmabuf.c",
      "ib_umem_dmabuf_map_pages, ib_umem_dmabuf_unmap_pages",
      "6.12, 7.2",
    ),
  ],
  hints: [
    "Do you shorten the first or last entry for a sub-range, and restore it on every path to unmap?",
    "Do you pass a copy of the table to unmap?",
  ],
  status: checked,
  monitor: on({ "call unmap": givesBackWhole, "call unmapUnlocked": givesBackWhole }),
};

export const map14: Rule = {
  id: "MAP-14",
  level: "MUST",
  obliged: ["importer"],
  statement: "An unmap names the attachment and the direction of the map it ends.",
  intent:
    "Another direction cleans or invalidates the wrong caches; another attachment means another device's address space.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_unmap_attachment"),
    doc("Documentation/core-api/dma-api.rst", "unmapping: parameters equal those of the map"),
  ],
  hints: [
    "Is the direction stored with the mapping, or computed again at unmap?",
    "With one buffer imported for two devices: does each mapping remember its attachment?",
  ],
  status: checked,
  monitor: on({ "call unmap": givesBackAlike, "call unmapUnlocked": givesBackAlike }),
};

export const map15: Rule = {
  id: "MAP-15",
  level: "MUST",
  obliged: ["importer"],
  statement: "Each successful map is ended by exactly one unmap, and nothing is unmapped that is not mapped.",
  intent:
    "A missing unmap keeps address space and storage for ever; a second one frees a table that may be in use again.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment, dma_buf_unmap_attachment")],
  hints: [
    "Do the invalidate callback and the teardown path both unmap, and who clears the pointer?",
    "Is the old table unmapped where the new map fails?",
    "Is the table pointer kept in two places?",
  ],
  status: checked,
  monitor: on({
    "call unmap": givesBackLive,
    "call unmapUnlocked": givesBackLive,
    "call detach"(event, state, verdict) {
      const row = event.attachment === null ? undefined : state.attachments.get(event.attachment);
      if (row === undefined || event.attachment === null || row.buffer !== event.buffer || row.maps.length === 0)
        return;
      verdict.exercised();
      verdict.violated(
        `${event.by} detaches ${event.attachment} and never unmaps ${row.maps.join(", ")}`,
        verdict.since("attachments", event.attachment, "maps"),
      );
    },
    end(event, state, verdict) {
      if (event.waiting.length > 0) return;
      for (const [name, row] of state.mappings) {
        if (!row.live || state.attachments.get(row.attachment)?.phase === "detached") continue;
        verdict.exercised();
        verdict.violated(`${name} of ${row.attachment} is never unmapped`, verdict.since("mappings", name, "live"));
      }
    },
  }),
};

export const map37: Rule = {
  id: "MAP-37",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Unmap of a core-cached table does not reach the exporter, whose unmap hook runs once in detach, with the cached direction, under the lock and before the attachment leaves the list, and not at all if nothing was mapped.",
  intent: "An early hook call takes the addresses from under the other users of the cached table; none leaks them.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_unmap_attachment, dma_buf_detach", "6.12"),
    run(["6.12.117"], "two maps, two unmaps, detach: one hook call, in detach"),
  ],
  until: "K6.12",
  hints: [
    "Does unmap recognise the cached table and return early?",
    "Does detach use the direction stored with the cached table?",
  ],
  status: checked,
  evidence: ["list", "lock", "unlock"],
  monitor: remember(() => new Map<number, HookMapping>(), {
    "ret unmap": keepsCached,
    "ret unmapUnlocked": keepsCached,
    "call detach"(event, state, verdict, held) {
      const cached = cachedTable(state, verdict.profile, event.attachment);
      if (cached !== undefined) held.set(event.seq, cached);
    },
    "ret detach"(event, state, verdict, held) {
      const { attachment } = event;
      if (attachment === null || state.attachments.get(attachment)?.phase !== "detaching") return;
      if (!cachesFor(state, verdict.profile, attachment)) return;
      verdict.exercised();
      const cached = held.get(event.call);
      const unmaps = hooksIn(state, event.task, event.call).filter((hook) => hook.hook === "unmap");
      const early = trailWords(trailOf(state, event.task, event.call)).startsWith("lock unmap");
      if (unmaps.length !== (cached === undefined ? 0 : 1))
        verdict.violated(`detach of ${attachment} runs the unmap hook ${unmaps.length} times`, ...unmaps);
      else if (cached !== undefined && unmaps[0]?.hook === "unmap" && unmaps[0].direction !== cached.direction)
        verdict.violated(
          `detach unmaps ${cached.table} with ${unmaps[0].direction}; it was cached with ${cached.direction}`,
          ...unmaps,
        );
      else if (cached !== undefined && !early)
        verdict.violated(`detach of ${attachment} leaves its list, or the lock, before it unmaps`, ...unmaps);
    },
  }),
  situation: {
    weights: { detach: 4, mapUnlocked: 3 },
    exporters: ["scripted", "static"],
    importers: ["scripted", "dynamic"],
  },
};

export const map38: Rule = {
  id: "MAP-38",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["importer"],
  statement:
    "The exporter's unmap hook receives the table its map hook returned, with that attachment and direction, once for each map hook that succeeded, even if the importer was given a copy.",
  intent: "Exporters keep their own record behind the table and would free memory they never allocated.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_wrap_sg_table, dma_buf_unwrap_sg_table", "7.2"),
    kernel("drivers/dma-buf/dma-buf.c", "mangle_sg_table", "6.12"),
    run(["6.12.117", "7.2.13"], "table ids equal in both hooks, debug copy on"),
  ],
  hints: [
    "Does every error path after the map hook, the failed copy included, unmap the original table?",
    "Is the copy unwrapped before the hook is called and freed afterwards?",
  ],
  status: checked,
  evidence: ["cbret"],
  monitor: on({
    "cb unmap"(event, state, verdict) {
      const row = state.attachments.get(event.attachment);
      const caller = innermost(state, event.task);
      if (row === undefined || caller?.kind !== "call" || isImportersFault(state, caller)) return;
      verdict.exercised();
      const handed = row.hookMaps.filter(({ table }) => table === event.table);
      if (handed.length === 0)
        verdict.violated(
          `the unmap hook gets ${event.table ?? "a table"}, which is not mapped for ${event.attachment}`,
        );
      else if (!handed.some(({ direction }) => direction === event.direction))
        verdict.violated(
          `the unmap hook gets ${event.table ?? "?"} with ${event.direction}; it was mapped with ${handed[0]!.direction}`,
          verdict.since("attachments", event.attachment, "hookMaps"),
        );
    },
    "ret detach"(event, state, verdict) {
      const row = event.attachment === null ? undefined : state.attachments.get(event.attachment);
      if (row?.phase === "detaching" && row.maps.length === 0) returnsAll(event, row, verdict);
    },
    "ret attach"(event, state, verdict) {
      const row = state.attachments.get(event.attachment);
      if (row !== undefined && event.errno !== 0) returnsAll(event, row, verdict);
    },
  }),
  situation: { weights: { mapUnlocked: 3, detach: 2 }, interrupts: true },
};

export const rules: readonly Rule[] = [map07, map08, map13, map14, map15, map37, map38];
