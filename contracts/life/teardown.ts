import { ENODEV, ENOMEM, EOPNOTSUPP, errnoName } from "../../spec/errno.ts";
import type { RetEvent } from "../../spec/event.ts";
import { accessFrame } from "../../spec/state/observe/rows.ts";
import { frameOf, type State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { innermost } from "../shared/lookup.ts";
import { kernel } from "../source.ts";
import { certainReferences } from "./holders.ts";
import { Homes } from "./kept-storage.ts";

const core = "drivers/dma-buf/dma-buf.c";
const vfio = "drivers/vfio/pci/vfio_pci_dmabuf.c";

/** Device registrations of an exporter. */
function registrationsOf(state: State, exporter: string): { readonly taken: number; readonly live: number } {
  const own = [...state.resources.values()].filter((row) => row.what === "registration" && row.by === exporter);
  return { taken: own.length, live: own.filter((row) => row.live).length };
}

/** Buffers that keep their exporter's device: neither released nor cut loose from a device that goes or went. */
function linkedBuffers(state: State, exporter: string): readonly string[] {
  if (state.exporters.get(exporter)?.closed === true) return [];
  for (const task of state.tasks.values()) if (frameOf(task, "closeDevice")?.exporter === exporter) return [];
  return [...state.buffers].filter(([, row]) => row.exporter === exporter && !row.released).map(([name]) => name);
}

/** Whether an export is under way, whose buffer has no name yet. */
function isExporting(state: State): boolean {
  for (const task of state.tasks.values()) if (frameOf(task, "export") !== undefined) return true;
  return false;
}

export const life16: Rule = {
  id: "LIFE-16",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "The exporter keeps the backing storage until release and gives it back then, or first completes a revoke after which maps fail with ENODEV and nothing crashes.",
  intent:
    "Importers cannot notice that memory behind a valid mapping is gone; they keep writing to it. Memory that nobody gives back is lost until reboot.",
  sources: [
    kernel("drivers/gpu/drm/drm_prime.c", "drm_gem_dmabuf_export, drm_gem_dmabuf_release", "6.12, 7.2"),
    kernel(vfio, "vfio_pci_dma_buf_cleanup", "6.19+"),
  ],
  hints: [
    "Does the buffer hold a reference on the exported object from export to release?",
    "If storage can go earlier, has the revoke returned before it is freed?",
    "Is the storage that a move left behind freed when the copy is done?",
  ],
  evidence: ["alloc"],
  monitor: remember(() => ({ homeless: new Set<string>(), homes: new Homes() }), {
    free: ({ id, what, by }, state, verdict, { homeless, homes }) => {
      if (what !== "storage") return;
      homes.free(id, state);
      for (const [name, buffer] of state.buffers) {
        if (buffer.storage !== id || buffer.released) continue;
        verdict.exercised();
        homeless.add(name);
        if (buffer.access !== "accessible") continue;
        const since = verdict.since("buffers", name, "storage");
        verdict.violated(`${by} frees ${id} under ${name}, which is neither released nor revoked`, since);
      }
    },
    epoch: ({ buffer, storage }, _state, _verdict, { homeless, homes }) => {
      if (storage === null) return;
      homeless.delete(buffer);
      homes.move(buffer, storage);
    },
    "cb release": ({ buffer }, state, verdict) => {
      if (state.buffers.get(buffer)?.access === "accessible") verdict.exercised();
    },
    "cbret map": ({ attachment, errno, injected }, state, verdict, { homeless }) => {
      const name = state.attachments.get(attachment)?.buffer ?? "";
      if (injected || !homeless.has(name)) return;
      verdict.exercised();
      if (errno !== 0) return;
      verdict.violated(`${attachment} got a mapping of ${name}, whose storage was freed before`);
    },
    end: (event, state, verdict, { homes }) => homes.judge(event, state, verdict),
  }),
  status: checked,
};

export const life17: Rule = {
  id: "LIFE-17",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "When the device goes before the buffer, the exporter revokes, unlinks buffer and device, answers later attaches and maps with ENODEV, and runs release without touching the device.",
  intent: "Buffers live as long as some process keeps an fd, often long after an unplug or unbind.",
  sources: [kernel(vfio, "vfio_pci_dma_buf_cleanup", "6.19+"), kernel(vfio, "vfio_pci_dma_buf_release", "6.19+")],
  from: "K6.19",
  needs: ["revoke"],
  hints: [
    "Is the device pointer of the buffer cleared during cleanup, and does release check it?",
    "Do attach and map test the revoked flag before they use the device?",
  ],
  monitor: remember(() => ({ closed: new Map<string, RetEvent<"closeDevice">>(), late: new Set<number>() }), {
    "ret closeDevice": (event, _state, _verdict, { closed }) => {
      if (event.errno === 0) closed.set(event.exporter, event);
    },
    cb: (event, _state, _verdict, { closed, late }) => {
      if (closed.has(event.to)) late.add(event.seq);
    },
    "cbret attach": (event, _state, verdict, { closed, late }) => {
      if (event.injected || !late.has(event.cb)) return;
      verdict.exercised();
      // A missing peer-to-peer flag or callback may be found first.
      if (event.errno === ENODEV || event.errno === EOPNOTSUPP) return;
      const answer = errnoName(event.errno);
      verdict.violated(
        `the device of ${event.to} is gone, and an attach to it answered ${answer}`,
        closed.get(event.to),
      );
    },
    "cbret map": (event, _state, verdict, { closed, late }) => {
      // A map in no direction is refused for that, whatever there is to map.
      if (event.injected || !late.has(event.cb) || event.direction === "none") return;
      verdict.exercised();
      if (event.errno === ENODEV) return;
      const answer = errnoName(event.errno);
      verdict.violated(`the device of ${event.to} is gone, and a map of it answered ${answer}`, closed.get(event.to));
    },
    device: (event, state, verdict, { closed }) => {
      const frame = innermost(state, event.task);
      if (frame?.kind !== "cb" || frame.hook !== "release") return;
      verdict.exercised();
      const gone = closed.get(frame.to);
      if (gone !== undefined) verdict.violated(`the release of ${frame.buffer} switches the device that is gone`, gone);
    },
  }),
  situation: {
    weights: { closeDevice: 40, attach: 3, mapUnlocked: 3 },
    exporters: ["subject"],
    importers: ["scripted"],
  },
  status: checked,
};

export const life18: Rule = {
  id: "LIFE-18",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A teardown that walks its exported buffers takes a reference only where one is still left, and passes over a buffer whose last one is gone.",
  intent: "A plain increment on a dying buffer brings it back for a moment, and its second end frees it twice.",
  sources: [
    kernel(vfio, "vfio_pci_dma_buf_move (get_file_active)", "6.19+"),
    kernel(vfio, "vfio_pci_dma_buf_cleanup (get_file_active)", "6.19+"),
  ],
  from: "K6.19",
  needs: ["revoke"],
  hints: [
    "Is the reference taken with a form that fails at zero?",
    "Is a skipped buffer also left alone, without a callback or unlink?",
  ],
  monitor: on({
    call: (event, state, verdict) => {
      if (event.op === "reset" || event.op === "setMemory" || event.op === "closeDevice") {
        for (const buffer of state.buffers.values())
          if (buffer.exporter === event.exporter && buffer.refs <= 0 && !buffer.released) verdict.exercised();
        return;
      }
      if (event.op !== "getRef" && event.op !== "invalidate") return;
      const buffer = state.buffers.get(event.buffer);
      if (buffer === undefined || buffer.exporter !== event.by || buffer.refs > 0) return;
      const walk = accessFrame(state.tasks.get(event.task), buffer, event.buffer);
      if (walk === undefined) return;
      verdict.exercised();
      const since = verdict.since("buffers", event.buffer, "refs");
      const what = event.op === "getRef" ? "takes a reference to" : "invalidates";
      verdict.violated(`${walk.op} ${what} ${event.buffer}, whose last reference is gone`, since);
    },
  }),
  situation: {
    tasks: 2,
    weights: { reset: 10, setMemory: 10, closeDevice: 10, put: 15, export: 2 },
    exporters: ["subject"],
  },
  status: checked,
};

export const life19: Rule = {
  id: "LIFE-19",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "For each buffer either release or device teardown, never both and never neither, takes it off the exporter's list and drops its device reference.",
  intent: "Done twice it corrupts the list and frees the device early; not done, the device can never be removed.",
  sources: [kernel(vfio, "vfio_pci_dma_buf_release", "6.19+"), kernel(vfio, "vfio_pci_dma_buf_cleanup", "6.19+")],
  needs: ["revoke"],
  hints: [
    'Is "already unlinked" tested and set under one lock in both paths?',
    "Is the device reference dropped in the same branch that unlinks?",
  ],
  monitor: on({
    free: ({ what, id, by }, state, verdict) => {
      if (what !== "registration") return;
      verdict.exercised();
      if (state.resources.get(id)?.live === true) return;
      verdict.violated(`${by} drops its device reference ${id} twice`, verdict.since("resources", id, "live"));
    },
    end: (event, state, verdict) => {
      if (event.waiting.length > 0) return;
      for (const [id, { what, by, live }] of state.resources) {
        if (what !== "registration") continue;
        verdict.exercised();
        if (!live || [...state.buffers.values()].some((buffer) => buffer.exporter === by && !buffer.released)) continue;
        verdict.violated(`${by} never drops its device reference ${id}`, verdict.since("resources", id, "live"));
      }
    },
  }),
  situation: { tasks: 2, weights: { closeDevice: 10, put: 5 }, exporters: ["subject"] },
  status: checked,
};

export const life21: Rule = {
  id: "LIFE-21",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An exporter of device memory takes a device registration before each export, fails the export with ENODEV if there is none, and keeps it until release or cleanup.",
  intent: "Without it the device can be freed with no one there to revoke the buffers that point into it.",
  sources: [kernel(vfio, "vfio_pci_core_feature_dma_buf (vfio_device_try_get_registration)", "6.19+")],
  needs: ["revoke"],
  hints: [
    "Is the registration given back on every failed export after it was taken?",
    "Is there one registration for each buffer, not one for each device?",
  ],
  monitor: on({
    "call export": ({ buffer, by, missing, pin, unpin }, state, verdict) => {
      const registrations = registrationsOf(state, by);
      // What is refused anyway makes no buffer.
      if (registrations.taken === 0 || missing.length > 0 || pin !== unpin) return;
      verdict.exercised();
      const buffers = linkedBuffers(state, by).length;
      if (registrations.live > buffers) return;
      verdict.violated(
        `${by} exports ${buffer} and has ${registrations.live} registrations for ${buffers} older buffers`,
      );
    },
    free: ({ what, id, by }, state, verdict) => {
      if (what !== "registration") return;
      verdict.exercised();
      const buffers = linkedBuffers(state, by);
      const left = registrationsOf(state, by).live - (state.resources.get(id)?.live === true ? 1 : 0);
      if (left >= buffers.length) return;
      const since = buffers.map((name) => verdict.since("buffers", name, "exporter"));
      verdict.violated(
        `${by} drops ${id} and keeps ${left} registrations for ${buffers.length} live buffers`,
        ...since,
      );
    },
  }),
  situation: { weights: { export: 3 }, exporters: ["subject"] },
  status: checked,
};

export const life37: Rule = {
  id: "LIFE-37",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A walk over live buffers passes over those without references and returns each other one with a reference, which the walker drops exactly once.",
  intent:
    "Monitoring tools walk while buffers die; an unguarded entry is freed memory or a buffer raised from the dead.",
  sources: [kernel(core, "dma_buf_iter_begin, dma_buf_iter_next", "6.16+")],
  from: "K6.16",
  hints: [
    "Is the reference taken, with failure at zero, while the list lock is still held?",
    "Is the previous entry put when the walk stops early?",
  ],
  monitor: remember(() => new Map<number, readonly string[]>(), {
    "call listBuffers": (event, state, _verdict, before) => {
      before.set(
        event.seq,
        [...state.buffers.keys()].filter((name) => certainReferences(state, name) > 0),
      );
    },
    "ret listBuffers": ({ call, by, buffers }, state, verdict, before) => {
      verdict.exercised();
      for (const name of buffers) {
        const row = state.buffers.get(name);
        if (row === undefined && isExporting(state)) continue;
        const since = row === undefined ? undefined : verdict.since("buffers", name, "refs");
        const what = row === undefined ? "which was never exported" : "whose last reference is gone";
        if (row === undefined || row.refs <= 0) verdict.violated(`${by} is given ${name}, ${what}`, since);
      }
      for (const name of before.get(call) ?? [])
        if (!buffers.includes(name) && certainReferences(state, name) > 0)
          verdict.violated(`${by} is not given ${name}, which lives`, verdict.since("buffers", name, "exporter"));
    },
  }),
  situation: {
    tasks: 2,
    weights: { listBuffers: 20, put: 5, export: 3 },
    failures: [
      { site: "dma-buf", errno: ENOMEM },
      { site: "dma-buf-file", errno: ENOMEM },
    ],
  },
  status: checked,
};

export const rules: readonly Rule[] = [life16, life17, life18, life19, life21, life37];
