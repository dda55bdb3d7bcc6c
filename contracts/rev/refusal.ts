import type { CallEvent, CbRetEvent } from "../../spec/event.ts";
import { frameOf, holds, type State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { bufferOf } from "../shared/lookup.ts";
import { commit, derived, doc, kernel, run } from "../source.ts";
import {
  atReturn,
  changeUnderWay,
  cycling,
  isRefusal,
  isRefusedPin,
  isRevoked,
  notRefused,
  revokeBegun,
  Revokes,
} from "./access-change.ts";
import { waitsForNobody } from "./mapping-count.ts";

/** The call that made a map hook run. */
function mapCall(state: State, event: CbRetEvent): CallEvent | undefined {
  const task = state.tasks.get(event.task);
  return frameOf(task, "map") ?? frameOf(task, "mapUnlocked");
}

/** Unmaps of revoked buffers. */
class Unmaps {
  /** Addresses that the unmap hook under way has to take down. */
  readonly expected = new Map<number, readonly string[]>();
  /** Buffers for which there was one. */
  readonly given = new Set<string>();
}

export const rev03: Rule = {
  id: "REV-03",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A revoke sets the exporter's revoked state under the reservation lock and issues the invalidate later in the same hold.",
  intent: "An importer that maps again right after the notification would get the memory that is being taken away.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "6.19, 7.2")],
  from: "K6.19",
  needs: ["revoke"],
  temporal: ["T-05"],
  hints: [
    "Is the flag written before dma_buf_invalidate_mappings is called?",
    "Is the lock dropped anywhere between the two?",
  ],
  status: checked,
  situation: {
    // Few changes of access: whoever makes one keeps the others waiting, and it is a map that has to come in between.
    weights: { ...cycling, attach: 20, revoke: 8, unrevoke: 10 },
    importers: ["scripted"],
    callbacks: true,
    tasks: 3,
    exporters: ["subject"],
    pauses: 0.2,
  },
  monitor: remember(() => new Revokes(), {
    "call invalidate"(event, state, verdict, revokes) {
      const revoke = revokes.begin(state, event);
      const buffer = state.buffers.get(event.buffer);
      if (revoke === undefined || buffer === undefined) return;
      verdict.exercised();
      if (!holds(state, event.task, buffer.resv))
        verdict.violated(`${event.buffer} is revoked without the lock of ${buffer.resv}`, revoke.operation);
    },
    "cbret map"(event, state, verdict, revokes) {
      const buffer = bufferOf(state, event.attachment);
      const revoke = revokes.on(state.attachments.get(event.attachment)?.buffer ?? "");
      if (revoke === undefined || buffer === undefined || !isRevoked(buffer) || event.injected) return;
      if (event.cb < revoke.message.seq) return;
      verdict.exercised();
      if (event.errno === 0)
        verdict.violated(
          `${revoke.buffer} was mapped after the message of a revoke that is still under way: the revoked state came too late`,
          revoke.message,
        );
    },
    ...atReturn((event, _state, _verdict, revokes) => {
      revokes.end(event);
    }),
  }),
};

export const rev04: Rule = {
  id: "REV-04",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "From the invalidate of a revoke on, every map and every private address query fails with -ENODEV until an unrevoke has cleared the revoked state.",
  intent: "After a revoke the exporter powers the device down or gives the memory to someone else.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_map, vfio_pci_dma_buf_iommufd_map", "6.19, 7.2"),
  ],
  from: "K6.19",
  needs: ["revoke"],
  temporal: ["T-05"],
  hints: [
    "Is the flag read under the reservation lock in map?",
    "Is it set before the invalidate (REV-03)?",
    "Does the private query test the same flag as map?",
  ],
  status: checked,
  situation: {
    weights: { attach: 8, mapUnlocked: 20, revoke: 8, unrevoke: 10 },
    callbacks: true,
    exporters: ["subject"],
  },
  monitor: remember(() => new Set<number>(), {
    "cb map"(event, state, _verdict, refused) {
      if (bufferOf(state, event.attachment)?.access === "revoked") refused.add(event.seq);
    },
    "cbret pin"(event, state, verdict) {
      const buffer = bufferOf(state, event.attachment);
      if (isRefusedPin(state, event) && buffer?.access === "revoked") verdict.exercised();
    },
    "cbret map"(event, state, verdict, refused) {
      const { buffer = "" } = state.attachments.get(event.attachment) ?? {};
      if (!refused.delete(event.cb) || event.injected || state.buffers.get(buffer)?.access !== "revoked") return;
      verdict.exercised();
      if (!isRefusal(event))
        verdict.violated(
          `a map of ${buffer} ${notRefused(event)} while it is revoked`,
          verdict.since("buffers", buffer, "access"),
        );
    },
  }),
};

export const rev05: Rule = {
  id: "REV-05",
  level: "MUST",
  obliged: ["exporter", "framework"],
  statement:
    "A map that races with a revoke either ends before the revoked state is set and is then notified and, with synchronous revoke, waited for, or it fails with -ENODEV.",
  intent: "A mapping that slips in between is neither notified nor waited for and keeps its device on dead memory.",
  sources: [
    derived("the reservation lock is held over map and over flag and invalidate"),
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_map", "7.2"),
  ],
  from: "K6.19",
  needs: ["revoke"],
  temporal: ["T-05"],
  hints: [
    "Does map count the new mapping before it lets go of the reservation lock?",
    "Is the revoked state tested early in map and the lock dropped before the table is built?",
  ],
  status: checked,
  situation: {
    weights: { revoke: 14, unrevoke: 14, mapUnlocked: 25, attach: 4, export: 0.5 },
    importers: ["scripted"],
    exporters: ["subject"],
    tasks: 3,
    pauses: 0.3,
  },
  monitor: remember(() => new Map<string, CallEvent<"invalidate">>(), {
    "call invalidate"(event, state, _verdict, messages) {
      if (revokeBegun(state, event) !== undefined) messages.set(event.buffer, event);
    },
    "cbret pin"(event, state, verdict, messages) {
      const message = messages.get(state.attachments.get(event.attachment)?.buffer ?? "");
      const call = mapCall(state, event);
      const buffer = bufferOf(state, event.attachment);
      if (!isRefusedPin(state, event) || message === undefined || call === undefined || buffer === undefined) return;
      if (isRevoked(buffer) && call.seq < message.seq) verdict.exercised();
    },
    "cbret map"(event, state, verdict, messages) {
      const { buffer = "" } = state.attachments.get(event.attachment) ?? {};
      const row = state.buffers.get(buffer);
      const message = messages.get(buffer);
      const call = mapCall(state, event);
      if (row === undefined || message === undefined || call === undefined || !isRevoked(row) || event.injected) return;
      if (call.seq > message.seq) return;
      verdict.exercised();
      if (event.errno === 0)
        verdict.violated(
          `a map of ${buffer} that began before the revoke succeeded after its message: nobody told it or waits for it`,
          call,
          message,
        );
    },
  }),
};

export const rev12: Rule = {
  id: "REV-12",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "With synchronous revoke, revoking a revoked buffer does nothing: no callback, no wait and no change of the mapping count.",
  intent:
    "Several events revoke the same device in a row, and a second pass through the count takes away a reference that is not there.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "6.19, 7.2"),
    commit("Fix the mapping count that underflowed after a revoke", "c64a647c84f3"),
    run(["7.2.13"], "the iommufd test exporter notifies again on every call"),
  ],
  from: "K7.1",
  needs: ["revoke"],
  temporal: ["T-33"],
  hints: [
    "Is the wanted state compared with the present one before anything else is done?",
    "Does device close run the same drain again without asking?",
  ],
  status: checked,
  monitor: remember(() => new Map<number, ReadonlySet<string>>(), {
    "call revoke"(event, state, _verdict, again) {
      const buffer = state.buffers.get(event.buffer);
      if (buffer !== undefined && isRevoked(buffer)) again.set(event.seq, new Set([event.buffer]));
    },
    "call setMemory"(event, state, _verdict, again) {
      if (event.on) return;
      const revoked = [...state.buffers].filter(([, row]) => row.exporter === event.exporter && isRevoked(row));
      if (revoked.length > 0) again.set(event.seq, new Set(revoked.map(([name]) => name)));
    },
    "call invalidate"(event, state, verdict, again) {
      const operation = changeUnderWay(state, event.task, event.buffer);
      if (operation === undefined || state.buffers.get(event.buffer)?.contested === true) return;
      if (again.get(operation.seq)?.has(event.buffer) === true)
        verdict.violated(`${event.buffer} was revoked already, and its importers are told again`, operation);
    },
    blocked(event, state, verdict, again) {
      if (event.wait.kind !== "unmapped") return;
      const { buffer } = event.wait;
      const operation = changeUnderWay(state, event.task, buffer);
      if (operation === undefined || state.buffers.get(buffer)?.contested === true) return;
      if (again.get(operation.seq)?.has(buffer) === true)
        verdict.violated(`${buffer} was revoked already, and a second revoke waits for its unmaps`, operation);
    },
    "ret revoke"(event, _state, verdict, again) {
      if (again.delete(event.call)) verdict.exercised();
    },
    "ret setMemory"(event, _state, verdict, again) {
      if (again.delete(event.call)) verdict.exercised();
    },
  }),
};

export const rev16: Rule = {
  id: "REV-16",
  level: "MUST",
  obliged: ["importer", "exporter"],
  statement:
    "A mapping made before a revoke is still given back by an ordinary unmap of its importer, and the exporter accepts that unmap while the buffer is revoked.",
  intent: "The unmap is what the revoke waits for: refused or left out, it never ends.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_unmap", "6.19, 7.2")],
  from: "K6.19",
  needs: ["revoke", "importerCallback"],
  hints: [
    "Does the unmap hook leave early when the buffer is revoked?",
    "Does the importer take the notification for an unmap that already happened?",
  ],
  status: checked,
  monitor: remember(() => new Unmaps(), {
    "cb unmap"(event, state, _verdict, { expected, given }) {
      const attachment = state.attachments.get(event.attachment);
      const buffer = bufferOf(state, event.attachment);
      if (attachment === undefined || buffer === undefined || !isRevoked(buffer)) return;
      given.add(attachment.buffer);
      const mapping = [...state.mappings.values()].find((row) => row.table === event.table);
      const addresses = (mapping?.segments ?? []).map(({ address }) => `${attachment.device}@${address}`);
      expected.set(
        event.seq,
        addresses.filter((key) => state.translations.has(key)),
      );
    },
    "cbret unmap"(event, state, verdict, { expected }) {
      const addresses = expected.get(event.cb);
      const buffer = state.attachments.get(event.attachment)?.buffer ?? "";
      if (addresses === undefined) return;
      verdict.exercised();
      const left = addresses.find((key) => state.translations.has(key));
      if (left !== undefined)
        verdict.violated(
          `the unmap of ${event.attachment} did nothing, as ${buffer} is revoked: ${left} still leads to memory`,
          verdict.since("buffers", buffer, "access"),
        );
    },
    "ret release"(event, state, verdict) {
      const name = state.imports.get(event.import)?.attachment ?? "";
      const attachment = state.attachments.get(name);
      const mapping = attachment?.maps.find((entry) => state.mappings.get(entry)?.stale === true);
      const buffer = state.buffers.get(attachment?.buffer ?? "");
      if (attachment === undefined || buffer === undefined || !isRevoked(buffer)) return;
      verdict.exercised();
      if (mapping !== undefined)
        verdict.violated(
          `${attachment.importer} gave ${name} up and never unmapped ${mapping}, which the revoke had hit`,
          verdict.since("mappings", mapping, "stale"),
        );
    },
    end(event, state, verdict, { given }) {
      for (const { task, wait } of event.waiting) {
        const buffer = waitsForNobody(state, { task, wait });
        if (buffer === undefined || !given.has(buffer)) continue;
        verdict.exercised();
        verdict.violated(`every mapping of ${buffer} was given back, and its revoke still waits for an unmap`);
      }
    },
  }),
};

export const rev17: Rule = {
  id: "REV-17",
  level: "MUST",
  obliged: ["exporter"],
  statement: "Detaching from a revoked buffer succeeds and does not block.",
  intent: "The importer must be able to clean up, or the buffer and its device are never released.",
  sources: [
    derived("detach returns nothing and the detach hooks test no revoked state"),
    run(["7.2.13"], "detach of every kind of attachment from a revoked buffer"),
  ],
  from: "K6.19",
  needs: ["revoke"],
  hints: ["Does the detach hook touch device state that the revoke has already torn down?"],
  status: checked,
  monitor: on({
    "cbret detach"(event, state, verdict) {
      const buffer = state.buffers.get(event.buffer);
      if (buffer !== undefined && isRevoked(buffer)) verdict.exercised();
    },
    blocked(event, state, verdict) {
      const hook = state.tasks.get(event.task)?.frames.at(-1);
      if (event.wait.kind === "lock" || hook?.kind !== "cb" || hook.hook !== "detach") return;
      const buffer = state.buffers.get(hook.buffer);
      if (buffer === undefined || !isRevoked(buffer)) return;
      verdict.exercised();
      verdict.violated(`detaching ${hook.attachment} from ${hook.buffer}, which is revoked, blocks`, hook);
    },
    warn(event, state, verdict) {
      const hook = state.tasks.get(event.task)?.frames.at(-1);
      if (hook?.kind !== "cb" || hook.hook !== "detach") return;
      const buffer = state.buffers.get(hook.buffer);
      if (buffer === undefined || !isRevoked(buffer)) return;
      verdict.exercised();
      verdict.violated(`detaching ${hook.attachment} from ${hook.buffer}, which is revoked: ${event.text}`, hook);
    },
  }),
};

export const rev41: Rule = {
  id: "REV-41",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "An exporter announces a revoke by the callback and by failing maps, and never lets an address that is still mapped lead to other memory.",
  intent: "A late speculative read would otherwise see the data of another owner.",
  sources: [
    derived("the two waits of a revoke"),
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings", "7.2"),
  ],
  from: "K6.19",
  needs: ["revoke"],
  hints: [
    "Is the range reused or remapped before the last old mapping is gone?",
    "Does the exporter swap a dummy page in behind a live mapping?",
  ],
  status: checked,
  situation: { weights: { revoke: 6, unrevoke: 6, mapUnlocked: 6, access: 8 }, tasks: 2, exporters: ["subject"] },
  monitor: on({
    access(event, state, verdict) {
      const mapping = state.mappings.get(event.mapping ?? "");
      const buffer = mapping === undefined ? undefined : state.buffers.get(mapping.buffer);
      if (mapping === undefined || buffer === undefined || !mapping.live || !mapping.stale || !isRevoked(buffer))
        return;
      if (event.storage === null) return;
      verdict.exercised();
      if (!mapping.segments.some(({ storage }) => storage === event.storage))
        verdict.violated(
          `an address of ${event.mapping} leads to ${event.storage}, which it never was mapped to, while ${mapping.buffer} is revoked`,
          verdict.since("mappings", event.mapping ?? "", "segments"),
        );
    },
  }),
};

export const rules: readonly Rule[] = [rev03, rev04, rev05, rev12, rev16, rev17, rev41];
