import type { State } from "../../spec/state/state.ts";
import { looking } from "../cpu/situations.ts";
import { on, type Verdict } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked, untested } from "../rule-text.ts";
import { accessPhase } from "../shared/access-phase.ts";
import { polling } from "../sync/situations.ts";
import { kernel, proposal, run, thread } from "../source.ts";

const core = "drivers/dma-buf/dma-buf.c";
const both = ["6.12.117", "7.2.13"];

/** A view of the CPU is there, or was, when its buffer goes. */
function judgeViews(kind: "vmap" | "mmap", buffer: string, state: State, verdict: Verdict): void {
  for (const [name, view] of state.views) {
    if (view.buffer !== buffer || view.kind !== kind) continue;
    verdict.exercised();
    if (view.live)
      verdict.violated(
        `${buffer} is released while ${view.by} has ${name} of it`,
        verdict.since("views", name, "live"),
        verdict.since("buffers", buffer, "refs"),
      );
  }
}

/** The callbacks of polls of a buffer that have not run to their end. */
function armedPolls(state: State, buffer: string): readonly string[] {
  return [...state.callbacks].flatMap(([name, row]) =>
    row.poll === buffer && (row.state === "pending" || row.state === "running") ? [name] : [],
  );
}

/** What would hold a buffer beside a poll. */
const quiet = {
  import: 0.3,
  attach: 0.3,
  exportFd: 0.1,
  getRef: 0.1,
  get: 0.1,
  mmap: 0.1,
  vmapUnlocked: 0.1,
  move: 0.1,
};

/** Whether nobody but armed polls and user mappings holds the buffer, and whoever is just giving back so many references. */
function isKeptAlive(state: State, name: string, givenBack = 0): boolean {
  const buffer = state.buffers.get(name);
  return buffer !== undefined && !buffer.released && buffer.keepers > 0 && buffer.refs - givenBack === buffer.keepers;
}

export const life13: Rule = {
  id: "LIFE-13",
  level: "MUST",
  obliged: ["importer"],
  statement: "Every vmap of a buffer is undone before its last reference goes.",
  intent: "The kernel stops at release when a mapping is left, since its address would now show foreign memory.",
  sources: [kernel(core, "dma_buf_release", "6.12, 7.2")],
  needs: ["vmap"],
  hints: ["Does teardown vunmap before it puts?", "Is a cached kernel address dropped on the error path too?"],
  status: checked,
  situation: { ...looking, weights: { ...looking.weights, vunmapUnlocked: 6, release: 6, put: 6 } },
  monitor: on({
    "cb release": ({ buffer }, state, verdict) => judgeViews("vmap", buffer, state, verdict),
  }),
};

export const life14: Rule = {
  id: "LIFE-14",
  level: "MUST",
  obliged: ["framework"],
  statement: "A poll that waits for a fence keeps the buffer until the callback of that fence has run.",
  intent: "The callback wakes a queue inside the buffer; without the reference it writes to freed memory.",
  sources: [
    kernel(core, "dma_buf_poll", "6.12, 7.2"),
    kernel(core, "dma_buf_poll_cb", "6.12, 7.2"),
    run(both, "poll armed, fd closed, last put: release only after the signal"),
  ],
  hints: [
    "Is the reference taken before the callback is added, and dropped if adding fails?",
    "Does the callback drop it as its last step?",
  ],
  status: checked,
  situation: {
    ...polling,
    tasks: 1,
    weights: {
      ...polling.weights,
      ...quiet,
      export: 6,
      fenceInit: 6,
      lock: 5,
      addFence: 8,
      signal: 4,
      poll: 25,
      put: 16,
    },
  },
  monitor: on({
    "ret put": ({ buffer }, state, verdict) => {
      if (isKeptAlive(state, buffer) && armedPolls(state, buffer).length > 0) verdict.exercised();
    },
    "ret close": ({ fd, errno }, state, verdict) => {
      const { buffer = "", open = false } = state.fds.get(fd) ?? {};
      // Its reference counts until the close has returned.
      if (errno !== 0 || !open || !isKeptAlive(state, buffer, 1)) return;
      if (armedPolls(state, buffer).length > 0) verdict.exercised();
    },
    "ret munmap": ({ view }, state, verdict) => {
      const { buffer = "", live = false } = state.views.get(view) ?? {};
      if (live && isKeptAlive(state, buffer) && armedPolls(state, buffer).length > 0) verdict.exercised();
    },
    "cb release": ({ buffer }, state, verdict) => {
      const [armed] = armedPolls(state, buffer);
      if (armed === undefined) return;
      verdict.exercised();
      verdict.violated(
        `${buffer} is released while the poll's ${armed} waits for ${state.callbacks.get(armed)?.fence ?? "a fence"}`,
        verdict.since("callbacks", armed, "state"),
      );
    },
  }),
};

export const life26: Rule = {
  id: "LIFE-26",
  level: "MUST",
  obliged: ["exporter", "importer"],
  statement:
    "Every location used by a device or CPU comes from a live mapping, vmap or mmap and is governed by reservation lock, fences and invalidation, whatever form it is described in.",
  intent: "A bare address outlives the memory behind it, and the next owner of that memory is read or overwritten.",
  sources: [thread("000", "no location leaves a dma-buf without a lifetime")],
  hints: [
    "Does any query return an address without a mapping that can be invalidated?",
    "Is an address copied into importer state that the callback does not clear?",
  ],
  monitor: on({
    access: (event, state, verdict) => {
      verdict.exercised();
      const { importer, attachment, mapping } = event;
      const phase = accessPhase(state, event);
      if (phase === undefined)
        verdict.violated(`${importer} uses an address through ${attachment} that no mapping gave it`);
      if (phase !== "unmapped" || mapping === null) return;
      const since = verdict.since("mappings", mapping, "live");
      verdict.violated(`${importer} uses an address of ${mapping}, which has been unmapped`, since);
    },
  }),
  status: checked,
};

export const life27: Rule = {
  id: "LIFE-27",
  level: "MUST",
  obliged: ["exporter", "importer", "framework"],
  statement:
    "A mapping described by page numbers or physical ranges obeys the same map, move and revoke rules as one of DMA addresses.",
  intent: "Otherwise the choice of the description becomes a way around every invalidation.",
  sources: [
    thread("000", "lifetime does not depend on how the memory is described"),
    proposal("mapping-type negotiation, physical address list (2026)"),
  ],
  needs: ["pfn"],
  hints: [
    "Do physical mappings count in the exporter's wait for unmaps?",
    "Does the callback drop page numbers as it drops DMA addresses?",
  ],
  status: untested("physical mappings exist in proposals only, whose runs judge them by the MAP, MOVE and REV rules"),
};

export const life32: Rule = {
  id: "LIFE-32",
  level: "MUST",
  obliged: ["framework", "exporter"],
  statement:
    "A live user mapping belongs to the dma-buf's file, or to one that itself holds the backing object, so release waits for the unmap.",
  intent: "A process may close the fd and go on using the mapping, and must not see pages that were given away.",
  sources: [
    kernel(core, "dma_buf_mmap", "6.12, 7.2"),
    run(both, "one reference more while mapped; the mapping belongs to the dma-buf's file"),
  ],
  needs: ["mmap"],
  hints: [
    "If the mmap hook sets another file, does that file hold the object?",
    "Is the file set before the hook runs?",
  ],
  status: checked,
  situation: { ...looking, weights: { ...looking.weights, mmap: 6, munmap: 4, put: 8, close: 6 } },
  monitor: on({
    cpu: ({ view, buffer }, state, verdict) => {
      if (state.views.get(view)?.kind === "mmap" && isKeptAlive(state, buffer)) verdict.exercised();
    },
    "cb release": ({ buffer }, state, verdict) => judgeViews("mmap", buffer, state, verdict),
  }),
};

export const rules: readonly Rule[] = [life13, life14, life26, life27, life32];
