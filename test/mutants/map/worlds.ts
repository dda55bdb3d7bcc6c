import type { ProgramBuilder } from "../../../spec/builder.ts";
import { a1, pendingFence, m1 } from "../pin/worlds.ts";

/** Attachment a1 with mapping m1. `fresh`: buffer b1 has yet to be exported. */
export function mapped(builder: ProgramBuilder, fresh = true): ProgramBuilder {
  const exported = fresh ? builder.step("export", { buffer: "b1" }) : builder;
  return exported.step("attach", a1).step("mapUnlocked", m1);
}

/** Then all given back. */
export function detached(builder: ProgramBuilder): ProgramBuilder {
  return builder.step("unmapUnlocked", { mapping: "m1" }).step("detach", { attachment: "a1" });
}

/** An exporter of 6.12 that has the core cache tables, and a static importer attached. */
export function caching(builder: ProgramBuilder): ProgramBuilder {
  return builder
    .exporter("e1", { kind: "scripted" })
    .importer("i1", { ops: "static" })
    .step("export", { buffer: "b1", caching: true })
    .step("attach", a1);
}

/** Buffer b1 and attachment a1 with nobody in it who could move or be told. */
export function allStatic(builder: ProgramBuilder): ProgramBuilder {
  return builder
    .exporter("e1", { kind: "static" })
    .importer("i1", { ops: "static" })
    .step("export", { buffer: "b1" })
    .step("attach", a1);
}

/** A map for a static importer while a KERNEL and a WRITE fence are pending; another task signals the first. */
export function waitingMap(builder: ProgramBuilder): ProgramBuilder {
  return pendingFence(pendingFence(allStatic(builder), "kernel", "f1"), "write", "f2")
    .step("mapUnlocked", m1)
    .task("t2")
    .step("signal", { fence: "f1" });
}
