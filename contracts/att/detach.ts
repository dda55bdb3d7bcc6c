import type { CallEvent, CbEvent } from "../../spec/event.ts";
import { holds, trailOf, type State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { hookOf } from "./hook-of.ts";
import { derived, doc, kernel, run } from "../source.ts";

const core = "drivers/dma-buf/dma-buf.c";
const both = ["6.12.117", "7.2.13"];

/** The attachment that a call is given, for calls that are over once it is gone. */
function usedAttachment(event: CallEvent): string | null {
  switch (event.op) {
    case "detach":
    case "pin":
    case "unpin":
    case "map":
    case "mapUnlocked":
    case "unmap":
    case "unmapUnlocked":
    case "isRevocable":
      return event.attachment;
    default:
      return null;
  }
}

/** Whether the task is in the importer's callback for this attachment. */
function isInCallback(state: State, task: string, attachment: string): boolean {
  const frames: readonly (CallEvent | CbEvent)[] = state.tasks.get(task)?.frames ?? [];
  return frames.some((frame) => frame.kind === "cb" && frame.hook === "invalidate" && frame.attachment === attachment);
}

/** Something taken for an attachment and not given back. */
function leftOver(state: State, takenFor: ReadonlyMap<string, string>, attachment: string): string | undefined {
  for (const [id, owner] of takenFor) if (owner === attachment && state.resources.get(id)?.live === true) return id;
  return undefined;
}

export const att15: Rule = {
  id: "ATT-15",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Detach first takes the attachment off the list and then runs the exporter's detach hook, once for each successful attach and without the reservation lock.",
  intent: "The hook frees what the exporter kept for this importer, so no callback loop may still find it.",
  sources: [
    kernel(core, "dma_buf_detach", "6.12, 7.2"),
    doc(core, "locking convention"),
    run(both, "detach hook seen unlocked and off the list, also after the cached unmap of 6.12"),
  ],
  hints: ["Is the lock dropped between list removal and hook?", "Does the hook run also when nothing was ever mapped?"],
  monitor: on({
    "cb detach": ({ buffer, attachment, task }, state, verdict) => {
      const row = state.attachments.get(attachment);
      if (row === undefined) return;
      verdict.exercised();
      if (row.listed)
        verdict.violated(
          `the detach hook for ${attachment} runs while it is on the list`,
          verdict.since("attachments", attachment, "listed"),
        );
      if (!row.hooked && state.buffers.get(buffer)?.hasAttach === true)
        verdict.violated(
          `the detach hook runs for ${attachment}, which it has run for before or whose attach hook failed`,
          verdict.since("attachments", attachment, "hooked"),
        );
      const resv = state.buffers.get(buffer)?.resv ?? "";
      if (!holds(state, task, resv) || verdict.misuse) return;
      const since = verdict.since("reservations", resv, "owner");
      verdict.violated(`the detach hook for ${attachment} runs with the lock ${resv} held`, since);
    },
    "ret detach": ({ buffer, attachment }, state, verdict) => {
      const row = state.attachments.get(attachment ?? "");
      if (row === undefined || row.buffer !== buffer || row.phase !== "detaching") return;
      if (state.buffers.get(buffer)?.hasDetach !== true) return;
      verdict.exercised();
      if (row.hooked) verdict.violated(`detach of ${attachment} returns without having run the detach hook`);
    },
  }),
  status: checked,
};

export const att17: Rule = {
  id: "ATT-17",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Detach is called only with no mapping and no explicit pin left on the attachment (a table that the 6.12 core caches does not count).",
  intent: "The core says nothing and forgets both: the device keeps its access, and the memory stays pinned for good.",
  sources: [
    doc("Documentation/driver-api/dma-buf.rst", "basic operation and device DMA access"),
    derived("MAP and PIN balances"),
    run(both, "detach with a live map and pin: silent, no unmap, no unpin, pin count stays 1"),
  ],
  temporal: ["T-12"],
  hints: [
    "Does every failure after map go through unmap before detach?",
    "Is the pin dropped also when the importer was revoked meanwhile?",
  ],
  monitor: on({
    "call detach": ({ attachment, buffer, by }, state, verdict) => {
      const row = state.attachments.get(attachment ?? "");
      if (attachment === null || row === undefined || row.buffer !== buffer) return;
      verdict.exercised();
      const [map] = row.maps;
      if (map !== undefined)
        verdict.violated(
          `${by} detaches ${attachment} and ${map} is still mapped`,
          verdict.since("mappings", map, "live"),
        );
      if (row.pins <= 0) return;
      const since = verdict.since("attachments", attachment, "pins");
      verdict.violated(`${by} detaches ${attachment}, which still has ${row.pins} pins`, since);
    },
  }),
  status: checked,
};

export const att18: Rule = {
  id: "ATT-18",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["importer"],
  statement: "Detach given nothing, or an attachment that belongs elsewhere, warns and changes nothing.",
  intent: "Removing it anyway edits one buffer's list under the lock of another.",
  sources: [
    kernel(core, "dma_buf_detach", "6.12, 7.2"),
    run(both, "null, and an attachment of another buffer: one warning each, no change"),
  ],
  hints: ["Is the attachment's buffer compared with the argument before the lock is taken?"],
  monitor: on({
    "ret detach": ({ task, call, buffer, attachment }, state, verdict) => {
      const row = state.attachments.get(attachment ?? "");
      const given = attachment ?? "nothing";
      if (attachment !== null && (row === undefined || row.buffer === buffer)) return;
      verdict.exercised();
      const trail = trailOf(state, task, call);
      if (!trail.some((event) => event.kind === "warn"))
        verdict.violated(`detach of ${given} from ${buffer ?? "nothing"} was not reported`);
      for (const event of trail)
        if (event.kind === "list" || event.kind === "cbret")
          verdict.violated(`detach of ${given} from ${buffer ?? "nothing"} changed something`, event);
    },
  }),
  situation: { misuse: ["detach"], weights: { detach: 10, attach: 2, export: 2 }, importers: ["scripted"] },
  status: checked,
};

export const att19: Rule = {
  id: "ATT-19",
  level: "MUST",
  obliged: ["importer"],
  statement: "From the call of detach on, nobody uses that attachment again.",
  intent: "The core frees it there, so even reading a field is a use after free.",
  sources: [derived("detach frees the attachment")],
  hints: [
    "Can a second teardown path, such as a revoke handler, detach the same attachment?",
    "Is the stored pointer cleared under the lock that its other users take?",
  ],
  monitor: on({
    call: (event, state, verdict) => {
      const name = usedAttachment(event);
      const row = name === null ? undefined : state.attachments.get(name);
      if (name === null || row === undefined) return;
      verdict.exercised();
      if (row.phase !== "detaching" && row.phase !== "detached") return;
      // A callback may come until the attachment is off the list.
      if (row.listed && isInCallback(state, event.task, name)) return;
      const since = verdict.since("attachments", name, "phase");
      verdict.violated(`${event.by} calls ${event.op} with ${name}, which it has detached`, since);
    },
  }),
  status: checked,
};

export const att20: Rule = {
  id: "ATT-20",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "What the attach hook takes for an attachment (power, private data) the detach hook gives back exactly once, decided by what was taken and not by a flag that may have changed.",
  intent:
    "A leaked power reference keeps the device awake for ever; one given back twice lets it sleep under its users.",
  sources: [
    kernel("drivers/gpu/drm/xe/xe_dma_buf.c", "xe_dma_buf_attach, xe_dma_buf_detach", "6.12, 7.2"),
    kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_dma_buf_attach, amdgpu_dma_buf_detach", "6.12, 7.2"),
  ],
  needs: ["attachHook"],
  hints: [
    "Is the peer-to-peer flag, if it decides, read in both hooks with the same value?",
    "Does an attach hook that fails half-way give back what it took?",
  ],
  monitor: remember(() => new Map<string, string>(), {
    alloc: ({ task, id, what, errno, by }, state, _verdict, takenFor) => {
      const hook = hookOf(state, task, by, "attach");
      if (hook !== undefined && errno === 0 && what !== "storage") takenFor.set(id, hook.attachment);
    },
    free: ({ id, what, by }, state, verdict, takenFor) => {
      const attachment = takenFor.get(id);
      if (attachment === undefined) return;
      verdict.exercised();
      if (state.resources.get(id)?.live === true) return;
      const since = verdict.since("resources", id, "live");
      verdict.violated(`${by} gives back ${what} ${id}, taken for ${attachment}, a second time`, since);
    },
    "cbret attach": (event, state, verdict, takenFor) => {
      if (event.errno === 0 || event.injected) return;
      verdict.exercised();
      const left = leftOver(state, takenFor, event.attachment);
      if (left === undefined) return;
      const since = verdict.since("resources", left, "live");
      verdict.violated(`${event.to} refuses ${event.attachment} and keeps ${left}, which it took for it`, since);
    },
    "cbret detach": (event, state, verdict, takenFor) => {
      const left = leftOver(state, takenFor, event.attachment);
      verdict.exercised();
      if (left === undefined) return;
      const since = verdict.since("resources", left, "live");
      verdict.violated(`${event.attachment} is detached and ${event.to} keeps ${left}, which it took for it`, since);
    },
  }),
  status: checked,
};

export const rules: readonly Rule[] = [att15, att17, att18, att19, att20];
