import { referenceSystem } from "../../../conformance/reference-system.ts";
import { program, type ProgramBuilder } from "../../../spec/builder.ts";
import type { Env } from "../../../spec/roles/env.ts";
import type { Usage } from "../../../spec/roles/handles.ts";
import type { SyncFileFramework } from "../../../spec/roles/sync-files.ts";
import type { Example } from "../faulty.ts";

import { mutant } from "../mutant.ts";

export const b1 = { buffer: "b1" } as const;
export const lock = { resv: "b1.resv" } as const;

/** A fault in the reference's sync files. */
export function faultyFiles(
  rule: string,
  words: string,
  fault: (reached: () => void) => new (env: Env) => SyncFileFramework,
  show: (builder: ProgramBuilder) => ProgramBuilder,
  rest: Parameters<typeof mutant>[3] = {},
): Example {
  const system = (reached: () => void) => {
    const Faulty = fault(reached);
    return referenceSystem({ syncFiles: (env) => new Faulty(env) });
  };
  const faulty = mutant(rule, words, system, rest);
  return { mutant: faulty, program: show(program(faulty.profile)).build() };
}

/** Buffer b1 with these fences of the program's pending in it, each of a timeline of its own. */
export function withFences(builder: ProgramBuilder, fences: Readonly<Record<string, Usage>>): ProgramBuilder {
  let next = builder.step("export", b1);
  for (const [fence, usage] of Object.entries(fences)) next = added(next, fence, usage);
  return next;
}

/** One more of them. */
export function added(builder: ProgramBuilder, fence: string, usage: Usage): ProgramBuilder {
  return builder
    .step("fenceInit", { fence, timeline: Number(fence.slice(1)), seqno: 1 })
    .step("lock", lock)
    .step("reserveFences", { ...lock, count: 1 })
    .step("addFence", { ...lock, fence, usage })
    .step("unlock", lock);
}

/** Sync file y1 of fence f1, y2 of f2, and so on. */
export function files(builder: ProgramBuilder, count: number): ProgramBuilder {
  let next = builder;
  for (let at = 1; at <= count; at += 1)
    next = next
      .step("fenceInit", { fence: `f${at}`, timeline: at, seqno: 1 })
      .step("createSyncFile", { fence: `f${at}`, syncFile: `y${at}` });
  return next;
}

/** Their merge as y9. */
export function mergedFiles(builder: ProgramBuilder): ProgramBuilder {
  return files(builder, 2).step("mergeSyncFiles", {
    ...none,
    first: "y1",
    second: "y2",
    syncFile: "y9",
    flags: 0,
    pad: 0,
  });
}

export const none = { other: null } as const;
