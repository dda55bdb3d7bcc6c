import type { ProgramBuilder } from "../../../spec/builder.ts";
import type { Env } from "../../../spec/roles/env.ts";
import type { Blocking, Suspension } from "../../../spec/roles/suspendable.ts";

type Patch = { readonly [K in keyof Env]?: unknown };

/** An env of which some calls do something else. */
export function patched(env: Env, patch: Patch): Env {
  return Object.assign(Object.create(env) as Env, patch);
}

/** A generator as the result of a call that may block. */
export function blocking<T>(body: Generator<Suspension, T, unknown>): Blocking<T> {
  return body as Blocking<T>;
}

function* answer<T>(value: T): Generator<Suspension, T, unknown> {
  yield* [];
  return value;
}

/** A call that does nothing and answers this. */
export function nothing<T>(value: T): Blocking<T> {
  return blocking(answer(value));
}

export const a1 = { importer: "i1", buffer: "b1", attachment: "a1" } as const;
export const a2 = { importer: "i2", buffer: "b1", attachment: "a2" } as const;
export const m1 = { attachment: "a1", mapping: "m1" } as const;
export const p1 = { importer: "i1", buffer: "b1", import: "p1" } as const;
export const p2 = { importer: "i2", buffer: "b1", import: "p2" } as const;
export const j1 = { importer: "i1", imports: ["p1"], kind: "read", job: "j1" } as const;
export const toDevice = { buffer: "b1", placement: "device" } as const;
const lock = { resv: "b1.resv" } as const;

/** Buffer b1 of an exporter of this kind, and importer i1 of that. */
export function world(exporter: string, importer: string) {
  return (builder: ProgramBuilder): ProgramBuilder =>
    builder.exporter("e1", { kind: exporter }).importer("i1", { kind: importer }).step("export", { buffer: "b1" });
}

/** The same with importer i2, which pins as it may. */
export function beside(exporter: string, importer: string) {
  return (builder: ProgramBuilder): ProgramBuilder =>
    world(exporter, importer)(builder.importer("i2", { kind: "pinnedRevocable" }));
}

/** The same in device memory. */
export function deviceWorld(exporter: string, importer: string) {
  return (builder: ProgramBuilder): ProgramBuilder =>
    builder
      .exporter("e1", { kind: exporter })
      .importer("i1", { kind: importer })
      .buffer("b1", { placement: "device" })
      .step("export", { buffer: "b1" });
}

/** Buffer b1 of the subject, and static importer i1 that the program plays. */
export function staticImporter(builder: ProgramBuilder): ProgramBuilder {
  return builder.importer("i1", { ops: "static" }).step("export", { buffer: "b1" });
}

/** Pins or unpins an attachment under the lock. */
export function locked(builder: ProgramBuilder, op: "pin" | "unpin", attachment: string): ProgramBuilder {
  return builder.step("lock", lock).step(op, { attachment }).step("unlock", lock);
}

/** A pending fence of the program's in b1. */
export function pendingFence(
  builder: ProgramBuilder,
  usage: "kernel" | "write" = "kernel",
  fence = "f1",
): ProgramBuilder {
  return builder
    .step("fenceInit", { fence, timeline: Number(fence.slice(1)), seqno: 1 })
    .step("lock", lock)
    .step("reserveFences", { ...lock, count: 1 })
    .step("addFence", { ...lock, fence, usage })
    .step("unlock", lock);
}
