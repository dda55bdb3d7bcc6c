import type { Rule } from "../rule.ts";
import { EINVAL, EOPNOTSUPP, errnoName } from "../../spec/errno.ts";
import { on } from "../monitor.ts";
import { checked, excluded } from "../rule-text.ts";
import { kernel, thread } from "../source.ts";
import { negotiating } from "./situations.ts";

export const neg11: Rule = {
  id: "NEG-11",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A missing optional hook has a defined result: attach, detach, pin, unpin, begin and end succeed without effect, mmap and vmap fail with EINVAL.",
  intent: "Callers try a feature to learn whether it exists, and a null call ends in a crash.",
  sources: [
    thread("reply to 004", "Simona Vetter: everything optional is discoverable"),
    kernel(
      "drivers/dma-buf/dma-buf.c",
      "dma_buf_attach, dma_buf_pin, dma_buf_begin_cpu_access, dma_buf_vmap",
      "6.12, 7.2",
    ),
  ],
  hints: ["Which hook is called without a test for its presence?"],
  status: checked,
  situation: {
    weights: { export: 6, attach: 10, pin: 15, lock: 12, unlock: 8 },
    importers: ["scripted"],
    exporters: ["static", "scripted"],
  },
  monitor: on({
    "ret pin"(event, state, verdict) {
      const buffer = state.buffers.get(state.attachments.get(event.attachment)?.buffer ?? "");
      if (buffer === undefined || buffer.dynamic) return;
      verdict.exercised();
      if (event.errno !== 0)
        verdict.violated(`a pin that the exporter has no hook for is answered with ${errnoName(event.errno)}`);
    },
  }),
};

export const neg12: Rule = {
  id: "NEG-12",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "The lifetime and locking rules of a new access method are written down in dma-buf terms, whatever a single importer's code happens to do.",
  intent: "Early dma-buf had no such rules, and every pair of drivers expected something different.",
  sources: [thread("004", "clear rules, not: here is the kvm code that uses it")],
  hints: ["Could someone write a second importer from the text alone?"],
  status: excluded("about how rules are written down, not about a run"),
};

export const neg13: Rule = {
  id: "NEG-13",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A buffer that has neither pages nor PFNs maps to DMA addresses as any other, and a PFN mapping of it fails with EOPNOTSUPP.",
  intent: "Some storage is visible to devices only, and it is shared in the field today.",
  sources: [thread("003", "buffers that no PFN or page can describe")],
  needs: ["negotiation"],
  hints: ["Does the map path derive its addresses from pages?"],
  status: checked,
  situation: {
    weights: { ...negotiating, mapPhysical: 25 },
    importers: ["scripted"],
    exporters: ["dynamic", "static"],
  },
  monitor: on({
    "ret mapPhysical"(event, state, verdict) {
      const buffer = state.buffers.get(event.buffer);
      if (buffer === undefined || state.agreements.get(event.attachment)?.model === "physical") return;
      verdict.exercised();
      if (event.errno === 0)
        verdict.violated(`a physical list of ${event.buffer} is given out, which nobody described like this`);
      else if (event.errno !== EOPNOTSUPP && event.errno !== EINVAL)
        verdict.violated(`a physical list that is not to be had is answered with ${errnoName(event.errno)}`);
    },
  }),
};

export const neg21: Rule = {
  id: "NEG-21",
  level: "MAY",
  obliged: ["framework"],
  statement:
    "A further access method beside vmap, mmap, attach and private ones may be added if it ties each access to a lifetime (LIFE-26) and is negotiated on its own.",
  intent: "Bending attach to every new use would spoil its rules for those who rely on them.",
  sources: [thread("000", "a fifth access mechanism would be no big deal; no address without a lifetime")],
  hints: ["Which lock, fence or callback ends the use of what this method hands out?"],
  status: excluded("allows what no run can refuse: a further access method"),
};

export const rules: readonly Rule[] = [neg11, neg12, neg13, neg21];
