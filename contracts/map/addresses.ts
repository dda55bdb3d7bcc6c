import { handedOut } from "../shared/platform.ts";
import { errnoName } from "../../spec/errno.ts";
import type { AllocEvent, LockEvent, ResumedEvent, RetEvent } from "../../spec/event.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import { frameOf, type State } from "../../spec/state/state.ts";
import { on, remember } from "../monitor.ts";
import { checked, untested } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { bufferOf, placementOf } from "../shared/lookup.ts";
import { hex, reached, Storages, sum, wholePages } from "./segments.ts";
import { commit, derived, doc, kernel, run, thread } from "../source.ts";

/** How an import went so far: its attach where that succeeded, and whether anybody but the importer refused something. */
interface Attempt {
  attached: RetEvent<"attach"> | null;
  failed: boolean;
}

function noteFailure(
  event: RetEvent | LockEvent | AllocEvent | ResumedEvent,
  state: State,
  attempts: ReadonlyMap<number, Attempt>,
): void {
  if (event.errno === 0 || attempts.size === 0) return;
  const attempt = attempts.get(frameOf(state.tasks.get(event.task), "import")?.seq ?? -1);
  const isOwnEnd = event.kind === "ret" && event.op === "import";
  if (attempt !== undefined && !isOwnEnd) attempt.failed = true;
}

export const map09: Rule = {
  id: "MAP-09",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Every segment of a mapping starts at a multiple of the page size and is a multiple of the page size long.",
  intent: "Importers program page tables from the segments and would expose or miss the rest of a page.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_map_attachment")],
  hints: [
    "Do you cut segments at a limit that is no multiple of a page?",
    "Does the first segment carry an offset into its page?",
  ],
  status: checked,
  monitor: on({
    "cbret map"(event, _state, verdict) {
      if (event.errno !== 0 || event.table === null) return;
      verdict.exercised();
      const odd = event.segments.find(({ address, length }) => address % pageSize !== 0 || length % pageSize !== 0);
      if (odd !== undefined)
        verdict.violated(
          `${event.to} maps ${odd.length} bytes at ${hex(odd.address)} for ${event.attachment}; pages have ${pageSize} bytes`,
        );
    },
  }),
  situation: { weights: { mapUnlocked: 3, import: 2 }, sizes: [5 * 2 ** 30], maxSegments: [2 ** 32 - 1] },
};

export const map10: Rule = {
  id: "MAP-10",
  level: "MUST",
  obliged: ["exporter"],
  statement: "The DMA lengths of a mapping add up to the buffer size rounded up to whole pages, no more and no less.",
  intent: "A device given less faults at the end of the buffer; given more, it reaches memory of somebody else.",
  sources: [
    derived("the constant buffer size (LIFE-04)"),
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "7.2"),
    run(["6.12.117", "7.2.13"], "12288 for a buffer of three pages, 4096 for one of 100 bytes"),
  ],
  hints: [
    "Do you add up DMA lengths, or CPU lengths that the mapping may have merged?",
    "What happens to the last page of a size that is no page multiple?",
  ],
  status: checked,
  monitor: on({
    "cbret map"(event, state, verdict) {
      const buffer = bufferOf(state, event.attachment);
      if (buffer === undefined || event.errno !== 0 || event.table === null) return;
      verdict.exercised();
      const bytes = sum(event.segments);
      if (bytes !== wholePages(buffer.size))
        verdict.violated(
          `${event.to} maps ${bytes} bytes of a buffer of ${buffer.size} bytes for ${event.attachment}`,
          verdict.since("attachments", event.attachment, "buffer"),
        );
    },
  }),
};

export const map11: Rule = {
  id: "MAP-11",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "For the device it was made for, every address of a live mapping leads to this buffer's storage only, and equal addresses in two mappings lead to the same memory.",
  intent: "An address that also reaches foreign memory lets one process read or overwrite another one's data.",
  sources: [
    derived("DMA API: an address in use belongs to one mapping of the device"),
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "validate_dmabuf_input", "6.19+"),
  ],
  hints: [
    "Is an address range given out again while an older mapping still holds it?",
    "With several ranges: is each linked at its own offset of the reserved space?",
  ],
  status: checked,
  evidence: ["translate"],
  monitor: remember(() => new Storages(), {
    epoch: (event, _state, _verdict, storages) => storages.note(event),
    "cbret map"(event, state, verdict, storages) {
      const row = state.attachments.get(event.attachment);
      if (row === undefined || event.errno !== 0 || event.table === null) return;
      verdict.exercised();
      for (const segment of event.segments)
        for (const storage of reached(state, row.device, segment)) {
          if (storage === null)
            verdict.violated(`${hex(segment.address)} in the mapping for ${event.attachment} leads nowhere`);
          else if (!storages.belongs(row.buffer, storage))
            verdict.violated(
              `${hex(segment.address)} in the mapping for ${event.attachment} leads to ${storage}, which is not ${row.buffer}'s`,
              verdict.since("buffers", row.buffer, "storage"),
            );
        }
    },
  }),
  situation: { weights: { export: 3, mapUnlocked: 3 } },
};

export const map12: Rule = {
  id: "MAP-12",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer reads only DMA addresses and DMA lengths of a table, never its page pointers or CPU-side lengths.",
  intent: "Device memory has no pages behind it, so an importer that looks for them crashes or maps the wrong memory.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_wrap_sg_table; before 7.0 mangle_sg_table", "debug builds, all"),
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "7.2"),
    doc("include/linux/dma-buf.h", "struct dma_buf_attach_ops, allow_peer2peer"),
    thread("003", "page structures and frame numbers are no business of importers"),
  ],
  hints: [
    "Do you walk the table by CPU entries where you need the DMA entries?",
    "Does a helper turn the table into a page array?",
    "Do you use the CPU length of an entry where the DMA length is meant?",
  ],
  status: untested(
    "a table of this interface has DMA addresses and lengths only: there is no page an importer could look at",
  ),
};

export const map31: Rule = {
  id: "MAP-31",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Where a buffer is shared by DMA address, every address the importer's device uses comes from a mapping made by the exporter, never from the importer's own DMA mapping of pages or frames.",
  intent: "Only the exporter knows by which way, through which bus or IOMMU, its memory can be reached.",
  sources: [thread("003", "the exporter maps, because it alone knows how its buffer is reached")],
  hints: [
    "Does the importer call the DMA mapping functions on memory of the buffer?",
    "Is there a fast path that starts from a CPU address of the buffer?",
  ],
  status: checked,
  monitor: on({
    access(event, _state, verdict) {
      verdict.exercised();
      if (event.mapping === null)
        verdict.violated(
          `the device of ${event.importer} uses ${hex(event.address)}, which no mapping of ${event.attachment} gave it`,
        );
    },
  }),
};

export const map32: Rule = {
  id: "MAP-32",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer works with segments that have neither a frame number nor a page structure, or refuses the buffer cleanly at attach.",
  intent: "BAR windows and memory that no CPU can see are legal storage, and code that expects pages dies on them.",
  sources: [
    thread("003", "some buffers can be reached by devices only"),
    doc("include/linux/dma-buf.h", "struct dma_buf_attach_ops, allow_peer2peer"),
  ],
  hints: [
    "Was the importer ever run against an exporter of device memory?",
    "If it cannot do without pages, does attach say so, or does the failure come later?",
  ],
  status: checked,
  evidence: ["alloc"],
  monitor: remember(() => new Map<number, Attempt>(), {
    "call import": (event, _state, _verdict, attempts) =>
      void attempts.set(event.seq, { attached: null, failed: false }),
    "ret attach"(event, state, _verdict, attempts) {
      const attempt = attempts.get(frameOf(state.tasks.get(event.task), "import")?.seq ?? -1);
      if (attempt !== undefined && event.errno === 0) attempt.attached = event;
    },
    ret: (event, state, _verdict, attempts) => noteFailure(event, state, attempts),
    lock: (event, state, _verdict, attempts) => noteFailure(event, state, attempts),
    alloc: (event, state, _verdict, attempts) => noteFailure(event, state, attempts),
    resumed: (event, state, _verdict, attempts) => noteFailure(event, state, attempts),
    "ret import"(event, state, verdict, attempts) {
      const attempt = attempts.get(event.call);
      attempts.delete(event.call);
      const buffer = state.buffers.get(event.buffer);
      if (attempt?.attached === null || attempt === undefined || buffer === undefined) return;
      if (placementOf(state, buffer) !== "device") return;
      // A message that came meanwhile is a reason of its own to give up.
      if ((state.attachments.get(attempt.attached.attachment)?.invalidations ?? 0) > 0) return;
      verdict.exercised();
      if (event.errno !== 0 && !attempt.failed)
        verdict.violated(
          `${event.importer} answers ${errnoName(event.errno)} for device memory although attach and all that followed went well`,
          attempt.attached,
        );
    },
  }),
  situation: { weights: { import: 4 }, importers: ["dynamic", "static", "pinned", "pinnedRevocable"] },
};

export const map33: Rule = {
  id: "MAP-33",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "Where addresses of more than one kind are possible (host or IOMMU, PCI bus, private link), each segment of a mapping names its kind, and an unknown kind is refused with EOPNOTSUPP.",
  intent: "The same number means another place in each address space, so a device that guesses hits the wrong target.",
  sources: [
    thread("003", "several ways to reach a buffer and how to tell them apart"),
    thread("000", "address and description of memory beyond page structures"),
  ],
  onlyIf: "give peers memory of its device",
  hints: [
    "Is the kind decided for the pair of devices, or once for the whole buffer?",
    "Can a bus address get into a table that is read as IOMMU addresses?",
  ],
  status: checked,
  evidence: ["alloc"],
  monitor: on({
    "cbret map"(event, state, verdict) {
      const meeting = handedOut(state, event);
      if (meeting?.inDevice !== true || meeting.type === "unsupported") return;
      verdict.exercised();
      const odd = event.segments.find(({ peer }) => peer !== meeting.type);
      if (odd !== undefined)
        verdict.violated(
          `${event.to} calls ${hex(odd.address)} ${odd.peer ?? "nothing"}; ${meeting.client} reaches ${meeting.provider} by way of ${meeting.type}`,
        );
    },
  }),
  situation: { weights: { mapUnlocked: 4, import: 5, move: 3 }, platform: ["tree"] },
};

export const map35: Rule = {
  id: "MAP-35",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A mapping larger than one segment can describe is split and its lengths are summed in a type wide enough for the whole size, or the map fails with EINVAL.",
  intent: "A sum kept in 32 bits turns a buffer of 4 GiB and more into a mapping of nearly nothing.",
  sources: [
    kernel("drivers/dma-buf/dma-buf-mapping.c", "dma_buf_phys_vec_to_sgt", "7.2"),
    commit("widen the sum of mapped lengths (2026)", "fixes 3aa31a8bb11e"),
  ],
  hints: [
    "Which integer types hold lengths, offsets and entry counts on the way?",
    "Is the split point page aligned, and is a split range unmapped the way it was mapped?",
  ],
  status: checked,
  monitor: on({
    "cbret map"(event, state, verdict) {
      const buffer = bufferOf(state, event.attachment);
      if (buffer === undefined || buffer.size < 2 ** 32 || event.injected) return;
      verdict.exercised();
      if (event.errno !== 0 || event.table === null) return;
      if (sum(event.segments) !== wholePages(buffer.size))
        verdict.violated(`of ${buffer.size} bytes ${event.to} maps ${sum(event.segments)} for ${event.attachment}`);
      let offset = event.segments[0]?.offset ?? 0;
      for (const segment of event.segments) {
        if (segment.offset !== offset || segment.storage === null)
          verdict.violated(
            `the piece at ${hex(segment.address)} leads to byte ${segment.offset} of ${segment.storage ?? "nothing"}, not ${offset}`,
          );
        offset += segment.length;
      }
    },
  }),
  situation: { weights: { mapUnlocked: 3, import: 2 }, sizes: [2 ** 32, 5 * 2 ** 30, 9 * 2 ** 30] },
};

export const rules: readonly Rule[] = [map09, map10, map11, map12, map31, map32, map33, map35];
