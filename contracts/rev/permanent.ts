import { EBADFD } from "../../spec/errno.ts";
import type { CallEvent } from "../../spec/event.ts";
import type { BufferState, State } from "../../spec/state/state.ts";
import { concerns } from "../../spec/state/observe/rows.ts";
import { remember } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { proposal } from "../source.ts";
import { atCall, atReturn, changeUnderWay, isRefusal, notRefused } from "./access-change.ts";

/** Whether a user has revoked the buffer for good. */
function isGivenUp(state: State, buffer: BufferState | undefined): boolean {
  return buffer?.access === "revokedForever" && state.exporters.get(buffer.exporter)?.closed !== true;
}

export const rev44: Rule = {
  id: "REV-44",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A buffer whose user can revoke it is usable, temporarily revoked or permanently revoked, and nothing leads out of the permanent state.",
  intent: "The owner gives the memory to someone else and relies on this buffer never opening again.",
  sources: [proposal("2026 RFC, VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE")],
  from: "K6.19",
  needs: ["revoke", "permanentRevoke"],
  hints: [
    "Does the unrevoke after a reset skip permanently revoked buffers?",
    "Are the two kinds of revoke kept in one flag?",
  ],
  status: checked,
  situation: {
    weights: { revokeForever: 4, revoke: 4, unrevoke: 6, mapUnlocked: 6, attach: 3 },
    exporters: ["subject"],
  },
  monitor: remember(() => new Map<string, CallEvent>(), {
    ...atCall((event, state, _verdict, tried: Map<string, CallEvent>) => {
      if (event.op === "revokeForever") return;
      for (const [name, buffer] of state.buffers)
        if (concerns(event, buffer, name) && isGivenUp(state, buffer)) tried.set(name, event);
    }),
    "cbret attach"(event, state, verdict, tried) {
      // Refused here or at map.
      if (tried.has(event.buffer) && isGivenUp(state, state.buffers.get(event.buffer)) && !event.injected)
        verdict.exercised();
    },
    "cbret map"(event, state, verdict, tried) {
      const { buffer = "" } = state.attachments.get(event.attachment) ?? {};
      const operation = tried.get(buffer);
      if (operation === undefined || !isGivenUp(state, state.buffers.get(buffer)) || event.injected) return;
      verdict.exercised();
      if (event.errno === 0)
        verdict.violated(
          `${operation.op} led ${buffer} out of the permanent state: it was mapped again`,
          verdict.since("buffers", buffer, "access"),
          operation,
        );
    },
  }),
};

export const rev45: Rule = {
  id: "REV-45",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A user's request for a permanent revoke fails with -ENODEV for a buffer of another device and with -EBADFD for one that is permanently revoked already.",
  intent:
    "Accepted, it would let one device's owner cut off a buffer that is not his, or hide that the call had no effect.",
  sources: [proposal("2026 RFC, VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE")],
  from: "K6.19",
  needs: ["revoke", "permanentRevoke"],
  hints: [
    "Is the buffer's exporter compared before its private data is read?",
    "Is the device compared as well as the driver?",
  ],
  status: checked,
  monitor: remember(() => new Set<number>(), {
    "call revokeForever"(event, state, _verdict, again) {
      const buffer = state.buffers.get(event.buffer);
      if (isGivenUp(state, buffer) && buffer?.contested === false) again.add(event.seq);
    },
    "ret revokeForever"(event, state, verdict, again) {
      if (!again.delete(event.call) || state.buffers.get(event.buffer)?.contested === true) return;
      verdict.exercised();
      if (event.errno !== EBADFD)
        verdict.violated(
          `a second permanent revoke of ${event.buffer} ${event.errno === 0 ? "succeeded" : "failed with another error than EBADFD"}`,
          verdict.since("buffers", event.buffer, "access"),
        );
    },
  }),
};

export const rev46: Rule = {
  id: "REV-46",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Making a temporary revoke permanent neither notifies nor waits again, and a temporary revoke of a permanently revoked buffer changes nothing.",
  intent: "No mapping is left to be told or waited for, and a second drain breaks the count.",
  sources: [proposal("2026 RFC, VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE")],
  from: "K6.19",
  needs: ["revoke", "permanentRevoke"],
  hints: ["Does the upgrade only change the state, under the lock, when the buffer is already revoked?"],
  status: checked,
  monitor: remember(() => new Map<number, CallEvent>(), {
    "call revokeForever"(event, state, _verdict, silent) {
      const buffer = state.buffers.get(event.buffer);
      if (buffer?.access === "revoked" && !buffer.contested) silent.set(event.seq, event);
    },
    "call revoke"(event, state, _verdict, silent) {
      if (isGivenUp(state, state.buffers.get(event.buffer))) silent.set(event.seq, event);
    },
    "call invalidate"(event, state, verdict, silent) {
      const operation = changeUnderWay(state, event.task, event.buffer);
      if (operation === undefined || !silent.has(operation.seq) || state.buffers.get(event.buffer)?.contested === true)
        return;
      verdict.violated(`${event.buffer} was revoked already, and ${operation.op} tells its importers again`, operation);
    },
    blocked(event, state, verdict, silent) {
      if (event.wait.kind !== "unmapped") return;
      const operation = changeUnderWay(state, event.task, event.wait.buffer);
      if (operation === undefined || !silent.has(operation.seq)) return;
      if (state.buffers.get(event.wait.buffer)?.contested === true) return;
      verdict.violated(`${event.wait.buffer} was revoked already, and ${operation.op} waits for its unmaps`, operation);
    },
    ...atReturn((event, _state, verdict, silent: Map<number, CallEvent>) => {
      if (silent.delete(event.call)) verdict.exercised();
    }),
  }),
};

export const rev47: Rule = {
  id: "REV-47",
  level: "MUST",
  obliged: ["exporter"],
  statement: "On a permanently revoked buffer attach, map and mmap fail with -ENODEV for ever.",
  intent: "Any of them that still works hands out memory that has a new owner.",
  sources: [proposal("2026 RFC, VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE")],
  from: "K6.19",
  needs: ["revoke", "permanentRevoke"],
  hints: ["Do attach and mmap test the state too, or only map?"],
  status: checked,
  situation: { weights: { revokeForever: 6, mapUnlocked: 8, attach: 3 }, exporters: ["subject"] },
  monitor: remember(() => new Set<number>(), {
    "call attach"(event, state, _verdict, late) {
      if (isGivenUp(state, state.buffers.get(event.buffer ?? ""))) late.add(event.seq);
    },
    "ret attach"(event, _state, verdict, late) {
      if (!late.delete(event.call)) return;
      verdict.exercised();
      if (event.errno === 0)
        verdict.violated(
          `${event.attachment} was attached to ${event.buffer ?? ""}, which is permanently revoked`,
          verdict.since("buffers", event.buffer ?? "", "access"),
        );
    },
    "cbret map"(event, state, verdict) {
      const { buffer = "" } = state.attachments.get(event.attachment) ?? {};
      if (!isGivenUp(state, state.buffers.get(buffer)) || event.injected) return;
      verdict.exercised();
      if (!isRefusal(event))
        verdict.violated(
          `a map of ${buffer} ${notRefused(event)} although it is permanently revoked`,
          verdict.since("buffers", buffer, "access"),
        );
    },
  }),
};

export const rules: readonly Rule[] = [rev44, rev45, rev46, rev47];
