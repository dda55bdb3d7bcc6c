import { EBUSY } from "../../spec/errno.ts";
import { trailOf } from "../../spec/state/state.ts";
import { on } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { trailWords } from "../shared/trail-words.ts";
import {
  isStaticOnDynamic,
  leavesStaticPin,
  pinsForDynamic,
  pinsForStatic,
  unpinsForDynamic,
  unpinsForStatic,
  unpinsOnError,
} from "./pin-on-map.ts";
import { commit, kernel, run } from "../source.ts";

const core = "drivers/dma-buf/dma-buf.c";
const both = ["6.12.117", "7.2.13"];

export const pin09: Rule = {
  id: "PIN-09",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "For a static attachment of a dynamic exporter the framework pins before each map and unpins after each unmap, so that its pins equal its live mappings; a pin error is the map's error.",
  intent: "A static importer cannot be told of a move, and memory it does not map has no reason to stay.",
  sources: [
    kernel(core, "dma_buf_pin_on_map, dma_buf_map_attachment, dma_buf_unmap_attachment", "6.16+"),
    commit("pin and map leave attach for map", "de68b17d5d07"),
    run(["7.2.13"], "map, map, unmap, unmap: pin and map twice, then unmap and unpin twice, under the lock"),
  ],
  from: "K6.16",
  needs: ["dynamicExporter"],
  hints: ["Does every map pin, not only the first?", "Does unmap come before unpin?"],
  status: checked,
  monitor: on({
    "ret map": pinsForStatic,
    "ret mapUnlocked": pinsForStatic,
    "ret unmap": unpinsForStatic,
    "ret unmapUnlocked": unpinsForStatic,
  }),
  situation: {
    weights: { attach: 2, mapUnlocked: 4 },
    importers: ["scripted", "static"],
    exporters: ["dynamic", "scriptedDynamic"],
  },
};

export const pin10: Rule = {
  id: "PIN-10",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "In 6.12 that pin is made inside attach, before the map there, and undone inside detach, where one lock hold covers unmap, unpin and list removal in this order; a pin error is the attach's error.",
  intent: "The table cached from attach to detach is only true while the storage stays where it was.",
  sources: [
    kernel(core, "dma_buf_dynamic_attach, dma_buf_detach", "6.12"),
    run(["6.12.117"], "pin and map in attach, silent maps, unmap and unpin while still listed, then the detach hook"),
  ],
  until: "K6.12",
  needs: ["dynamicExporter"],
  hints: [
    "Is the lock held from the cached unmap up to the list removal?",
    "Do later maps of the attachment leave the pin count alone?",
  ],
  status: checked,
  evidence: ["list", "lock", "unlock"],
  monitor: on({
    "ret attach": pinsForStatic,
    "ret detach"(event, state, verdict) {
      if (
        !isStaticOnDynamic(state, event.attachment) ||
        state.attachments.get(event.attachment ?? "")?.phase !== "detaching"
      )
        return;
      verdict.exercised();
      const did = trailWords(trailOf(state, event.task, event.call));
      if (!did.startsWith("lock unmap unpin unlist unlock"))
        verdict.violated(
          `detach of ${event.attachment} does "${did}"; due is unmap, unpin and list removal in one hold of the lock`,
        );
    },
    "ret map": leavesStaticPin,
    "ret mapUnlocked": leavesStaticPin,
    "ret unmap": leavesStaticPin,
    "ret unmapUnlocked": leavesStaticPin,
  }),
  situation: {
    weights: { attach: 3, detach: 2 },
    importers: ["scripted", "static"],
    exporters: ["subject", "scriptedDynamic"],
  },
};

export const pin11: Rule = {
  id: "PIN-11",
  level: "MUST",
  obliged: ["framework"],
  statement: "Where the core pinned for a map that then fails, it unpins before it passes the error on.",
  intent: "The caller got no mapping and has nothing to unmap, so the pin would stay until reboot.",
  sources: [
    kernel(core, "dma_buf_map_attachment", "6.12, 7.2"),
    run(["6.12.117"], "move-notify off, dynamic attachment: map error, then unpin"),
  ],
  needs: ["dynamicExporter"],
  hints: [
    "Does a null table take the same way out as an error?",
    "Is nothing unpinned where the pin itself failed or was not needed?",
  ],
  status: checked,
  monitor: on({ "ret map": unpinsOnError, "ret mapUnlocked": unpinsOnError, "ret attach": unpinsOnError }),
  situation: {
    weights: { attach: 2, mapUnlocked: 4 },
    failures: [
      { site: "hook:map", errno: 12 },
      { site: "hook:pin", errno: 16 },
    ],
    importers: ["scripted", "static"],
    exporters: ["dynamic", "scriptedDynamic"],
  },
};

export const pin12: Rule = {
  id: "PIN-12",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Up to 7.0 with the move-notify switch off (its default) a dynamic attachment of a dynamic exporter has one pin for each live mapping, none at attach; with the switch on, and always from 7.1, it is never pinned automatically.",
  intent:
    "With the switch off importers cannot be trusted to follow a move; with it on, a pin would block the very moves it is for.",
  sources: [
    kernel(core, "dma_buf_map_attachment, dma_buf_unmap_attachment", "6.12"),
    kernel(core, "dma_buf_pin_on_map", "6.16 to 7.0, 7.2"),
    run(both, "switch on: no pin; off: pin before map, unpin after unmap; 7.2: none"),
  ],
  needs: ["dynamicExporter", "importerCallback"],
  hints: [
    "Which way was the switch set in the profile?",
    "Is the invalidate still delivered while the switch is off? It should be.",
  ],
  status: checked,
  monitor: on({
    "ret attach": pinsForDynamic,
    "ret map": pinsForDynamic,
    "ret mapUnlocked": pinsForDynamic,
    "ret unmap": unpinsForDynamic,
    "ret unmapUnlocked": unpinsForDynamic,
  }),
  situation: {
    weights: { attach: 2, mapUnlocked: 3 },
    importers: ["scripted", "dynamic"],
    exporters: ["dynamic", "scriptedDynamic"],
  },
};

export const pin15: Rule = {
  id: "PIN-15",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An automatic pin never answers EBUSY because of the exporter's own placement, once it has accepted attachments that forbid that placement.",
  intent:
    "A static importer treats it as fatal, although the exporter could have moved the buffer or refused at attach.",
  sources: [
    kernel(core, "dma_buf_map_attachment", "7.2"),
    run(["7.2.13"], "pin fails with 16, then 22: both passed on by map, only the first with a warning, once per boot"),
  ],
  from: "K6.16",
  needs: ["dynamicExporter"],
  hints: [
    "Does pin migrate to system memory when a listed attachment cannot reach the present place?",
    "Should the attach hook have refused this importer (ATT-05)?",
  ],
  status: checked,
  monitor: on({
    "cbret pin"(event, state, verdict) {
      const caller = state.tasks.get(event.task)?.frames.at(-2);
      if (event.injected || caller?.kind !== "call" || (caller.op !== "map" && caller.op !== "mapUnlocked")) return;
      verdict.exercised();
      if (event.errno === EBUSY)
        verdict.violated(
          `${event.to} is too busy to pin for the map of ${event.attachment}, an attachment that it accepted`,
          caller,
          verdict.since("attachments", event.attachment, "hooked"),
        );
    },
  }),
  situation: { weights: { attach: 3, mapUnlocked: 4 }, importers: ["scripted", "static"], exporters: ["dynamic"] },
};

export const rules: readonly Rule[] = [pin09, pin10, pin11, pin12, pin15];
