import { ENODEV, ENOMEM, ERESTARTSYS, EINTR, errnoName } from "../../spec/errno.ts";
import type { ResolvedSegment } from "../../spec/calls.ts";
import type { CpuEvent, RetEvent } from "../../spec/event.ts";
import { covers, pageSize } from "../../spec/roles/handles.ts";
import { holds, type State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { checked, untested } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { placementOf, resvOf } from "../shared/lookup.ts";
import { certainFences, possibleEntries } from "../shared/possible-lists.ts";
import { derived, doc, kernel, run, thread } from "../source.ts";
import { Contents } from "./contents.ts";
import { bracketOf, cpuHooksIn } from "./frames.ts";
import { bracketing, comparing, looking, sharing } from "./situations.ts";

/** CPU-08: a begin beside a bracket that is open already. */
function overlaps(event: RetEvent<"beginCpu" | "ioctlSync">, state: State, verdict: Verdict): void {
  const buffer = state.buffers.get(event.buffer);
  if (bracketOf(event)?.end !== false || buffer === undefined) return;
  if (buffer.brackets.length > 0) verdict.exercised();
  const failed = cpuHooksIn(state, event.task, event.call).some(({ errno }) => errno !== 0);
  const wrong = event.errno !== 0 && !failed && event.errno !== ERESTARTSYS && event.errno !== EINTR;
  const since = verdict.since("buffers", event.buffer, "brackets");
  if (wrong && buffer.brackets.length > 0)
    verdict.violated(`a second bracket on ${event.buffer} is refused: ${errnoName(event.errno)}`, since);
  else if (event.errno === 0 && holds(state, event.task, buffer.resv))
    verdict.violated(
      `begin on ${event.buffer} returns with ${buffer.resv} locked: nobody else gets on until the end`,
      verdict.since("reservations", buffer.resv, "owner"),
    );
}

/** CPU-09: whether a fence stands for a job on this buffer, not on another one with the same reservation object. */
function isWorkOn(state: State, fence: string, buffer: string): boolean {
  const job = state.fences.get(fence)?.job ?? null;
  const imports = job === null ? undefined : state.jobs.get(job)?.imports;
  return imports?.some((name) => state.imports.get(name)?.buffer === buffer) === true;
}

/** A byte of a storage; null: nobody says which. */
interface Place {
  readonly storage: string | null;
  readonly offset: number;
}

/** Where a byte of a segment leads. One segment may be several translations, of pieces that are far apart. */
function behind(state: State, device: string, segment: ResolvedSegment, offset: number): Place {
  let rest = offset;
  for (let at = segment.address; at < segment.address + segment.length;) {
    const row = state.translations.get(`${device}@${at}`);
    if (row === undefined) break;
    if (rest < row.length) return { storage: row.storage, offset: row.offset + rest };
    at += row.length;
    rest -= row.length;
  }
  // It begins inside a translation: what it says itself is all that is known.
  return { storage: segment.storage, offset: segment.offset + offset };
}

/** CPU-32: where a page of a buffer is, through any live device mapping of where it is now. */
function deviceView(state: State, buffer: string, offset: number): Place | null {
  const epoch = state.buffers.get(buffer)?.epoch;
  for (const mapping of state.mappings.values()) {
    if (mapping.buffer !== buffer || !mapping.live || mapping.epoch !== epoch) continue;
    const device = state.attachments.get(mapping.attachment)?.device ?? "";
    let rest = offset;
    for (const segment of mapping.segments) {
      if (rest < segment.length) return behind(state, device, segment, rest);
      rest -= segment.length;
    }
  }
  return null;
}

/** CPU-32: as the first view of this page in this place showed it. */
function agrees(event: CpuEvent, state: State, verdict: Verdict, seen: Map<string, CpuEvent>): void {
  if (event.answer !== "ok" || event.storage === null) return;
  const device = deviceView(state, event.buffer, event.offset);
  if (device?.storage === event.storage) {
    verdict.exercised();
    if (device.offset !== event.storageOffset)
      verdict.violated(
        `byte ${event.offset} of ${event.buffer} is byte ${event.storageOffset} for the CPU and byte ${device.offset} of ${event.storage} for a device`,
      );
  }
  const key = `${event.storage} ${Math.floor(event.offset / pageSize)}`;
  const first = seen.get(key);
  if (first === undefined) {
    seen.set(key, event);
    return;
  }
  if (first.view === event.view) return;
  verdict.exercised();
  if (first.storageOffset - first.offset !== event.storageOffset - event.offset)
    verdict.violated(
      `${first.view} and ${event.view} show different bytes of ${event.storage} at one offset of ${event.buffer}`,
      first,
    );
}

export const cpu08: Rule = {
  id: "CPU-08",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "An open bracket excludes nobody: further brackets of the buffer can be opened, and later device work is neither refused nor delayed.",
  intent: "Brackets are about caches; a process that forgets its end must not lock out the device.",
  sources: [doc("include/uapi/linux/dma-buf.h", "struct dma_buf_sync")],
  hints: ["Is a lock or a busy mark held from begin to end?"],
  status: checked,
  situation: bracketing,
  monitor: on({ "ret beginCpu": overlaps, "ret ioctlSync": overlaps }),
};

export const cpu09: Rule = {
  id: "CPU-09",
  level: "MUST",
  obliged: ["caller"],
  statement:
    "Before CPU access the caller itself waits for explicitly synchronised work, since a successful begin covers only fences of KERNEL, WRITE and READ usage.",
  intent: "BOOKKEEP work may be writing while begin has long returned.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_begin_cpu_access"),
    run(["6.12.117", "7.2.13"], "begin never waits for BOOKKEEP"),
  ],
  hints: ["Is the job's own fence or sync file waited for before begin?"],
  status: checked,
  situation: { ...looking, importers: ["cpu"], weights: { import: 4, submit: 15, complete: 3 } },
  monitor: on({
    cpu(event, state, verdict) {
      const resv = resvOf(state, event.buffer);
      // A bracket waits for what may be there with a stronger usage.
      const stronger = possibleEntries(state, resv).filter(({ usage }) => covers("read", usage));
      const own = certainFences(state, resv, "bookkeep").filter(
        (name) =>
          state.fences.get(name)?.by === event.by &&
          isWorkOn(state, name, event.buffer) &&
          stronger.every(({ fence }) => fence !== name),
      );
      if (own.length > 0) verdict.exercised();
      const pending = own.find((name) => state.fences.get(name)?.signaled === false);
      if (pending !== undefined)
        verdict.violated(
          `the CPU touches ${event.buffer} for ${event.by} while its own ${pending} is pending, which no bracket waits for`,
          verdict.since("reservations", resv, "entries"),
        );
    },
  }),
};

export const cpu11: Rule = {
  id: "CPU-11",
  level: "MAY",
  obliged: ["caller"],
  statement:
    "An access in a direction other than the announced one may see stale or fresh data, so nobody relies on its content.",
  intent: "The exporter did only the cache operations of the announced direction.",
  sources: [doc("include/linux/dma-buf.h", "dma_buf_ops begin_cpu_access")],
  hints: ["Does a read-modify-write run inside a write-only bracket?"],
  status: untested("what an access in another direction sees is undefined, so every content is right"),
};

export const cpu17: Rule = {
  id: "CPU-17",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer never maps the buffer's pages for the CPU by itself, only through the exporter's vmap or mmap.",
  intent: "The pages may move, be device memory or need other cache attributes, and only the exporter knows.",
  sources: [thread("003", "König, 15 Jan 2025, PFN sharing RFC")],
  hints: ["Does the driver take a page or PFN out of the mapped table and map it?"],
  status: untested("env hands out no page and no address that an importer could map for the CPU by itself"),
};

export const cpu24: Rule = {
  id: "CPU-24",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "Begin for read moves the data to where the CPU reads it well, if it can, and does not fail when the move fails but the present place is accessible.",
  intent: "Reading device memory over the bus is very slow, yet still better than an error.",
  sources: [
    kernel("drivers/gpu/drm/xe/xe_dma_buf.c", "xe_dma_buf_begin_cpu_access", "6.12, 7.2"),
    kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_dma_buf_begin_cpu_access", "6.12, 7.2"),
  ],
  needs: ["move", "cpuSync"],
  hints: ["Is a failed migration returned although the memory can be read in place?"],
  status: checked,
  situation: { ...bracketing, exporters: ["subject", "dynamic"], failures: [{ site: "storage", errno: ENOMEM }] },
  monitor: remember(() => new Set<string>(), {
    alloc(event, _state, _verdict, refused) {
      if (event.errno !== 0) refused.add(event.task);
    },
    "cb beginCpu"(event, _state, _verdict, refused) {
      refused.delete(event.task);
    },
    "cbret beginCpu"(event, state, verdict, refused) {
      const buffer = state.buffers.get(event.buffer);
      const reads = event.direction === "fromDevice" || event.direction === "bidirectional";
      if (event.injected || buffer?.access !== "accessible" || !reads) return;
      if (placementOf(state, buffer) !== "device") return;
      verdict.exercised();
      if (refused.has(event.task) && (event.errno === ENOMEM || event.errno === ENODEV))
        verdict.violated(
          `begin on ${event.buffer} fails as its data could not come to the CPU, though it can be read where it is`,
          verdict.since("buffers", event.buffer, "storage"),
        );
    },
  }),
};

export const cpu25: Rule = {
  id: "CPU-25",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "On an exporter of cached memory, begin and end bring the CPU caches in line for every device with a live mapping, in the direction of the bracket.",
  intent: "A device that was forgotten reads old lines from memory or has its data overwritten by a late write-back.",
  sources: [
    kernel("drivers/dma-buf/heaps/system_heap.c", "system_heap_dma_buf_begin_cpu_access", "6.12, 7.2"),
    kernel("drivers/dma-buf/heaps/cma_heap.c", "cma_heap_dma_buf_begin_cpu_access", "6.12, 7.2"),
    kernel("drivers/dma-buf/udmabuf.c", "begin_cpu_udmabuf (syncs its own device only)", "6.12, 7.2"),
  ],
  hints: [
    "Does the hook walk all mapped attachments, under the lock that map and unmap take?",
    "Is an attachment that mapped after begin synced at its map?",
  ],
  status: checked,
  needs: ["cpuSync"],
  temporal: ["T-25"],
  situation: sharing,
  monitor: remember(() => new Contents(), {
    access(event, state, verdict, contents) {
      if (event.access === "write") contents.deviceWrites(event, state);
      else contents.deviceReads(event, state, verdict);
    },
    cpu(event, state, verdict, contents) {
      if (event.answer !== "ok") return;
      if (event.access === "write") contents.cpuWrites(event, state);
      else contents.cpuReads(event, state, verdict);
    },
    "cbret beginCpu": (event, state, _verdict, contents) => contents.synchronised(event, state),
    "cbret endCpu": (event, state, _verdict, contents) => contents.synchronised(event, state),
    touch: (event, state, _verdict, contents) => contents.dropped(event, state),
  }),
};

export const cpu29: Rule = {
  id: "CPU-29",
  level: "MUST",
  obliged: ["caller"],
  provokedBy: ["exporter"],
  statement:
    "The CPU writes nothing between end and the device's access; a device that writes inside a bracket makes the content undefined but causes no other harm.",
  intent:
    "An overlapping writer loses data to a cache line write-back, and broken user code must not become a broken kernel.",
  sources: [derived("CPU-01 and the DMA API ownership rules")],
  needsAny: ["vmap", "mmap"],
  hints: ["Does a helper thread still write when the buffer is submitted?"],
  status: checked,
  situation: {
    ...sharing,
    importers: ["cpu", "scripted", "static"],
    weights: { ...sharing.weights, import: 4, submit: 8 },
  },
  monitor: remember(() => ({ contents: new Contents(), ended: new Set<number>() }), {
    cpu(event, state, _verdict, { contents, ended }) {
      if (event.access !== "write" || event.answer !== "ok") return;
      contents.cpuWrites(event, state);
      // Behind its bracket's end.
      const open = state.buffers.get(event.buffer)?.brackets ?? [];
      if (open.every(({ by }) => by !== event.by)) ended.add(event.seq);
    },
    access(event, state, verdict, { contents, ended }) {
      if (event.answer !== "ok") return;
      const write = contents.unfinished(event, state);
      if (event.access === "write") contents.deviceWrites(event, state);
      if (write === undefined) return;
      verdict.exercised();
      if (ended.has(write.seq))
        verdict.violated(
          `${event.importer} touches ${write.buffer}, which ${write.by} wrote with the CPU outside its bracket`,
          write,
        );
    },
    warn(event, state, verdict) {
      const open = [...state.buffers.values()].some(({ brackets }) => brackets.length > 0);
      if (open && event.text.startsWith("kernel stops") && state.tasks.get(event.task)?.frames.length === 0)
        verdict.violated(`a device's work beside an open bracket stops the kernel: ${event.text}`);
    },
  }),
};

export const cpu32: Rule = {
  id: "CPU-32",
  level: "MUST",
  obliged: ["exporter"],
  statement: "A byte of the buffer is found at its own offset in every vmap, every mmap and every device mapping.",
  intent: "Views that disagree by an offset read somebody else's data and scribble over it.",
  sources: [
    derived("the meaning of a shared buffer"),
    kernel("drivers/dma-buf/udmabuf.c", "vmap_udmabuf (ignores the offset inside a large folio)", "6.12"),
    run(
      ["6.12.117", "7.2.13"],
      "mmap and vmap agree on heap and udmabuf with small pages, on vgem only where the mapping begins at byte 0",
    ),
    run(["6.12.117", "7.3.4"], "on vgem a mapping from a later page on shows the first ones (drm_gem_shmem_fault)"),
  ],
  hints: [
    "Is the offset inside a large folio added in every view?",
    "Does each view walk the pages in the same order?",
  ],
  status: checked,
  needsAny: ["vmap", "mmap"],
  situation: comparing,
  monitor: remember(() => new Map<string, CpuEvent>(), { cpu: agrees }),
};

export const rules: readonly Rule[] = [cpu08, cpu09, cpu11, cpu17, cpu24, cpu25, cpu29, cpu32];
