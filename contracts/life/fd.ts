import { EBADF, errnoName } from "../../spec/errno.ts";
import { frameOf } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked } from "../rule-text.ts";
import { doc, kernel, run } from "../source.ts";
import { countTaken, Holders, isCreator, openFds } from "./holders.ts";

const core = "drivers/dma-buf/dma-buf.c";
const vfio = "drivers/vfio/pci/vfio_pci_dmabuf.c";
const both = ["6.12.117", "7.2.13"];

function flags(closeOnExec: boolean): string {
  return closeOnExec ? "close-on-exec" : "no flags";
}

export const life06: Rule = {
  id: "LIFE-06",
  level: "MUST",
  obliged: ["exporter", "caller"],
  statement:
    "A successful fd creation takes over the creator's reference: from then on closing the fd drops it and the creator does not.",
  intent: "One put too many releases the buffer under the feet of whoever holds the fd.",
  sources: [
    kernel(core, "dma_buf_fd", "6.12, 7.2"),
    kernel(vfio, "vfio_pci_core_feature_dma_buf", "6.19+"),
    run(both, "reference count unchanged by fd creation; close runs release once"),
  ],
  hints: ["Is there a put on the success path after the fd was created?"],
  monitor: remember(() => new Holders(), {
    ...countTaken,
    "call put": ({ buffer, by }, state, verdict, holders) => {
      if (!isCreator(state, buffer, by)) return holders.change(state, buffer, by, -1);
      const open = openFds(state, buffer);
      if (open === 0) return;
      verdict.exercised();
      if (holders.creators(state, buffer) > open) return;
      const since = verdict.since("buffers", buffer, "programRefs");
      verdict.violated(`${by} puts ${buffer} although its descriptors (${open} open) hold what is left`, since);
    },
  }),
  situation: { weights: { exportFd: 8, requestFd: 8, put: 4 } },
  status: checked,
};

export const life08: Rule = {
  id: "LIFE-08",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Looking up a buffer by fd takes one new reference, or takes none and answers EBADF for a closed fd and EINVAL for a file that is no dma-buf.",
  intent: "Treating a foreign file as a buffer lets user space choose what the kernel takes for an ops table.",
  sources: [kernel(core, "dma_buf_get", "6.12, 7.2")],
  hints: [
    "Is the file's type checked before its private pointer is read?",
    "Is the file reference dropped again when the type is wrong?",
  ],
  monitor: remember(() => new Map<number, boolean>(), {
    "call get": (event, state, _verdict, open) => {
      const fd = state.fds.get(event.fd);
      if (fd !== undefined) open.set(event.seq, fd.open);
    },
    "ret get": ({ call, fd, buffer, errno }, state, verdict, open) => {
      const row = state.fds.get(fd);
      const wasOpen = open.get(call);
      // Closed meanwhile: either answer.
      if (row === undefined || wasOpen === undefined || row.open !== wasOpen) return;
      verdict.exercised();
      const since = verdict.since("fds", fd, "open");
      if (!wasOpen && errno !== EBADF)
        verdict.violated(`get of ${fd}, which is closed, answered ${errnoName(errno)} instead of EBADF`, since);
      if (wasOpen && (errno !== 0 || buffer !== row.buffer))
        verdict.violated(`get of ${fd} gave ${buffer ?? errnoName(errno)}, not ${row.buffer} behind it`, since);
    },
  }),
  situation: { weights: { get: 10, exportFd: 5, close: 3 } },
  status: checked,
};

export const life30: Rule = {
  id: "LIFE-30",
  level: "MUST",
  obliged: ["exporter", "framework"],
  statement:
    "Whoever gets a buffer fd can request close-on-exec in the very call that makes it, and the fd has that flag from its first instant.",
  intent:
    "Set in a second step, the flag comes too late for another thread's fork and exec, and the buffer leaks into a foreign program.",
  sources: [
    doc("Documentation/driver-api/dma-buf.rst", "userspace interface notes"),
    kernel(core, "dma_buf_fd", "6.12, 7.2"),
    run(both, "flag as asked at the first look, for the core call and the heap"),
  ],
  hints: [
    "Does your request structure have a flags field, and does O_CLOEXEC reach the fd call?",
    "Is a fixed 0 passed as flags? fastrpc does that.",
  ],
  monitor: on({
    "call exportFd": (event, state, verdict) => {
      const request = frameOf(state.tasks.get(event.task), "requestFd");
      if (request === undefined || request.buffer !== event.buffer) return;
      verdict.exercised();
      if (event.closeOnExec === request.closeOnExec) return;
      verdict.violated(
        `${event.by} was asked for ${flags(request.closeOnExec)} and asks for ${flags(event.closeOnExec)}`,
        request,
      );
    },
    "ret exportFd": (event, state, verdict) => {
      const asked = frameOf(state.tasks.get(event.task), "exportFd");
      if (asked === undefined || event.errno !== 0) return;
      verdict.exercised();
      if (event.closeOnExec === asked.closeOnExec) return;
      verdict.violated(
        `${event.fd} was asked for with ${flags(asked.closeOnExec)} and has ${flags(event.closeOnExec)}`,
        asked,
      );
    },
  }),
  situation: { weights: { exportFd: 5, requestFd: 5 } },
  status: checked,
};

export const rules: readonly Rule[] = [life06, life08, life30];
