import { EINVAL, EOVERFLOW, errnoName, type Errno } from "../../spec/errno.ts";
import type { CbEvent, PageEvent, RetEvent } from "../../spec/event.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import type { Situation } from "../../spec/situation.ts";
import { bracketCovers } from "../../spec/state/observe/cpu.ts";
import { holds, type BufferState, type State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { isOver, waitsItself } from "../shared/fences.ts";
import { certainFences } from "../shared/possible-lists.ts";
import { doc, kernel, proposal, run } from "../source.ts";
import { cpuHooksIn } from "./frames.ts";
import { looking, movingViews, oldViews } from "./situations.ts";

const mapping: Situation = {
  weights: { mmap: 15, mmapFd: 15, munmap: 5, import: 3 },
  sizes: [100, 4096, 6000, 8192, 3 * 4096],
  importers: ["cpu", "scripted"],
};

function wholePages(buffer: BufferState): number {
  return Math.floor(buffer.size / pageSize);
}

/** CPU-18: what a request has to be refused with; 0 where it comes to the exporter. */
function refusal(event: RetEvent<"mmap" | "mmapFd">, buffer: BufferState): Errno {
  if (!buffer.cpuHooks.includes("mmap")) return EINVAL;
  if (event.offset > Number.MAX_SAFE_INTEGER - event.pages) return EOVERFLOW;
  return event.offset + event.pages > wholePages(buffer) ? EINVAL : 0;
}

function isChecked(event: RetEvent<"mmap" | "mmapFd">, state: State, verdict: Verdict): void {
  const buffer = state.buffers.get(event.buffer);
  if (buffer === undefined) return;
  verdict.exercised();
  const wanted = refusal(event, buffer);
  const hook = cpuHooksIn(state, event.task, event.call).at(-1);
  const range = `${event.pages} pages from page ${event.offset} of ${event.buffer}`;
  if (wanted !== 0 && (event.errno !== wanted || hook !== undefined))
    verdict.violated(`${event.op} of ${range} answers ${errnoName(event.errno)}, not ${errnoName(wanted)}`, hook);
  else if (wanted === 0 && event.errno !== (hook?.errno ?? -1))
    verdict.violated(`${event.op} of ${range}, which lie inside it, answers ${errnoName(event.errno)}`, hook);
}

export const cpu18: Rule = {
  id: "CPU-18",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Mmap fails without calling the hook when the exporter has none (-EINVAL), the offset overflows (-EOVERFLOW in the kernel form) or the range passes the size rounded down to whole pages (-EINVAL).",
  intent: "A mapping past the end exposes foreign memory to user space.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_mmap", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_mmap_internal", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "lengths and offsets on sizes 100, 4096, 6000, 8192; the fd form answers -EINVAL"),
  ],
  hints: ["Is the size rounded up instead of down?", "Is the overflow test made before the addition is used?"],
  status: checked,
  situation: mapping,
  monitor: on({ "ret mmap": isChecked, "ret mmapFd": isChecked }),
};

export const cpu19: Rule = {
  id: "CPU-19",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A mapping made through the kernel mmap call belongs to the dma-buf file with adjusted offset and keeps the buffer alive until it is gone.",
  intent: "Otherwise the process would go on using the memory after the buffer was released.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_mmap", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "one reference more while mapped; the file is the dma-buf's"),
  ],
  needs: ["mmap"],
  hints: ["Is the reference of the former file dropped only after the new one was taken?"],
  status: checked,
  situation: mapping,
  monitor: on({
    "ret mmap"(event, state, verdict) {
      if (event.errno !== 0 || !state.buffers.has(event.buffer)) return;
      verdict.exercised();
      if (event.file !== event.buffer)
        verdict.violated(`a mapping of ${event.buffer} made by ${event.by} belongs to another file`);
      else if (event.start !== event.offset)
        verdict.violated(`a mapping of ${event.buffer} from page ${event.offset} on starts at page ${event.start}`);
    },
    "cb release"(event, state, verdict) {
      for (const [name, view] of state.views) {
        if (view.buffer !== event.buffer || view.kind !== "mmap") continue;
        verdict.exercised();
        if (view.live)
          verdict.violated(
            `${event.buffer} is released while ${name} shows it to a user`,
            verdict.since("views", name, "live"),
          );
      }
    },
  }),
};

export const cpu20: Rule = {
  id: "CPU-20",
  level: "MUST",
  obliged: ["caller"],
  statement:
    "Users of an mmap treat it as incoherent and bracket each access with sync requests, even where it works without.",
  intent: "Code that skips them works on one machine and corrupts data on the next.",
  sources: [doc("include/linux/dma-buf.h", "dma_buf_ops mmap")],
  needs: ["mmap"],
  hints: ["Is there a platform test that decides to leave out sync?"],
  status: checked,
  situation: looking,
  monitor: on({
    cpu(event, state, verdict) {
      if (state.views.get(event.view)?.kind !== "mmap") return;
      verdict.exercised();
      const open = state.buffers.get(event.buffer)?.brackets ?? [];
      if (open.some(({ by, direction }) => by === event.by && bracketCovers(direction, event.access))) return;
      verdict.violated(
        `${event.by} touches its mapping of ${event.buffer} outside a bracket`,
        verdict.since("buffers", event.buffer, "brackets"),
      );
    },
  }),
};

export const cpu21: Rule = {
  id: "CPU-21",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Before storage seen through mmap is reused after a move or revoke, the exporter has zapped all user mappings of it, for which the buffer has an address space of its own.",
  intent: "User space would keep reading and writing memory that belongs to someone else now.",
  sources: [doc("include/linux/dma-buf.h", "dma_buf_ops mmap")],
  needs: ["mmap"],
  hints: [
    "Does the file's mapping point at the exporter's own address space?",
    "Does the zap come before the pages are freed, and are new faults blocked meanwhile?",
  ],
  status: checked,
  evidence: ["free"],
  situation: oldViews,
  monitor: remember(() => new Map<string, PageEvent>(), {
    page(event, _state, _verdict, shown) {
      if (event.on && event.storage !== null) shown.set(event.storage, event);
    },
    free(event, state, verdict, shown) {
      const first = event.what === "storage" ? shown.get(event.id) : undefined;
      if (first === undefined) return;
      verdict.exercised();
      for (const [name, view] of state.views)
        if (view.live && view.shows.includes(event.id))
          verdict.violated(`${event.id} is given back while ${name} still shows it to a user`, first);
    },
    cpu(event, state, verdict, shown) {
      const buffer = state.buffers.get(event.buffer);
      if (event.answer !== "ok" || event.storage === null || state.views.get(event.view)?.kind !== "mmap") return;
      if (state.resources.get(event.storage)?.live !== false || buffer === undefined) return;
      verdict.violated(`${event.view} reaches ${event.storage}, which was given back`, shown.get(event.storage));
    },
  }),
};

export const cpu22: Rule = {
  id: "CPU-22",
  level: "MUST",
  obliged: ["exporter"],
  statement: "A CPU fault exposes the page only after all KERNEL fences of the buffer have signaled.",
  intent: "The copy into the new place may still run, and the process would see a half-moved page.",
  sources: [kernel("drivers/gpu/drm/ttm/ttm_bo_vm.c", "ttm_bo_vm_fault_idle", "6.12, 7.2")],
  needs: ["mmap"],
  hints: ["Is the fence test made under the reservation lock that the fault takes?"],
  status: checked,
  situation: movingViews,
  monitor: on({
    page(event, state, verdict) {
      const fault = state.tasks.get(event.task)?.frames.findLast((frame) => frame.kind === "cb");
      if (!event.on || fault?.kind !== "cb" || fault.hook !== "cpuFault" || fault.view !== event.view) return;
      const resv = state.buffers.get(event.buffer)?.resv ?? "";
      const moves = certainFences(state, resv, "kernel");
      if (moves.length > 0) verdict.exercised();
      const pending = moves.find((fence) => !isOver(state, fence) && !waitsItself(state, fence));
      if (pending !== undefined)
        verdict.violated(`a page of ${event.buffer} is shown while ${pending} is pending`, fault);
    },
  }),
};

export const cpu23: Rule = {
  id: "CPU-23",
  level: "MUST",
  obliged: ["caller"],
  statement: "The kernel mmap call is made without the reservation lock; the exporter's hook may take it.",
  intent: "An exporter whose hook locks the buffer would wait for its own caller.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "DMA-BUF locking convention"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_mmap", "6.12, 7.2"),
  ],
  needs: ["mmap"],
  hints: ["Does the importing driver's mmap path hold the lock of the imported object?"],
  status: checked,
  situation: mapping,
  monitor: on({
    "call mmap"(event, state, verdict) {
      verdict.exercised();
      const resv = state.buffers.get(event.buffer)?.resv ?? "";
      if (holds(state, event.task, resv))
        verdict.violated(
          `${event.by} maps ${event.buffer} for a user while it holds ${resv}`,
          verdict.since("reservations", resv, "owner"),
        );
    },
  }),
};

export const cpu30: Rule = {
  id: "CPU-30",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "A mapping that has to follow later changes of the storage is accepted only as shared; a private one, even read-only, is refused with -EINVAL.",
  intent: "A private mapping keeps its own copies and misses device writes and revocation; the core does not check it.",
  sources: [
    kernel("drivers/dma-buf/udmabuf.c", "mmap_udmabuf", "6.12, 7.2"),
    proposal("VFIO dma-buf mmap, 2026"),
    run(["6.12.117", "7.2.13"], "heap, udmabuf and vgem refuse; an own hook may accept"),
  ],
  needs: ["mmap"],
  hints: ["Does the mmap hook test the shared flag before anything else?"],
  status: checked,
  situation: mapping,
  monitor: on({
    "cbret mmap"(event, _state, verdict) {
      if (event.shared || event.injected) return;
      verdict.exercised();
      if (event.errno === 0) verdict.violated(`${event.to} accepts a private mapping of ${event.buffer}`);
      else if (event.errno !== EINVAL)
        verdict.violated(
          `${event.to} refuses a private mapping of ${event.buffer} with ${errnoName(event.errno)}, not EINVAL`,
        );
    },
  }),
};

export const cpu33: Rule = {
  id: "CPU-33",
  level: "MUST",
  obliged: ["framework"],
  statement: "The exporter's mmap hook is called only with a range that lies inside the buffer.",
  intent: "Hooks rely on that and map without a second check.",
  sources: [
    doc("include/linux/dma-buf.h", "dma_buf_ops mmap"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_mmap_internal", "6.12, 7.2"),
  ],
  needs: ["mmap"],
  hints: ["Can the offset be changed between the check and the hook?"],
  status: checked,
  situation: mapping,
  monitor: on({
    "cb mmap"(event: CbEvent<"mmap">, state, verdict) {
      const buffer = state.buffers.get(event.buffer);
      if (buffer === undefined) return;
      verdict.exercised();
      if (event.offset + event.pages > wholePages(buffer))
        verdict.violated(
          `the mmap hook for ${event.buffer} is asked for ${event.pages} pages from page ${event.offset}, past its end`,
        );
    },
  }),
};

export const rules: readonly Rule[] = [cpu18, cpu19, cpu20, cpu21, cpu22, cpu23, cpu30, cpu33];
