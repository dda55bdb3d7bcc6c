import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { doc, kernel, run } from "../source.ts";

const both = ["6.12.117", "7.2.13"];

export const resv24: Rule = {
  id: "RESV-24",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A query for a usage gives the fences of that usage and of the stronger ones (KERNEL is the strongest, then WRITE, READ, BOOKKEEP), and none weaker; signaled ones may show up only in a walk under the lock.",
  intent: "With one class too few a job starts before the memory is ready, with one too many unrelated work stalls it.",
  sources: [
    doc("include/linux/dma-resv.h", "enum dma_resv_usage"),
    kernel("drivers/dma-buf/dma-resv.c", "dma_resv_iter_next, dma_resv_iter_walk_unlocked", "6.12, 7.2"),
    run(both, "four fences listed at each level, with and without the lock"),
  ],
  hints: ["Is the usage compared with the right sign, so that a query for READ also sees KERNEL and WRITE?"],
  status: later("RESV"),
};

export const resv25: Rule = {
  id: "RESV-25",
  level: "MUST",
  obliged: ["importer", "framework"],
  statement:
    "Under implicit sync a new write waits for the READ level, hence for readers and writers, and a new read for the WRITE level, and the helper that picks the level says so.",
  intent: "The names mislead: asking for WRITE before a write skips the readers and overwrites what they still read.",
  sources: [
    kernel("include/linux/dma-resv.h", "dma_resv_usage_rw", "6.12, 7.2"),
    doc("include/linux/dma-buf.h", "dma_buf.resv, implicit synchronization rules"),
    run(both, "the helper for reading and for writing"),
  ],
  temporal: ["T-21"],
  hints: [
    "Is the level chosen by dma_resv_usage_rw, or by the usage the job's own fence will get?",
    "Does the argument say whether the new job writes?",
  ],
  status: later("RESV"),
};

export const resv26: Rule = {
  id: "RESV-26",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Nobody accesses the memory before its KERNEL fences have signaled, except where a pin is known to have kept it in place.",
  intent: "Such a fence stands for a move or a clear that still fills the pages.",
  sources: [doc("include/linux/dma-resv.h", "DMA_RESV_USAGE_KERNEL")],
  hints: [
    "Does a job with explicit sync leave out these fences together with the implicit ones?",
    "Was the pin taken before the move, and has its own fence signaled?",
  ],
  status: later("RESV"),
};

export const resv27: Rule = {
  id: "RESV-27",
  level: "MUST",
  obliged: ["importer", "exporter"],
  statement: "KERNEL usage is for fences of the kernel's own memory management, never for a job of user space.",
  intent: "Everybody has to wait for them, so a user's job in this class stalls all other users of the buffer.",
  sources: [doc("include/linux/dma-resv.h", "enum dma_resv_usage")],
  hints: ["Which path adds the fence of a user submission, and with which usage?"],
  status: later("RESV"),
};

export const resv28: Rule = {
  id: "RESV-28",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Only implicitly synchronised work gets READ or WRITE usage; what else still uses the memory, such as explicitly synchronised jobs, preemption and page table updates, gets BOOKKEEP.",
  intent: "Explicit work in a stronger class makes other processes wait for what they did not ask for.",
  sources: [doc("include/linux/dma-resv.h", "enum dma_resv_usage")],
  hints: [
    "Is the usage chosen by how the job was synchronised, or by whether it writes?",
    "Is the work left without a fence because it is explicit?",
  ],
  status: later("RESV"),
};

export const resv29: Rule = {
  id: "RESV-29",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An implicitly synchronised job that the API calls a write is published as WRITE, one it calls a read as READ or as WRITE.",
  intent: "A write published as a read lets a compositor show a frame that is still being drawn.",
  sources: [doc("include/linux/dma-buf.h", "dma_buf.resv, implicit synchronization rules")],
  hints: ["Where does the access kind come from, and what is assumed if user space does not say?"],
  status: later("RESV"),
};

export const rules: readonly Rule[] = [resv24, resv25, resv26, resv27, resv28, resv29];
