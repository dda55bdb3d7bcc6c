import { ENODEV } from "../../spec/errno.ts";
import type { DeviceEvent, LockEvent, BlockedEvent } from "../../spec/event.ts";
import { concerns, isContested } from "../../spec/state/observe/rows.ts";
import type { State } from "../../spec/state/state.ts";
import { remember, type Verdict } from "../monitor.ts";
import { noCycle } from "../order/cycles.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { derived, kernel } from "../source.ts";
import {
  type AccessCall,
  atCall,
  atReturn,
  changeUnderWay,
  innermostChange,
  isLive,
  isRefusal,
  isRevoked,
  mappedTables,
  memoryIsOn,
  notRefused,
  revokeBegun,
} from "./access-change.ts";

/** Buffers a device operation has to revoke, each with whether it has. */
type ToRevoke = Map<string, boolean>;

function takesMemory(event: AccessCall): boolean {
  return event.op === "reset" || event.op === "closeDevice" || (event.op === "setMemory" && !event.on);
}

/** Locks of exporters: which serialise changes of access, and which were asked for inside a reservation lock. */
class LockOrder {
  readonly ofDevices = new Set<string>();
  readonly inside = new Map<string, LockEvent | BlockedEvent>();

  asked(state: State, event: LockEvent | BlockedEvent, lock: string): void {
    const held = state.tasks.get(event.task)?.held ?? [];
    if (held.some(({ lockClass }) => lockClass === "reservation")) this.inside.set(lock, event);
  }

  judge(verdict: Verdict, lock: string): void {
    const asked = this.inside.get(lock);
    if (asked === undefined || !this.ofDevices.has(lock)) return;
    verdict.exercised();
    verdict.violated(`${lock} is taken before the reservation lock by a revoke, and here inside one`, asked);
  }
}

export const rev31: Rule = {
  id: "REV-31",
  level: "MUST",
  obliged: ["exporter"],
  statement: "A revoke of a device reaches every live buffer exported from the resource concerned and no other buffer.",
  intent: "One forgotten buffer leaves a device writing into the memory during the reset.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "6.19, 7.2")],
  from: "K6.19",
  needs: ["revoke", "regionExport"],
  temporal: ["T-35"],
  hints: [
    "Is a buffer on the device's list before its fd can be used?",
    "Does the loop stop at the first buffer whose file is already dying?",
  ],
  status: checked,
  monitor: remember(() => new Map<number, ToRevoke>(), {
    ...atCall((event, state, _verdict, under: Map<number, ToRevoke>) => {
      if (!takesMemory(event)) return;
      const names = [...state.buffers].filter(
        ([name, row]) => concerns(event, row, name) && row.access === "accessible",
      );
      under.set(event.seq, new Map(names.map(([name]) => [name, false])));
    }),
    "call invalidate"(event, state, verdict, under) {
      const operation = innermostChange(state.tasks.get(event.task));
      const buffer = state.buffers.get(event.buffer);
      const reached = operation === undefined ? undefined : under.get(operation.seq);
      if (operation === undefined || reached === undefined || buffer === undefined) return;
      verdict.exercised();
      if (concerns(operation, buffer, event.buffer)) reached.set(event.buffer, true);
      else verdict.violated(`${operation.op} reaches ${event.buffer}, which ${buffer.exporter} exported`, operation);
    },
    ...atReturn((event, state, verdict, under: Map<number, ToRevoke>) => {
      const reached = under.get(event.call);
      under.delete(event.call);
      if (event.errno !== 0) return;
      for (const [name, revoked] of reached ?? []) {
        const buffer = state.buffers.get(name);
        if (buffer === undefined || !isLive(buffer) || buffer.contested) continue;
        verdict.exercised();
        if (!revoked)
          verdict.violated(`${event.op} took the memory of ${buffer.exporter} away and never revoked ${name}`);
      }
    }),
  }),
};

export const rev32: Rule = {
  id: "REV-32",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "The revoke has returned before the device operation that takes the memory away starts: a reset of any kind, memory decode off, D3hot, runtime low power or device close.",
  intent: "A peer that accesses a BAR in reset gets errors that can stop the machine.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_core.c", "callers of vfio_pci_dma_buf_move", "6.19, 7.2"),
    kernel("drivers/vfio/pci/vfio_pci_config.c", "callers of vfio_pci_dma_buf_move", "6.19, 7.2"),
  ],
  from: "K6.19",
  needs: ["revoke", "regionExport"],
  temporal: ["T-04", "T-35"],
  hints: [
    "Which paths to a reset or a power change do not call the revoke first?",
    "Is the config space write carried out before the revoke?",
  ],
  status: checked,
  monitor: remember(() => new Map<string, DeviceEvent>(), {
    device(event, state, verdict, late) {
      const operation = innermostChange(state.tasks.get(event.task));
      if (event.change !== "memoryOff" || operation === undefined) return;
      for (const [name, buffer] of state.buffers) {
        if (!concerns(operation, buffer, name) || !isLive(buffer) || buffer.contested) continue;
        verdict.exercised();
        const [mapped] = isRevoked(buffer) && verdict.profile.synchronousRevoke ? mappedTables(state, name) : [];
        if (buffer.access === "accessible") late.set(name, event);
        else if (mapped !== undefined)
          verdict.violated(
            `${operation.op} takes the memory away while ${mapped.attachment} still has ${name} mapped`,
            operation,
            verdict.since("attachments", mapped.attachment, "hookMaps"),
          );
      }
    },
    "call invalidate"(event, state, verdict, late) {
      const off = late.get(event.buffer);
      const operation = revokeBegun(state, event);
      if (off === undefined || operation === undefined || off.seq < operation.seq) return;
      verdict.violated(`${event.buffer} is revoked after ${operation.op} took the memory away`, operation, off);
    },
    ...atReturn((_event, _state, _verdict, late: Map<string, DeviceEvent>) => {
      late.clear();
    }),
  }),
};

export const rev33: Rule = {
  id: "REV-33",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "At the end of such a device operation, whether it worked or failed, its buffers are unrevoked exactly if the memory can be reached again in the sense of REV-18.",
  intent: "A missing unrevoke on an error path leaves good memory unusable, a wrong one exposes dead memory.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_core.c", "vfio_pci_dev_set_hot_reset, vfio_pci_ioctl_reset", "7.2"),
    kernel("drivers/vfio/pci/vfio_pci_config.c", "vfio_lock_and_set_power_state", "7.2"),
  ],
  from: "K6.19",
  needs: ["revoke", "unrevoke", "regionExport"],
  temporal: ["T-35"],
  hints: [
    "Which early return of the operation skips the unrevoke?",
    "Is the decision made from the present device state, or from whether the operation succeeded?",
  ],
  status: checked,
  situation: { weights: { reset: 8, setMemory: 8, mapUnlocked: 8, attach: 2 }, exporters: ["subject"] },
  monitor: remember(() => new Map<string, { readonly seq: number; readonly op: string }>(), {
    ...atCall((event, state, _verdict, settled: Map<string, object>) => {
      for (const [name, buffer] of state.buffers) if (concerns(event, buffer, name)) settled.delete(name);
    }),
    ...atReturn((event, state, _verdict, settled: Map<string, object>) => {
      if (event.op !== "reset" && event.op !== "setMemory") return;
      for (const [name, buffer] of state.buffers)
        if (buffer.exporter === event.exporter && !buffer.contested) settled.set(name, event);
    }),
    "cbret map"(event, state, verdict, settled) {
      const { buffer = "" } = state.attachments.get(event.attachment) ?? {};
      const row = state.buffers.get(buffer);
      const operation = settled.get(buffer);
      if (operation === undefined || row === undefined || event.injected || event.cb < operation.seq) return;
      if (row.access === "revokedForever" || isContested(state, row, buffer)) return;
      const on = memoryIsOn(state, row.exporter);
      verdict.exercised();
      if (on && event.errno === ENODEV)
        verdict.violated(
          `${buffer} stayed revoked after a ${operation.op}, although the memory can be reached`,
          verdict.since("exporters", row.exporter, "memory"),
        );
      if (!on && event.errno === 0)
        verdict.violated(
          `${buffer} can be mapped after a ${operation.op} that left the memory off`,
          verdict.since("exporters", row.exporter, "memory"),
        );
    },
  }),
};

export const rev34: Rule = {
  id: "REV-34",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A buffer exported while its memory cannot be reached starts revoked, so that map fails with -ENODEV until the first unrevoke.",
  intent: "Nothing revokes it later, since the event that took the memory away is already over.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_core_feature_dma_buf", "6.19, 7.2")],
  from: "K6.19",
  needs: ["revoke", "regionExport"],
  hints: [
    "Is the first state computed under the device lock, before the fd exists?",
    "Does it use the same test as unrevoke (REV-18)?",
  ],
  status: checked,
  situation: {
    weights: { setMemory: 8, export: 4, import: 4 },
    importers: ["pinnedRevocable", "scripted"],
    exporters: ["subject"],
  },
  monitor: remember(() => new Set<string>(), {
    "ret export"(event, state, _verdict, dark) {
      if (event.errno !== 0 || memoryIsOn(state, event.exporter)) return;
      for (const task of state.tasks.values()) if (innermostChange(task) !== undefined) return;
      dark.add(event.buffer);
    },
    ...atCall((event, state, _verdict, dark: Set<string>) => {
      for (const name of dark) if (concerns(event, state.buffers.get(name)!, name)) dark.delete(name);
    }),
    "cbret attach"(event, _state, verdict, dark) {
      // Refused here or at map.
      if (dark.has(event.buffer) && !event.injected) verdict.exercised();
    },
    "cbret map"(event, state, verdict, dark) {
      const { buffer = "" } = state.attachments.get(event.attachment) ?? {};
      if (!dark.has(buffer) || event.injected) return;
      verdict.exercised();
      if (!isRefusal(event))
        verdict.violated(
          `${buffer} was exported while its memory was off, and a map of it ${notRefused(event)}`,
          verdict.since("buffers", buffer, "exporter"),
        );
    },
  }),
};

export const rev39: Rule = {
  id: "REV-39",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Revoke, unrevoke, export and release for one device exclude each other through one lock of the exporter, which is always taken before the reservation lock.",
  intent: "Mixed transitions leave a buffer open on a disabled device, and mixed lock orders deadlock.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move, vfio_pci_dma_buf_release", "6.19, 7.2"),
    derived("the lock order seen there"),
  ],
  from: "K6.19",
  needs: ["revoke"],
  temporal: ["T-24"],
  hints: [
    "Is the device lock held for write over the whole transition?",
    "Does any path take the device lock while it holds a reservation lock?",
  ],
  status: checked,
  across: noCycle("REV-39"),
  situation: {
    weights: {
      import: 20,
      submit: 30,
      complete: 4,
      revoke: 20,
      unrevoke: 20,
      setMemory: 15,
      reset: 15,
      closeDevice: 0.1,
      revokeForever: 0.1,
    },
    importers: ["subject"],
    exporters: ["subject"],
    sizes: [4096],
    tasks: 2,
  },
  monitor: remember(() => new LockOrder(), {
    "call invalidate"(event, state, verdict, order) {
      const operation = changeUnderWay(state, event.task, event.buffer);
      const buffer = state.buffers.get(event.buffer);
      if (operation === undefined || buffer === undefined) return;
      for (const { lock, lockClass } of state.tasks.get(event.task)?.held ?? []) {
        if (lockClass === "reservation" || !lock.startsWith(`${buffer.exporter}.`)) continue;
        verdict.exercised();
        order.ofDevices.add(lock);
        order.judge(verdict, lock);
      }
      for (const [task, row] of state.tasks) {
        const other = task === event.task ? undefined : changeUnderWay(state, task, event.buffer);
        if (other === undefined) continue;
        verdict.exercised();
        if (row.waiting !== null && row.waiting.kind !== "lock")
          verdict.violated(
            `${operation.op} of ${event.buffer} begins in the middle of a ${other.op}`,
            other,
            operation,
          );
      }
    },
    lock(event, state, verdict, order) {
      if (event.lockClass === "reservation" || event.errno !== 0) return;
      order.asked(state, event, event.lock);
      order.judge(verdict, event.lock);
    },
    blocked(event, state, verdict, order) {
      if (event.wait.kind !== "lock" || event.wait.lockClass === "reservation") return;
      order.asked(state, event, event.wait.lock);
      order.judge(verdict, event.wait.lock);
    },
  }),
};

export const rules: readonly Rule[] = [rev31, rev32, rev33, rev34, rev39];
