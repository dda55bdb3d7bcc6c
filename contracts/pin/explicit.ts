import { errnoName } from "../../spec/errno.ts";
import type { CallEvent, CbEvent, RetEvent } from "../../spec/event.ts";
import { frameOf, holds, type State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { accessPhase } from "../shared/access-phase.ts";
import { bufferOf } from "../shared/lookup.ts";
import { nothingElseHappens } from "../shared/quiet.ts";
import { commit, derived, doc, kernel, run, thread } from "../source.ts";

const core = "drivers/dma-buf/dma-buf.c";
const umem = "drivers/infiniband/core/umem_dmabuf.c";
const iommufd = "drivers/iommu/iommufd/pages.c";
const both = ["6.12.117", "7.2.13"];

/** Bytes that no machine has: who lets users pin more than this has no limit at all. */
const pinQuota = 2 ** 39;

function needsLock(event: CallEvent<"pin" | "unpin">, state: State, verdict: Verdict): void {
  const buffer = bufferOf(state, event.attachment);
  if (buffer === undefined) return;
  verdict.exercised();
  if (!holds(state, event.task, buffer.resv))
    verdict.violated(`${event.by} calls ${event.op} on ${event.attachment} without holding ${buffer.resv}`);
}

function needsOps(event: CallEvent<"pin" | "unpin">, state: State, verdict: Verdict): void {
  const row = state.attachments.get(event.attachment);
  if (row === undefined) return;
  verdict.exercised();
  if (row.ops === "static") verdict.violated(`${event.by} calls ${event.op} on ${event.attachment}, which has no ops`);
}

function needsPin(event: RetEvent<"map" | "mapUnlocked">, state: State, verdict: Verdict): void {
  const row = event.attachment === null ? undefined : state.attachments.get(event.attachment);
  if (row?.ops !== "noCallback" || event.errno !== 0) return;
  verdict.exercised();
  if (row.pins === 0)
    verdict.violated(`${event.by} maps ${event.attachment}, which can be told nothing, and has no pin on it`);
}

function pinnedBytes(state: State, importer: string): number {
  let bytes = 0;
  for (const row of state.attachments.values())
    if (row.importer === importer && row.pins > 0) bytes += state.buffers.get(row.buffer)?.size ?? 0;
  return bytes;
}

/** What a pinned importer was told it has lost. */
interface Loss {
  readonly told: CbEvent<"invalidate">;
  readonly mappings: readonly string[];
}

/** Explicit pins: the last answer on an attachment where it was an error, and the answers inside a user's request. */
class Pins {
  readonly failedLast = new Map<string, RetEvent<"pin">>();
  readonly failedIn = new Map<number, RetEvent<"pin">>();
  readonly madeIn = new Map<number, RetEvent<"pin">>();
}

function passesOn(event: RetEvent<"import" | "submit">, failed: RetEvent<"pin">, verdict: Verdict): void {
  verdict.exercised();
  if (event.errno === 0)
    verdict.violated(
      `the pin of ${failed.attachment} answered ${errnoName(failed.errno)}, and ${event.importer} reports success`,
      failed,
    );
}

export const pin01: Rule = {
  id: "PIN-01",
  level: "MUST",
  obliged: ["importer"],
  statement: "Whoever pins or unpins holds the reservation lock of that buffer.",
  intent: "The exporter's pin count has no other guard, and a lost update leaves it pinned, or movable, for ever.",
  sources: [
    doc(core, "locking convention"),
    commit(
      "iommufd: take the lock around unpin, missing since 8c5f9645c389",
      "20260526111034.4079-1-Ankit.Soni@amd.com",
    ),
    run(both, "pin and unpin without the lock: a warning each, the call still reaches the exporter"),
  ],
  needs: ["pin"],
  hints: [
    "Is the lock taken for the unpin in release and error paths too?",
    "Do you hold the lock of this buffer and not that of your own object?",
  ],
  status: checked,
  monitor: on({ "call pin": needsLock, "call unpin": needsLock }),
};

export const pin02: Rule = {
  id: "PIN-02",
  level: "MUST",
  obliged: ["importer"],
  statement: "Explicit pin and unpin are used only on attachments made with importer ops.",
  intent: "For the others the core pins by itself, and a second party at the same count leaves it wrong.",
  sources: [kernel(core, "dma_buf_pin", "6.12, 7.2"), doc(core, "dma_buf_pin")],
  needs: ["pin"],
  hints: ["Was the attachment made by dma_buf_attach() instead of dma_buf_dynamic_attach()?"],
  status: checked,
  monitor: on({ "call pin": needsOps, "call unpin": needsOps }),
};

export const pin04: Rule = {
  id: "PIN-04",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Each successful pin is undone once, through the attachment it was made on and before detach, and nothing else is ever unpinned.",
  intent: "The core forwards a stray unpin unasked, and it releases memory that another importer relies on.",
  sources: [
    doc(core, "dma_buf_pin"),
    commit("RDMA umem: pin given back twice after a failed map", "40126bcbefa7"),
    run(both, "unpin without pin: forwarded, no warning, the exporter's count goes to -1"),
  ],
  needs: ["pin", "importerPin"],
  hints: [
    "Does a failed map after the pin unpin once, or again at release?",
    "Does the release path return early for a revoked import and forget the pin?",
  ],
  status: checked,
  monitor: on({
    "call unpin"(event, state, verdict) {
      const row = state.attachments.get(event.attachment);
      if (row === undefined) return;
      verdict.exercised();
      if (row.pins <= 0)
        verdict.violated(
          `${event.by} unpins ${event.attachment}, on which no pin is left`,
          verdict.since("attachments", event.attachment, "pins"),
        );
    },
    "call detach"(event, state, verdict) {
      const row = event.attachment === null ? undefined : state.attachments.get(event.attachment);
      if (row === undefined || event.attachment === null || row.pins <= 0 || row.buffer !== event.buffer) return;
      verdict.exercised();
      verdict.violated(
        `${event.by} detaches ${event.attachment} with ${row.pins} ${row.pins === 1 ? "pin" : "pins"} on it`,
        verdict.since("attachments", event.attachment, "pins"),
      );
    },
  }),
};

export const pin08: Rule = {
  id: "PIN-08",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "User space cannot make an importer pin more than a set amount, and explicit pins serve long uses such as scanout instead of single jobs.",
  intent: "Pinned memory cannot be evicted, so one process could take all device memory away from the others.",
  sources: [doc(core, "dma_buf_pin")],
  needs: ["pin", "importerPin"],
  hints: [
    "Is each pin charged to its process before it is made, and refused above a limit?",
    "Is a pin taken at submit and dropped at completion? Use map and fences for that.",
  ],
  status: checked,
  monitor: on({
    "call pin"(event, state, verdict) {
      const row = state.attachments.get(event.attachment);
      if (row === undefined || row.import === null) return;
      verdict.exercised();
      const submit = frameOf(state.tasks.get(event.task), "submit");
      if (submit !== undefined)
        verdict.violated(`${event.by} pins ${event.attachment} for the job ${submit.job}`, submit);
    },
    "ret pin"(event, state, verdict) {
      const row = state.attachments.get(event.attachment);
      if (row === undefined || row.import === null || event.errno !== 0) return;
      const bytes = pinnedBytes(state, row.importer) + (state.buffers.get(row.buffer)?.size ?? 0);
      if (bytes > pinQuota)
        verdict.violated(`${row.importer} let its users pin ${bytes} bytes, more than any machine has`);
    },
  }),
  situation: { weights: { import: 3 }, importers: ["pinned", "pinnedRevocable"] },
};

export const pin13: Rule = {
  id: "PIN-13",
  level: "MUST",
  obliged: ["importer"],
  statement: "An importer with ops but no invalidation callback holds an explicit pin whenever it has a mapping.",
  intent: "From 7.1 the core neither pins for it nor can tell it of a move, so nothing else keeps its addresses true.",
  sources: [
    derived("no automatic pin (PIN-12), no notification (ATT-13)"),
    kernel(core, "dma_buf_pin_on_map", "7.1+"),
    kernel(umem, "ib_umem_dmabuf_get_pinned", "7.1+"),
    run(["7.2.13"], "ops without callback map a dynamic buffer: no pin, not notified of the move"),
  ],
  from: "K7.1",
  needs: ["pin", "importerPin"],
  hints: [
    "Is the pin taken under the same lock hold as the map, and before it?",
    "Is unpin after the last unmap, also on the error path?",
  ],
  status: checked,
  monitor: on({
    "ret map": needsPin,
    "ret mapUnlocked": needsPin,
    "call unpin"(event, state, verdict) {
      const row = state.attachments.get(event.attachment);
      if (row?.ops !== "noCallback" || row.pins !== 1) return;
      verdict.exercised();
      if (row.maps.length > 0)
        verdict.violated(
          `${event.by} drops the last pin of ${event.attachment} while ${row.maps.join(", ")} is mapped`,
          verdict.since("attachments", event.attachment, "maps"),
        );
    },
  }),
  situation: { importers: ["pinned", "scripted"], exporters: ["dynamic", "scriptedDynamic"] },
};

export const pin14: Rule = {
  id: "PIN-14",
  level: "SHOULD",
  obliged: ["importer"],
  statement: "On each attachment an explicit pin comes before the first map and goes after the last unmap.",
  intent:
    "In any other order there is a moment in which the mapped storage may move under an importer that counts on it.",
  sources: [
    kernel(umem, "ib_umem_dmabuf_get_pinned", "6.12, 7.2"),
    kernel(iommufd, "iopt_map_dmabuf, iopt_release_pages", "7.2"),
  ],
  needs: ["pin", "importerPin"],
  temporal: ["T-12"],
  hints: ["Does teardown unmap first?", "Are pin and map in one hold of the lock?"],
  status: checked,
  monitor: on({
    "call pin"(event, state, verdict) {
      const row = state.attachments.get(event.attachment);
      if (row === undefined || row.pins > 0) return;
      verdict.exercised();
      if (row.maps.length > 0)
        verdict.violated(
          `${event.by} pins ${event.attachment} after it mapped ${row.maps.join(", ")}`,
          verdict.since("attachments", event.attachment, "maps"),
        );
    },
    "call unpin"(event, state, verdict) {
      const row = state.attachments.get(event.attachment);
      if (row?.pins !== 1) return;
      verdict.exercised();
      if (row.maps.length > 0)
        verdict.violated(
          `${event.by} drops the last pin of ${event.attachment} before it unmaps ${row.maps.join(", ")}`,
          verdict.since("attachments", event.attachment, "maps"),
        );
    },
  }),
};

export const pin18: Rule = {
  id: "PIN-18",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A pinned importer takes its callback as the loss of the mapping: it unmaps in bounded time, does no access after the fences and that unmap, and still drops each pin once; whether it ever maps again is its own choice.",
  intent:
    "Pinned storage does not move, so the call means revoke, and the exporter is waiting to give the memory away.",
  sources: [
    doc(core, "dma_buf_invalidate_mappings", "7.2"),
    kernel(umem, "ib_umem_dmabuf_revoke_locked", "6.12 stable, 7.2"),
    kernel(iommufd, "iopt_revoke_notify", "7.2"),
    thread("revoke v2, 19 Jan 2026", "what a pinned importer is told by the callback"),
  ],
  from: "K7.1",
  needs: ["pin", "importerCallback", "importerPin"],
  hints: [
    "Does the callback only print a warning because the buffer is pinned?",
    "Does the teardown of a revoked import still unpin?",
    "What if the callback comes between attach and pin?",
  ],
  status: checked,
  monitor: remember(() => new Map<string, Loss>(), {
    "cb invalidate"(event, state, _verdict, losses) {
      const row = state.attachments.get(event.attachment);
      if (row === undefined || row.pins === 0 || row.maps.length === 0 || losses.has(event.attachment)) return;
      losses.set(event.attachment, { told: event, mappings: row.maps });
    },
    access(event, state, verdict, losses) {
      const loss = losses.get(event.attachment);
      if (loss === undefined || event.mapping === null || !loss.mappings.includes(event.mapping)) return;
      verdict.exercised();
      const phase = accessPhase(state, event);
      if (phase === "unmapped" || (phase === "retired" && event.access !== "speculativeRead"))
        verdict.violated(
          `the device of ${event.importer} uses ${event.mapping}, which it had lost for good`,
          loss.told,
        );
    },
    "call detach"(event, state, verdict, losses) {
      const loss = event.attachment === null ? undefined : losses.get(event.attachment);
      if (loss === undefined || event.attachment === null) return;
      verdict.exercised();
      if ((state.attachments.get(event.attachment)?.pins ?? 0) > 0)
        verdict.violated(`${event.by} lost the mapping of ${event.attachment} and keeps its pin for ever`, loss.told);
    },
    "call release"(event, state, verdict, losses) {
      const attachment = state.imports.get(event.import)?.attachment ?? null;
      const loss = attachment === null ? undefined : losses.get(attachment);
      if (loss === undefined || !nothingElseHappens(state)) return;
      verdict.exercised();
      const kept = loss.mappings.filter((name) => state.mappings.get(name)?.live === true);
      if (kept.length > 0)
        verdict.violated(
          `told of the loss of ${kept.join(", ")}, ${loss.told.to} never unmapped of its own accord`,
          loss.told,
        );
    },
  }),
  situation: {
    weights: { import: 2, revoke: 3, release: 0.3 },
    importers: ["pinnedRevocable"],
    exporters: ["subject"],
  },
};

export const pin21: Rule = {
  id: "PIN-21",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer whose pin failed passes the error on, expects the storage to move and never unpins; if a later step fails it drops the pin it got.",
  intent: "An ignored error puts on screen, or under a long-lived translation, memory that moves at the next shortage.",
  sources: [
    derived("PIN-04"),
    kernel(iommufd, "iopt_map_dmabuf", "7.2"),
    kernel("drivers/gpu/drm/virtio/virtgpu_prime.c", "virtio_gpu_prepare_imported_obj", "7.2"),
    kernel(umem, "ib_umem_dmabuf_get_pinned_and_lock", "7.2"),
    run(["7.2.13"], "iommufd: pin error passed on without unpin; one unpin after a later failure"),
  ],
  needs: ["pin", "importerPin"],
  hints: [
    "Is the result of dma_buf_pin() looked at?",
    'Does the unwind tell "pin failed" from "failed after the pin"?',
  ],
  status: checked,
  monitor: remember(() => new Pins(), {
    "ret pin"(event, state, _verdict, pins) {
      const task = state.tasks.get(event.task);
      const asked = frameOf(task, "import") ?? frameOf(task, "submit");
      if (event.errno === 0) pins.failedLast.delete(event.attachment);
      else pins.failedLast.set(event.attachment, event);
      if (asked !== undefined) (event.errno === 0 ? pins.madeIn : pins.failedIn).set(asked.seq, event);
    },
    "call unpin"(event, state, verdict, pins) {
      const failed = pins.failedLast.get(event.attachment);
      if (failed === undefined) return;
      verdict.exercised();
      if ((state.attachments.get(event.attachment)?.pins ?? 0) <= 0)
        verdict.violated(`${event.by} unpins ${event.attachment}, whose pin had failed`, failed);
    },
    "ret import"(event, state, verdict, pins) {
      const failed = pins.failedIn.get(event.call);
      if (failed !== undefined) passesOn(event, failed, verdict);
      const made = pins.madeIn.get(event.call);
      if (made === undefined || event.errno === 0) return;
      verdict.exercised();
      if ((state.attachments.get(made.attachment)?.pins ?? 0) > 0)
        verdict.violated(`${event.import} failed and left ${made.attachment} pinned`, made);
    },
    "ret submit"(event, _state, verdict, pins) {
      const failed = pins.failedIn.get(event.call);
      if (failed !== undefined) passesOn(event, failed, verdict);
    },
  }),
  situation: {
    weights: { import: 3, lock: 2, pin: 2 },
    failures: [
      { site: "hook:pin", errno: 16 },
      { site: "hook:map", errno: 12 },
    ],
    importers: ["pinned", "pinnedRevocable", "scripted"],
  },
};

export const rules: readonly Rule[] = [pin01, pin02, pin04, pin08, pin13, pin14, pin18, pin21];
