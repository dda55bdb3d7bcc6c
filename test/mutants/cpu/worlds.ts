import type { ProgramBuilder } from "../../../spec/builder.ts";
import type { Usage } from "../../../spec/roles/handles.ts";

export const b1 = { buffer: "b1" } as const;
export const v1 = { buffer: "b1", view: "v1" } as const;
export const v2 = { buffer: "b1", view: "v2" } as const;
export const reading = { buffer: "b1", direction: "fromDevice" } as const;
export const writing = { buffer: "b1", direction: "toDevice" } as const;
export const p1 = { importer: "i1", buffer: "b1", import: "p1" } as const;
const lock = { resv: "b1.resv" } as const;

/** Buffer b1 of an exporter of this kind. */
export function exported(builder: ProgramBuilder, kind = "subject"): ProgramBuilder {
  return builder.exporter("e1", { kind }).step("export", b1);
}

/** Fence f1 of the program's, pending in b1. */
export function fenced(builder: ProgramBuilder, usage: Usage): ProgramBuilder {
  return builder
    .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
    .step("lock", lock)
    .step("reserveFences", { ...lock, count: 1 })
    .step("addFence", { ...lock, fence: "f1", usage })
    .step("unlock", lock);
}

/** A user mapping v1 of the first page, or of another, inside a bracket for reading. */
export function mapped(builder: ProgramBuilder, offset = 0): ProgramBuilder {
  return builder.step("mmapFd", { ...v1, offset, pages: 1, shared: true }).step("beginCpu", reading);
}

/** Importer i1 works with the CPU on b1 of an exporter of this kind. */
export function withCpu(builder: ProgramBuilder, kind = "static"): ProgramBuilder {
  return exported(builder.importer("i1", { kind: "cpu" }), kind).step("import", p1);
}

/** It reads, writes, or starts a scan. */
export function submitted(builder: ProgramBuilder, kind: "read" | "write" | "speculativeRead", job = "j1") {
  return builder.step("submit", { importer: "i1", imports: ["p1"], kind, job });
}

/** A page that a device reaches which does not look into the CPU's caches, mapped as m1, and as v1 for the kernel. */
export function incoherent(builder: ProgramBuilder): ProgramBuilder {
  return exported(builder.device("d1", { coherent: false }).importer("i1", { ops: "static" }), "static")
    .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
    .step("mapUnlocked", { attachment: "a1", mapping: "m1" })
    .step("vmapUnlocked", v1);
}

/** The CPU touches the first byte of v1. */
export const touch = { view: "v1", kind: "read", offset: 0 } as const;
