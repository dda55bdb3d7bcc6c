import type { KernelRun, Linux } from "../adapters/linux/linux.ts";
import { judgeHistory } from "../contracts/judge.ts";
import { monitored } from "../contracts/registry.ts";
import type { HistoryEvent } from "../spec/event.ts";
import { profileNamed } from "../spec/profile-name.ts";
import { program } from "../spec/builder.ts";
import type { Program } from "../spec/program.ts";
import { replayPlan } from "./compare/draw-plan.ts";

/** Something a kernel does that its contract forbids, with the shortest program known. docs/findings.md has the story. */
export interface Finding {
  readonly id: string;
  /** Kernel versions that show it, as their beginnings. */
  readonly kernels: readonly string[];
  /** How a run of the program ends there. */
  readonly end: KernelRun["end"];
  /** The rule that its history breaks, where it has a whole one. */
  readonly breaks?: string;
  readonly program: Program;
}

/** Programs that generated ones no longer contain: many of them cost a kernel. */
export const findings: readonly Finding[] = [
  {
    id: "copy-of-nothing",
    kernels: ["6.12.", "7.2.", "7.3."],
    end: "hung",
    program: program("K7.2")
      .exporter("e1", { kind: "scripted" })
      .reservation("r1")
      .reservation("r2")
      .task("t1")
      .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
      .step("lock", { resv: "r1" })
      .step("reserveFences", { resv: "r1", count: 1 })
      .step("addFence", { resv: "r1", fence: "f1", usage: "kernel" })
      .step("unlock", { resv: "r1" })
      .task("t2")
      .step("waitFences", { resv: "r1", usage: "kernel", interruptible: false, timeout: 1_000_000 })
      .task("t1")
      .step("lock", { resv: "r1" })
      .step("copyFences", { destination: "r1", source: "r2" })
      .step("unlock", { resv: "r1" })
      .step("signal", { fence: "f1" })
      .build(),
  },
  {
    id: "mangled-twice",
    kernels: ["6.12."],
    end: "crashed",
    program: program("K6.12+moveNotify")
      .exporter("e1", { kind: "systemHeap" })
      .importer("i1", { kind: "scripted", ops: "static" })
      .buffer("b1", { size: 4096 })
      .task("t1")
      .step("export", { buffer: "b1" })
      .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
      .step("lock", { resv: "b1.resv" })
      .step("map", { attachment: "a1", direction: "bidirectional", mapping: "m1" })
      .step("map", { attachment: "a1", direction: "bidirectional", mapping: "m2" })
      .step("access", { mapping: "m2", kind: "read" })
      .build(),
  },
  {
    id: "later-page",
    kernels: ["6.12.", "7.3."],
    end: "whole",
    breaks: "CPU-32",
    program: program("K7.2")
      .exporter("e1", { kind: "vgem" })
      .buffer("b1", { size: 8192 })
      .task("t1")
      .step("export", { buffer: "b1" })
      .step("mmapFd", { buffer: "b1", view: "v1", offset: 1, pages: 1, shared: true })
      .step("vmapUnlocked", { buffer: "b1", view: "v2" })
      .step("beginCpu", { buffer: "b1", direction: "fromDevice" })
      .step("cpuAccess", { view: "v1", kind: "read", offset: 0, io: false })
      .step("cpuAccess", { view: "v2", kind: "read", offset: 4096, io: false })
      .build(),
  },
];

/** Rules that a history breaks, by the newest series. */
export function brokenBy(events: readonly HistoryEvent[]): readonly string[] {
  const profile = profileNamed("K7.2");
  return judgeHistory(events, monitored(profile.series), profile).violations.map(({ rule }) => rule.id);
}

/** Runs the program of each finding about this kernel. One that no longer shows is a line, and nothing to rely on. */
export async function staleFindings(linux: Linux, version: string): Promise<readonly string[]> {
  const stale: string[] = [];
  for (const { id, kernels, end, breaks, program: shortest } of findings) {
    if (!kernels.some((start) => version.startsWith(start))) continue;
    linux.renew();
    const [run] = await linux.run([replayPlan(shortest).plan]);
    if (run!.end !== end)
      stale.push(`finding ${id} no longer shows on ${version}: its program ends ${run!.end}, not ${end}`);
    else if (breaks !== undefined && !brokenBy(run!.events).includes(breaks))
      stale.push(`finding ${id} no longer shows on ${version}: its program does not break ${breaks}`);
  }
  linux.renew();
  return stale;
}
