import { on } from "../monitor.ts";
import { checked, untested } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { placementOf } from "../shared/lookup.ts";
import { kernel, thread } from "../source.ts";
import { looking } from "./situations.ts";

export const cpu26: Rule = {
  id: "CPU-26",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Secure memory is never mapped for the CPU: mmap and vmap of it are refused, and it is passed on only as an fd to importers that know about it.",
  intent: "A CPU access to protected memory faults the machine or breaks its confidentiality.",
  sources: [thread("000", "pages of secure memory are conveyed inside the kernel only")],
  hints: ["Are both hooks missing, or do they refuse, for buffers of the secure kind?"],
  status: untested("no memory of the machine is secure: placements are system and device"),
};

export const cpu27: Rule = {
  id: "CPU-27",
  level: "MUST",
  obliged: ["exporter", "caller"],
  statement:
    "Device registers and device memory are mapped for the CPU as I/O memory (marked so in the vmap result) and touched only with I/O accessors.",
  intent: "Cached or speculative access to MMIO loses writes, triggers side effects or raises machine checks.",
  sources: [
    thread("002", "MMIO must not be treated as ordinary memory"),
    kernel("include/linux/iosys-map.h", "iosys_map is_iomem", "6.12, 7.2"),
  ],
  needs: ["vmap"],
  hints: ["Does the hook set the I/O flag of the result?", "Does the user ask that flag before a memcpy?"],
  status: checked,
  situation: { ...looking, exporters: ["static"] },
  monitor: on({
    "cbret vmap"(event, state, verdict) {
      const buffer = state.buffers.get(event.buffer);
      if (event.errno !== 0 || buffer === undefined) return;
      const inDevice = placementOf(state, buffer) === "device";
      if (inDevice) verdict.exercised();
      if (inDevice !== event.iomem)
        verdict.violated(
          `the kernel's address of ${event.buffer} is ${event.iomem ? "" : "not "}marked as I/O memory, and the buffer is in ${inDevice ? "device" : "system"} memory`,
          verdict.since("buffers", event.buffer, "storage"),
        );
    },
    cpu(event, state, verdict) {
      const view = state.views.get(event.view);
      if (view?.kind !== "vmap") return;
      if (view.iomem) verdict.exercised();
      if (view.iomem !== event.io)
        verdict.violated(
          `${event.by} touches ${event.buffer} with the accessors for ${event.io ? "I/O" : "ordinary"} memory`,
          verdict.since("views", event.view, "iomem"),
        );
    },
  }),
};

export const rules: readonly Rule[] = [cpu26, cpu27];
