import type { RegionRange } from "../../spec/roles/exporter.ts";
import { regionSize } from "../../spec/roles/exporter.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import { EINVAL, ENODEV, ENOENT, errnoName } from "../../spec/errno.ts";
import type { RetEvent } from "../../spec/event.ts";
import { on, remember } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked, untested } from "../rule-text.ts";
import { kernel, run } from "../source.ts";

const core = "drivers/dma-buf/dma-buf.c";
const vfio = "drivers/vfio/pci/vfio_pci_dmabuf.c";
const both = ["6.12.117", "7.2.13"];

/** Whether export has a reason to refuse that comes before the module. */
function isRefusedAnyway({ missing, pin, unpin, caching }: RetEvent<"export">): boolean {
  return missing.length > 0 || pin !== unpin || (caching && pin);
}

export const life01: Rule = {
  id: "LIFE-01",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "Export without private data, without an ops table, or without a map, unmap or release hook answers EINVAL and creates no buffer.",
  intent:
    "The core calls these hooks unconditionally later, so a gap would become a null call far away from its cause.",
  sources: [
    kernel(core, "dma_buf_export", "6.12, 7.2"),
    run(both, "each of the five items left out: EINVAL, one warning per try, no buffer"),
  ],
  hints: [
    "Is private data checked as well as the hooks?",
    "Does the check come before the file and the list entry are made?",
  ],
  monitor: on({
    "ret export": ({ buffer, missing, errno }, _state, verdict) => {
      if (missing.length === 0) return;
      verdict.exercised();
      if (errno === EINVAL) return;
      verdict.violated(
        `export of ${buffer} without ${missing.join(", ")} answered ${errnoName(errno)} instead of EINVAL`,
      );
    },
  }),
  status: checked,
};

export const life02: Rule = {
  id: "LIFE-02",
  level: "MUST",
  obliged: ["framework", "exporter"],
  statement: "An exporter offers pin and unpin as a pair or neither; export with only one of them answers EINVAL.",
  intent: "With half the pair a buffer could be nailed down for ever, or released from a pin it never had.",
  sources: [
    kernel(core, "dma_buf_export", "6.12, 7.2"),
    run(both, "pin only and unpin only: EINVAL with a warning; neither: accepted"),
  ],
  hints: ["Does the ops table name both hooks, even if one of them has nothing to do?"],
  monitor: on({
    "ret export": ({ buffer, pin, unpin, errno }, _state, verdict) => {
      if (pin === unpin) return;
      verdict.exercised();
      if (errno === EINVAL) return;
      const given = pin ? "pin but not unpin" : "unpin but not pin";
      verdict.violated(`export of ${buffer} with ${given} answered ${errnoName(errno)} instead of EINVAL`);
    },
  }),
  status: checked,
};

export const life03: Rule = {
  id: "LIFE-03",
  level: "MUST",
  obliged: ["framework"],
  statement: "Export answers EINVAL to an exporter that asks the core to cache its tables and also offers pin.",
  intent: "A table kept by the core would go on naming the old place after a dynamic exporter has moved the memory.",
  sources: [
    kernel(core, "dma_buf_export", "6.12"),
    run(["6.12.117"], "caching with pin and unpin: EINVAL with a warning; caching without pin: accepted"),
  ],
  until: "K6.12",
  hints: ["Is cache_sgt_mapping set in an ops table that also has pin and unpin?"],
  monitor: on({
    "ret export": ({ buffer, pin, unpin, caching, errno }, _state, verdict) => {
      if (!caching || !(pin || unpin)) return;
      verdict.exercised();
      if (errno === EINVAL) return;
      verdict.violated(`export of ${buffer} with caching and pin answered ${errnoName(errno)} instead of EINVAL`);
    },
  }),
  status: checked,
};

export const life15: Rule = {
  id: "LIFE-15",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["exporter"],
  statement:
    "The runtime that owns an exporter cannot be unloaded while one of its buffers exists, and export answers ENOENT once unloading has begun.",
  intent: "The next hook call on a surviving buffer would jump into code that is no longer in memory.",
  sources: [
    kernel(core, "dma_buf_export", "6.12, 7.2"),
    run(both, "module use count rises by one per buffer and falls back after the last put"),
  ],
  hints: [
    "Does the export info name the module that really holds the hooks?",
    "Is the owner's count dropped after the release hook has returned, not before?",
  ],
  monitor: remember(() => ({ gone: new Set<string>(), unloaded: new Map<string, RetEvent<"unloadOwner">>() }), {
    "cbret release": (event, _state, _verdict, { gone }) => void gone.add(event.buffer),
    "ret unloadOwner": (event, state, verdict, { gone, unloaded }) => {
      if (event.errno === 0) unloaded.set(event.exporter, event);
      for (const [name, buffer] of state.buffers) {
        if (buffer.exporter !== event.exporter || gone.has(name)) continue;
        verdict.exercised();
        if (event.errno !== 0) continue;
        const since = verdict.since("buffers", name, "exporter");
        verdict.violated(`the module of ${event.exporter} was unloaded while its buffer ${name} existed`, since);
      }
    },
    "ret export": (event, _state, verdict, { unloaded }) => {
      const unload = unloaded.get(event.exporter);
      if (unload === undefined || unload.seq > event.call || isRefusedAnyway(event)) return;
      verdict.exercised();
      if (event.errno === ENOENT) return;
      const answer = errnoName(event.errno);
      verdict.violated(`${event.exporter} was unloaded, and its export answered ${answer} instead of ENOENT`, unload);
    },
  }),
  situation: { weights: { unloadOwner: 30, put: 3, export: 2 } },
  status: checked,
};

export const life25: Rule = {
  id: "LIFE-25",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Export of memory that may not leave its owner (EPERM), may be dropped at will (EBUSY) or is already purged (EINVAL) fails and creates no buffer.",
  intent: "Importers would write into pages of a process that never agreed, or read pages that are gone.",
  sources: [
    kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_gem_prime_export", "6.12, 7.2"),
    kernel("drivers/gpu/drm/xe/xe_dma_buf.c", "xe_gem_prime_export", "6.12, 7.2; purge checks 7.1+"),
  ],
  hints: [
    "Are objects over user pages and objects private to one address space refused?",
    "Is the purgeable state read after the object can no longer be purged?",
  ],
  status: untested(
    "the request for a buffer names no kind of memory that its owner may not share, so nothing asks for it",
  ),
};

/** What is wrong with a request for ranges of a region; null if nothing is. */
function wrongRegion({
  ranges,
  flags,
}: {
  readonly ranges: readonly RegionRange[];
  readonly flags: number;
}): string | null {
  if (flags !== 0) return "a flag that nobody knows is set";
  if (ranges.length === 0) return "no range is asked for";
  for (const { offset, length } of ranges) {
    if (length === 0) return "a range is empty";
    if (offset % pageSize !== 0 || length % pageSize !== 0) return "a range is not made of whole pages";
    if (offset + length > regionSize) return "a range ends beyond the region";
  }
  return null;
}

export const life28: Rule = {
  id: "LIFE-28",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A region export is refused unless the region is exportable, no unknown flag is set, there is at least one range, every range is page-aligned, non-empty and inside the region, and neither an address nor the sum overflows.",
  intent:
    "The request comes from user space, and one unchecked range gives a device access to registers or memory next door.",
  sources: [
    kernel(vfio, "vfio_pci_core_feature_dma_buf", "6.19+"),
    kernel(vfio, "validate_dmabuf_input", "6.19+"),
    kernel(vfio, "vfio_pci_core_fill_phys_vec", "6.19+"),
  ],
  from: "K6.19",
  needs: ["regionExport"],
  hints: [
    "Is the end of each range computed with an overflow check before it is compared with the region's size?",
    "Is the sum of all lengths checked too, not only each length?",
    "After a refusal, is there no buffer, list entry or device registration left?",
  ],
  status: checked,
  monitor: on({
    "ret exportRegion"(event, state, verdict) {
      const wrong = wrongRegion(event);
      if (wrong === null || event.errno === ENODEV) return;
      verdict.exercised();
      if (event.errno === 0) verdict.violated(`${event.exporter} makes ${event.buffer} although ${wrong}`);
      else if (state.buffers.has(event.buffer))
        verdict.violated(`${event.exporter} refuses ${event.buffer} because ${wrong}, and the buffer is there`);
    },
  }),
  situation: { weights: { exportRegion: 20 }, exporters: ["subject"] },
};

export const rules: readonly Rule[] = [life01, life02, life03, life15, life25, life28];
