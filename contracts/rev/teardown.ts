import { on, remember } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { bufferOf } from "../shared/lookup.ts";
import { commit, kernel } from "../source.ts";
import {
  atReturn,
  changeUnderWay,
  innermostChange,
  isLive,
  isRefusal,
  isRefusedPin,
  isRevoked,
  notRefused,
} from "./access-change.ts";
import { MappingCounts, waitsForNobody } from "./mapping-count.ts";

export const rev14: Rule = {
  id: "REV-14",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "After the wait for unmaps the mapping count stands as after export, or is never touched again, so that every later unrevoke, map, revoke or device cleanup finds it balanced and above zero.",
  intent: "A second drop of the last count is a use after free, and its waiter sleeps on a completion already used up.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "7.2"),
    kernel("drivers/infiniband/core/uverbs_std_types_dmabuf.c", "uverbs_dmabuf_fd_destroy_uobj", "7.2"),
    commit("Fix the mapping count that underflowed after a revoke", "c64a647c84f3"),
  ],
  from: "K7.1",
  needs: ["revoke"],
  temporal: ["T-34"],
  hints: [
    "Are count and completion armed again right after the wait, and not only in unrevoke?",
    "What does device close do when the buffer is already revoked?",
  ],
  status: checked,
  monitor: remember(() => new MappingCounts(), {
    "cb map"(event, state, _verdict, counts) {
      counts.mapAsked(state, event.attachment);
    },
    "call invalidate"(event, state, _verdict, counts) {
      counts.begin(state, event);
    },
    blocked(event, state, verdict, counts) {
      const buffer = waitsForNobody(state, event);
      if (buffer === undefined || !counts.drained.has(buffer) || counts.asked.has(buffer)) return;
      verdict.exercised();
      verdict.violated(`${buffer} was revoked before, and with nothing mapped since its revoke waits for an unmap`);
    },
    ...atReturn((event, state, verdict, counts) => {
      for (const { buffer, left, again, message } of counts.finish(state, event)) {
        if (!again) continue;
        verdict.exercised();
        if (left !== undefined)
          verdict.violated(
            `the second revoke of ${buffer} did not wait for ${left}: its wait was over before it began`,
            message,
          );
      }
    }),
  }),
};

export const rev15: Rule = {
  id: "REV-15",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A successful map raises the mapping count by one and its unmap lowers it by one; a failed map leaves it alone.",
  intent: "One count too many makes the next revoke hang, one too few makes it return too early.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_map, vfio_pci_dma_buf_unmap", "7.2")],
  from: "K7.1",
  needs: ["revoke"],
  temporal: ["T-34"],
  hints: [
    "Is the count taken after the last step of map that can fail?",
    "Is the table freed before the count is dropped in unmap?",
  ],
  status: checked,
  situation: {
    weights: { revoke: 6, unrevoke: 6, mapUnlocked: 6, attach: 2 },
    failures: [{ site: "dma-map", errno: 12 }],
    exporters: ["subject"],
  },
  monitor: remember(() => new MappingCounts(), {
    "cb map"(event, state, _verdict, counts) {
      counts.mapAsked(state, event.attachment);
    },
    "call invalidate"(event, state, _verdict, counts) {
      counts.begin(state, event);
    },
    blocked(event, state, verdict, counts) {
      const buffer = waitsForNobody(state, event);
      if (buffer === undefined || !counts.asked.has(buffer)) return;
      verdict.exercised();
      verdict.violated(`a revoke of ${buffer} waits for an unmap, and every map of it has failed or was given back`);
    },
    ...atReturn((event, state, verdict, counts) => {
      for (const { buffer, left, asked, again, message } of counts.finish(state, event)) {
        if (!asked) continue;
        verdict.exercised();
        if (left !== undefined && !again)
          verdict.violated(
            `a revoke of ${buffer} returned while ${left} has it mapped: the map was not counted`,
            message,
          );
      }
    }),
  }),
};

export const rev37: Rule = {
  id: "REV-37",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A revoke made because the device or the exporting object goes away is final: no unrevoke follows, and maps fail with -ENODEV until the buffer is released.",
  intent: "Importers keep the buffer alive longer than its memory exists.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_cleanup", "6.19, 7.2"),
    kernel("drivers/infiniband/core/ib_core_uverbs.c", "rdma_user_mmap_entry_remove", "7.2"),
    kernel("drivers/infiniband/core/uverbs_std_types_dmabuf.c", "uverbs_dmabuf_fd_destroy_uobj", "7.2"),
  ],
  from: "K6.19",
  needs: ["revoke"],
  temporal: ["T-33"],
  hints: [
    "Is the buffer taken off the device's list, so that a later unrevoke cannot reach it?",
    "Does map still look at the freed device instead of its own flag?",
  ],
  status: checked,
  situation: { weights: { closeDevice: 10, mapUnlocked: 8, attach: 3 }, exporters: ["subject"] },
  monitor: on({
    "cbret pin"(event, state, verdict) {
      const buffer = bufferOf(state, event.attachment);
      if (isRefusedPin(state, event) && state.exporters.get(buffer?.exporter ?? "")?.closed === true)
        verdict.exercised();
    },
    "cbret map"(event, state, verdict) {
      const buffer = bufferOf(state, event.attachment);
      if (buffer === undefined || event.injected || state.exporters.get(buffer.exporter)?.closed !== true) return;
      verdict.exercised();
      if (!isRefusal(event))
        verdict.violated(
          `a map ${notRefused(event)} although ${buffer.exporter} is gone`,
          verdict.since("exporters", buffer.exporter, "closed"),
        );
    },
  }),
};

export const rev38: Rule = {
  id: "REV-38",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Device teardown that finds a buffer already revoked neither notifies nor waits for it again and leaves its counters balanced.",
  intent:
    "User space disables the memory and then closes the device, and the second drain of the same count hangs the close.",
  sources: [
    commit("Fix the mapping count that underflowed after a revoke", "c64a647c84f3"),
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_cleanup", "7.2"),
  ],
  from: "K7.1",
  needs: ["revoke"],
  hints: ["Does cleanup go through the same idempotent path as an ordinary revoke (REV-12)?"],
  status: checked,
  situation: { weights: { closeDevice: 10, revoke: 8 }, exporters: ["subject"] },
  monitor: remember(() => new Map<number, Set<string>>(), {
    "call closeDevice"(event, state, _verdict, before) {
      const revoked = [...state.buffers].filter(
        ([, row]) => row.exporter === event.exporter && isLive(row) && isRevoked(row) && !row.contested,
      );
      if (revoked.length > 0) before.set(event.seq, new Set(revoked.map(([name]) => name)));
    },
    "call invalidate"(event, state, verdict, before) {
      const operation = changeUnderWay(state, event.task, event.buffer);
      const found = operation === undefined ? undefined : before.get(operation.seq);
      if (operation === undefined || found?.has(event.buffer) !== true) return;
      // An operation that was under way may have given access back while this one waited for its turn.
      const buffer = state.buffers.get(event.buffer);
      if (buffer === undefined || !isRevoked(buffer) || buffer.contested) found.delete(event.buffer);
      else
        verdict.violated(
          `${event.buffer} was revoked already, and closing the device tells its importers again`,
          operation,
        );
    },
    blocked(event, state, verdict, before) {
      if (event.wait.kind !== "unmapped") return;
      const operation = changeUnderWay(state, event.task, event.wait.buffer);
      if (operation !== undefined && before.get(operation.seq)?.has(event.wait.buffer) === true)
        verdict.violated(
          `${event.wait.buffer} was revoked already, and closing the device waits for it again`,
          operation,
        );
    },
    "ret closeDevice"(event, _state, verdict, before) {
      if (before.delete(event.call)) verdict.exercised();
    },
  }),
};

export const rev51: Rule = {
  id: "REV-51",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "The buffer reference a revoke loop takes is dropped in a way that cannot run the release hook while the exporter's own lock is held.",
  intent: "The release hook takes that same lock, so the last put inside the loop would deadlock.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move, vfio_pci_dma_buf_release", "7.2")],
  from: "K6.19",
  needs: ["revoke"],
  hints: [
    "Is the reference dropped through the deferred file put, or by a put that can call release at once?",
    "Which lock does the release hook take?",
  ],
  status: checked,
  situation: { weights: { exportFd: 6, close: 10, reset: 10, setMemory: 4 }, tasks: 2, exporters: ["subject"] },
  monitor: on({
    "call put"(event, state, verdict) {
      const buffer = state.buffers.get(event.buffer);
      if (buffer === undefined || event.by !== buffer.exporter || buffer.refs !== 1) return;
      if (innermostChange(state.tasks.get(event.task)) !== undefined) verdict.exercised();
    },
    "cb release"(event, state, verdict) {
      const task = state.tasks.get(event.task);
      const operation = innermostChange(task);
      const own = task?.held.find(
        ({ lockClass, lock }) => lockClass !== "reservation" && lock.startsWith(`${event.to}.`),
      );
      if (operation === undefined || own === undefined) return;
      verdict.exercised();
      verdict.violated(
        `the last reference to ${event.buffer} was dropped so that its release runs inside the ${operation.op} with ${own.lock} held`,
        operation,
      );
    },
  }),
};

export const rules: readonly Rule[] = [rev14, rev15, rev37, rev38, rev51];
