import { contractNamed, initialAdded } from "../added-contract.ts";
import type { HistoryEvent } from "../event.ts";
import { memoryCameBack } from "./observe/access.ts";
import { observeCall } from "./observe/call.ts";
import { observeDma } from "./observe/dma.ts";
import { observePeer } from "./observe/peers.ts";
import { observePage } from "./observe/cpu.ts";
import { observeHook } from "./observe/hook.ts";
import { observeLock, observeUnlock } from "./observe/lock.ts";
import { observeRet } from "./observe/ret.ts";
import { taskOf } from "./observe/rows.ts";
import { noteTrail } from "./observe/trail.ts";
import type { State } from "./state.ts";

/**
 * Folds one event into the state, in place. Total: no event is refused, an event about something unknown changes nothing.
 * The only function that changes a state.
 */
export function observe(state: State, event: HistoryEvent): void {
  observeCore(state, event);
  if (state.added !== null) contractNamed(state.added.contract)?.fold(state, event);
}

function observeCore(state: State, event: HistoryEvent): void {
  switch (event.kind) {
    case "call":
      observeCall(state, event);
      return;
    case "ret":
      observeRet(state, event);
      return;
    case "cb":
      observeHook(state, event);
      return;
    case "cbret":
      observeHook(state, event);
      noteTrail(state, event);
      return;
    case "lock":
      observeLock(state, event);
      noteTrail(state, event);
      return;
    case "unlock":
      observeUnlock(state, event);
      noteTrail(state, event);
      return;
    case "blocked":
      taskOf(state, event.task).waiting = event.wait;
      return;
    case "resumed": {
      const task = taskOf(state, event.task);
      task.waiting = null;
      if (event.errno !== 0) task.interrupted = false;
      return;
    }
    case "signal": {
      const fence = state.fences.get(event.fence);
      if (fence === undefined || fence.signaled) return;
      fence.signaled = true;
      fence.time = event.time;
      fence.error = event.error;
      return;
    }
    case "alloc":
      if (event.errno === 0)
        state.resources.set(event.id, {
          what: event.what,
          by: event.by,
          placement: event.placement,
          physical: event.physical ?? null,
          owner: event.owner ?? null,
          shared: false,
          live: true,
        });
      return;
    case "free": {
      const fence = event.what === "fence" ? state.fences.get(event.id) : undefined;
      if (fence !== undefined) fence.released = true;
      const resource = state.resources.get(event.id);
      if (resource !== undefined) resource.live = false;
      return;
    }
    case "epoch": {
      const buffer = state.buffers.get(event.buffer);
      if (buffer === undefined) return;
      buffer.storage = event.storage;
      if (event.change !== "export") buffer.epoch += 1;
      return;
    }
    case "translate": {
      const key = `${event.device}@${event.address}`;
      if (event.on) {
        const { device, address, length, storage, offset } = event;
        state.translations.set(key, { device, address, length, storage, offset });
      } else state.translations.delete(key);
      return;
    }
    case "contract":
      state.added = initialAdded(event.name);
      return;
    case "platform": {
      const { cpuGood, peerSupport, bridges, devices, exporters } = event;
      const named = <T extends { readonly name: string }>(rows: readonly T[]) =>
        Object.fromEntries(rows.map((row) => [row.name, row]));
      state.platform = {
        cpuGood,
        peerSupport,
        bridges: named(bridges),
        devices: named(devices),
        exporters: Object.fromEntries(exporters.map(({ name, device }) => [name, device])),
      };
      return;
    }
    case "peer":
      observePeer(state, event);
      return;
    case "dma":
      observeDma(state, event);
      return;
    case "list": {
      noteTrail(state, event);
      const attachment = state.attachments.get(event.attachment);
      if (attachment === undefined) return;
      attachment.listed = event.listed;
      const buffer = state.buffers.get(attachment.buffer);
      if (buffer === undefined) return;
      if (event.listed) buffer.listed.push(event.attachment);
      else buffer.listed = buffer.listed.filter((name) => name !== event.attachment);
      return;
    }
    case "device":
      observeDevice(state, event);
      return;
    case "drain":
      state.draining = true;
      return;
    case "warn":
      noteTrail(state, event);
      return;
    case "page":
      observePage(state, event);
      return;
    case "touch": {
      const memory = event.storage === null ? undefined : state.resources.get(event.storage);
      if (memory !== undefined && event.errno === 0 && event.what === "share") memory.shared = true;
      if (memory !== undefined && event.errno === 0 && event.what === "unshare") memory.shared = false;
      return;
    }
    case "access":
    case "helper":
    case "cpu":
    case "fault":
    case "end":
      return;
  }
}

function observeDevice(state: State, event: Extract<HistoryEvent, { kind: "device" }>): void {
  switch (event.change) {
    case "memoryOn":
    case "memoryOff": {
      if (event.exporter === null) return;
      const row = state.exporters.get(event.exporter) ?? { memory: true, closed: false };
      row.memory = event.change === "memoryOn";
      state.exporters.set(event.exporter, row);
      if (row.memory) memoryCameBack(state, event);
      return;
    }
    case "stop": {
      const attachment = event.attachment === null ? undefined : state.attachments.get(event.attachment);
      if (attachment !== undefined) attachment.stopped = true;
      return;
    }
    case "jobStart": {
      const job = event.job === null ? undefined : state.jobs.get(event.job);
      if (job?.phase === "submitting") job.phase = "started";
      return;
    }
    case "jobHang":
      return;
    case "jobEnd": {
      const job = event.job === null ? undefined : state.jobs.get(event.job);
      if (job !== undefined) job.phase = "ended";
    }
  }
}
