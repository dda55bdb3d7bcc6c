import { EFAULT, EMFILE, errnoName } from "../../spec/errno.ts";
import type { CallEvent, RetEvent } from "../../spec/event.ts";
import { changesAccess, concerns } from "../../spec/state/observe/rows.ts";
import { frameOf, type State } from "../../spec/state/state.ts";
import { remember } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { attachmentsOf, innermost } from "../shared/lookup.ts";
import { commit, doc, kernel, run } from "../source.ts";
import { openFds } from "./holders.ts";

const core = "drivers/dma-buf/dma-buf.c";
const vfio = "drivers/vfio/pci/vfio_pci_dmabuf.c";
const both = ["6.12.117", "7.2.13"];

/** The request for a descriptor inside which the exporter acts on that buffer. */
function ownRequest(
  state: State,
  event: { readonly task: string; readonly by: string; readonly buffer: string },
): CallEvent<"requestFd"> | undefined {
  const request = frameOf(state.tasks.get(event.task), "requestFd");
  return request?.buffer === event.buffer && request.exporter === event.by ? request : undefined;
}

/** Whether the memory of an exporter's device is just being switched, by any task. */
function isDeviceChanging(state: State, exporter: string): boolean {
  for (const task of state.tasks.values())
    for (const frame of task.frames)
      if (frame.kind === "call" && changesAccess(frame) && "exporter" in frame && frame.exporter === exporter)
        return true;
  return false;
}

/** Device operations that take access to every buffer of the device away, at least for a while. */
function takesAll(event: CallEvent): event is CallEvent<"reset" | "setMemory" | "closeDevice"> {
  return event.op === "reset" || event.op === "closeDevice" || (event.op === "setMemory" && !event.on);
}

/** Attachments of a buffer that have to be told. */
function hearers(state: State, buffer: string): number {
  return attachmentsOf(state, buffer).filter(([, row]) => row.listed && row.ops === "callback").length;
}

/** Buffers behind a descriptor that can be used and whose importers have to be told when that ends. */
function visibleBuffers(state: State, exporter: string): Set<string> {
  const names = [...state.buffers].filter(
    ([name, row]) =>
      row.exporter === exporter && row.access === "accessible" && openFds(state, name) > 0 && hearers(state, name) > 0,
  );
  return new Set(names.map(([name]) => name));
}

export const life07: Rule = {
  id: "LIFE-07",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "When fd creation fails, the exporter puts the buffer exactly once and leaves its private data to the release hook that this put runs.",
  intent:
    "Freeing private data in the error path as well is a double free that any process at its fd limit can trigger.",
  sources: [
    kernel(vfio, "vfio_pci_core_feature_dma_buf", "6.19+"),
    commit("VFIO: double free after a failed fd creation", "e98137f0a874"),
    run(both, "EMFILE at the fd limit: count stays 1, one release at the put"),
  ],
  hints: [
    "Does the error label after export fall through into the kfree that the earlier labels need?",
    "Does the error path put at all?",
  ],
  monitor: remember(() => new Map<number, number>(), {
    "call put": (event, state, _verdict, puts) => {
      const request = ownRequest(state, event);
      if (request !== undefined) puts.set(request.seq, (puts.get(request.seq) ?? 0) + 1);
    },
    "ret getRef": (event, state, _verdict, puts) => {
      const request = ownRequest(state, event);
      if (request !== undefined) puts.set(request.seq, (puts.get(request.seq) ?? 0) - 1);
    },
    free: (event, state, verdict) => {
      const frame = innermost(state, event.task);
      if (frame?.kind !== "call" || frame.op !== "requestFd" || event.by !== frame.exporter) return;
      verdict.exercised();
      const { buffer, exporter } = frame;
      if (state.buffers.get(buffer)?.released === true) return;
      verdict.violated(`${exporter} gives ${event.what} ${event.id} back itself, which the release of ${buffer} does`);
    },
    "ret requestFd": ({ buffer, exporter, fd, errno, call }, _state, verdict, puts) => {
      if (errno === 0) return;
      verdict.exercised();
      const count = puts.get(call) ?? 0;
      if (count === 1) return;
      verdict.violated(
        `${exporter} could not make ${fd} (${errnoName(errno)}) and put ${buffer} ${count} times, not once`,
      );
    },
  }),
  situation: {
    weights: { requestFd: 20 },
    failures: [
      { site: "fd", errno: EMFILE },
      { site: "copy-out", errno: EFAULT },
    ],
  },
  status: checked,
};

export const life20: Rule = {
  id: "LIFE-20",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Everything the exporter keeps per buffer, the first revoked flag and the place on its list included, is set before the fd can be seen.",
  intent:
    "A reset that runs right after the fd appears would miss a buffer that is not on the list yet, and leave it open.",
  sources: [kernel(vfio, "vfio_pci_core_feature_dma_buf", "6.19+")],
  from: "K6.19",
  needs: ["revoke"],
  hints: [
    "Is the buffer put on the device's list before the fd is installed?",
    "Is the revoked flag copied from the device's state under the lock that a reset takes?",
  ],
  monitor: remember(() => ({ bornRevoked: new Set<string>(), unreached: new Map<number, Set<string>>() }), {
    "ret export": ({ buffer, exporter, errno }, state, _verdict, { bornRevoked }) => {
      const off = state.exporters.get(exporter)?.memory === false;
      if (errno === 0 && off && !isDeviceChanging(state, exporter)) bornRevoked.add(buffer);
    },
    call: (event, state, _verdict, { bornRevoked, unreached }) => {
      if (event.op === "invalidate") for (const left of unreached.values()) left.delete(event.buffer);
      if (!changesAccess(event)) return;
      for (const [name, buffer] of state.buffers) if (concerns(event, buffer, name)) bornRevoked.delete(name);
      if (takesAll(event)) unreached.set(event.seq, visibleBuffers(state, event.exporter));
    },
    "cbret map": ({ attachment, errno, injected }, state, verdict, { bornRevoked }) => {
      const name = state.attachments.get(attachment)?.buffer ?? "";
      if (injected || !bornRevoked.has(name)) return;
      verdict.exercised();
      if (errno !== 0) return;
      const since = verdict.since("buffers", name, "exporter");
      verdict.violated(`${name} was exported while the memory of its device was off, and yet it can be mapped`, since);
    },
    ret: (event, state, verdict, { unreached }) => {
      const left = unreached.get(event.call);
      if (left === undefined || event.errno !== 0) return;
      verdict.exercised();
      unreached.delete(event.call);
      for (const name of left)
        if (state.buffers.get(name)?.access === "accessible" && hearers(state, name) > 0)
          verdict.violated(
            `${event.op} passed over ${name}, although a descriptor of it was there before`,
            verdict.since("buffers", name, "programRefs"),
          );
    },
  }),
  situation: {
    weights: { setMemory: 6, export: 10, attach: 15, mapUnlocked: 15, exportFd: 3, requestFd: 3, reset: 3 },
    exporters: ["subject"],
    importers: ["scripted"],
  },
  status: checked,
};

export const life33: Rule = {
  id: "LIFE-33",
  level: "MUST",
  obliged: ["exporter", "caller"],
  statement:
    "Installing the fd is the last step of an export request: if anything before it fails, such as the copy to the user, the number is given back, the reference is put and nobody ever sees the fd.",
  intent:
    "A failed request that leaves a working fd behind leaks the buffer, because its owner does not know the number.",
  sources: [
    doc(core, "dma_buf_fd_install", "7.2"),
    kernel("drivers/dma-buf/dma-heap.c", "dma_heap_ioctl", "6.12, 7.2"),
    run(both, "argument in a read-only page: the heap leaves nothing, vgem handle-to-fd leaves the fd open"),
  ],
  hints: [
    "Is the fd number reserved first and installed only after the copy-out?",
    "On failure, are both the reserved number and the reference given back?",
  ],
  monitor: remember(() => new Map<number, RetEvent<"exportFd">>(), {
    "ret exportFd": (event, state, _verdict, installed) => {
      const request = frameOf(state.tasks.get(event.task), "requestFd");
      if (request !== undefined && event.errno === 0) installed.set(request.seq, event);
    },
    "ret requestFd": ({ call, buffer, errno }, _state, verdict, installed) => {
      if (errno === 0) return;
      verdict.exercised();
      const fd = installed.get(call);
      if (fd === undefined) return;
      verdict.violated(
        `a request for ${buffer} failed with ${errnoName(errno)} after ${fd.fd} was there for all to see`,
        fd,
      );
    },
  }),
  situation: { weights: { requestFd: 20 }, failures: [{ site: "copy-out", errno: EFAULT }] },
  status: checked,
};

export const rules: readonly Rule[] = [life07, life20, life33];
