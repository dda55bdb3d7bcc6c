import type { CallEvent } from "../../spec/event.ts";
import { frameOf, type State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked, untested } from "../rule-text.ts";
import { innermost } from "../shared/lookup.ts";
import { doc, kernel, run } from "../source.ts";
import { countTaken, Holders, isCreator } from "./holders.ts";

const core = "drivers/dma-buf/dma-buf.c";
const prime = "drivers/gpu/drm/drm_prime.c";
const both = ["6.12.117", "7.2.13"];

/** The buffer whose lock the framework takes in such a call. */
function attachedBuffer(state: State, call: CallEvent): string | null {
  switch (call.op) {
    case "attach":
    case "detach":
      return call.buffer;
    case "mapUnlocked":
    case "unmapUnlocked":
      return call.attachment === null ? null : (state.attachments.get(call.attachment)?.buffer ?? null);
    default:
      return null;
  }
}

/** Whether the importer has been told to give this import back, or to end its use. */
function isGivenBack(state: State, name: string): boolean {
  for (const task of state.tasks.values())
    for (const frame of task.frames)
      if (frame.kind === "call" && (frame.op === "release" || frame.op === "stop") && frame.import === name)
        return true;
  return false;
}

/** An attachment that an import of this importer has to the buffer. */
function attachedFor(state: State, buffer: string, importer: string): string | undefined {
  for (const [name, row] of state.attachments)
    if (row.buffer === buffer && row.importer === importer && row.import !== null && row.phase === "attached")
      return name;
  return undefined;
}

export const life04: Rule = {
  id: "LIFE-04",
  level: "MUST",
  obliged: ["exporter", "framework"],
  statement: "The size given at export, page multiple or not, is the buffer's size until release.",
  intent: "Importers check offsets against the size once; a buffer that shrinks afterwards lets them run past its end.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf, size"),
    run(both, "100 bytes stay 100 in the core; the system heap rounds its request up to 4096"),
  ],
  hints: [
    "Is the size rounded before export rather than after it?",
    "Does a resize of the exported object get refused while a buffer exists?",
  ],
  monitor: on({
    "ret seek": ({ buffer, offset, whence, errno, result }, state, verdict) => {
      const size = state.buffers.get(buffer)?.size;
      if (size === undefined || whence !== 2 || offset !== 0 || errno !== 0) return;
      verdict.exercised();
      if (result === size) return;
      const since = verdict.since("buffers", buffer, "size");
      verdict.violated(`${buffer} was exported with ${size} bytes and now has ${result}`, since);
    },
  }),
  situation: { weights: { seek: 10 } },
  status: checked,
};

export const life05: Rule = {
  id: "LIFE-05",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["importer"],
  statement:
    "A buffer has one reservation object from export to release, the exporter's if it gave one and else its own, and every attachment and import wrapper uses that same object.",
  intent:
    "Two parties that lock different objects, or look for fences in different ones, do not exclude each other at all.",
  sources: [
    kernel(core, "dma_buf_export", "6.12, 7.2"),
    kernel(core, "dma_buf_release", "6.12, 7.2"),
    doc("include/linux/dma-buf.h", "struct dma_buf_export_info, resv"),
    run(both, "a second export with the first one's object shares its lock; default objects are distinct"),
  ],
  hints: [
    "Does the import wrapper point at the buffer's object instead of one embedded in itself?",
    "Does a supplied object outlive every buffer that was exported with it?",
  ],
  monitor: on({
    "ret export": ({ buffer, errno, resv, task }, state, verdict) => {
      if (errno !== 0) return;
      verdict.exercised();
      const given = frameOf(state.tasks.get(task), "export")?.resv ?? null;
      if (given !== null && resv !== given)
        verdict.violated(`${buffer} was exported with ${given} and uses ${resv ?? "none"} instead`);
      for (const [other, row] of state.buffers)
        if (given === null && row.resv === resv)
          verdict.violated(
            `${buffer} was exported without a reservation object and got that of ${other}, ${row.resv}`,
            verdict.since("buffers", other, "resv"),
          );
    },
    lock: ({ task, by, lock, lockClass }, state, verdict) => {
      const frame = innermost(state, task);
      if (by !== "framework" || lockClass !== "reservation" || frame?.kind !== "call") return;
      const name = attachedBuffer(state, frame);
      const resv = name === null ? undefined : state.buffers.get(name)?.resv;
      if (name === null || resv === undefined) return;
      verdict.exercised();
      if (lock === resv) return;
      const since = verdict.since("buffers", name, "resv");
      verdict.violated(`${frame.op} on ${name} locks ${lock}, but its reservation object is ${resv}`, since, frame);
    },
  }),
  status: checked,
};

export const life22: Rule = {
  id: "LIFE-22",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An import wrapper keeps its buffer, the buffer keeps the exported object, and only the wrapper's death runs detach and then put.",
  intent:
    "Torn down in another order, the wrapper's last user still works with an attachment or memory that is already gone.",
  sources: [kernel(prime, "drm_prime_gem_destroy", "6.12, 7.2"), doc(prime, "overview and lifetime rules")],
  hints: [
    "Does closing a handle leave attachment and reference alone while another user of the wrapper exists?",
    "Does the destructor detach before it puts?",
  ],
  monitor: remember(() => new Holders(), {
    ...countTaken,
    "ret import": ({ import: name, importer, buffer, errno }, state, verdict, holders) => {
      if (errno !== 0 || isCreator(state, buffer, importer)) return;
      verdict.exercised();
      if (holders.of(buffer, importer) > 0) return;
      verdict.violated(`${importer} made ${name} of ${buffer} and keeps no reference to ${buffer}`);
    },
    "call detach": ({ attachment }, state, verdict) => {
      const name = attachment === null ? null : (state.attachments.get(attachment)?.import ?? null);
      if (name === null || state.imports.get(name)?.phase !== "live") return;
      verdict.exercised();
      if (isGivenBack(state, name)) return;
      verdict.violated(
        `${attachment} is detached although ${name} is still in use`,
        verdict.since("imports", name, "phase"),
      );
    },
    "call put": ({ buffer, by }, state, verdict, holders) => {
      holders.change(state, buffer, by, -1);
      const attached = attachedFor(state, buffer, by);
      if (attached === undefined || isCreator(state, buffer, by)) return;
      verdict.exercised();
      if (holders.of(buffer, by) > 0) return;
      const since = verdict.since("attachments", attached, "phase");
      verdict.violated(`${by} drops its reference to ${buffer} before it detaches ${attached}`, since);
    },
  }),
  situation: { importers: ["subject", "static", "pinned", "pinnedRevocable"], weights: { import: 3, release: 3 } },
  status: checked,
};

export const life23: Rule = {
  id: "LIFE-23",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Importing a buffer into the device that exported it takes no buffer reference for itself, and should give back the original object with one more object reference and no attachment.",
  intent: "An object that holds a buffer which holds the object is a cycle that is never freed.",
  sources: [
    kernel(prime, "drm_gem_prime_import_dev", "6.12, 7.2"),
    kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_gem_prime_import", "6.12, 7.2"),
    kernel("drivers/gpu/drm/xe/xe_dma_buf.c", "xe_gem_prime_import", "6.12, 7.2"),
    run(both, "vgem imports its own buffer: no attachment, and only the test's reference left after all closes"),
  ],
  hints: [
    "Are ops table and device of the buffer compared with your own before attach?",
    "Is a reference kept for a handle or export cache dropped with that handle?",
  ],
  status: untested(
    "exporter and importer are two roles here, and only a driver that is both could know its own buffer again",
  ),
};

export const life24: Rule = {
  id: "LIFE-24",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "Exporting an object whose earlier buffer still lives (in practice: that still has a handle) gives that buffer again, with one more reference.",
  intent:
    "A second buffer over the same memory splits attachments into two lists, and a move announced on one is missed on the other.",
  sources: [kernel(prime, "drm_gem_prime_handle_to_dmabuf", "6.12, 7.2")],
  hints: [
    "Is the cached buffer looked up under the lock that also guards its removal?",
    "Is the reference of the cache dropped when the last handle goes?",
  ],
  status: untested("the request for a buffer names no object that an earlier buffer could have been made of"),
};

export const life34: Rule = {
  id: "LIFE-34",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Export of an imported object returns the buffer it came from, with a reference added, and makes no new one.",
  intent: "A wrapping buffer would give out memory whose moves and revokes its own importers never hear of.",
  sources: [kernel(prime, "drm_gem_prime_handle_to_dmabuf", "6.12, 7.2")],
  hints: ["Does the export path look for an import attachment on the object before it builds a buffer?"],
  status: untested("exporter and importer are two roles here, so no object can be both imported and exported"),
};

export const rules: readonly Rule[] = [life04, life05, life22, life23, life24, life34];
