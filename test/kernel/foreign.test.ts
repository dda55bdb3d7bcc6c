import { describe, expect, it } from "vitest";
import { bufferCalls } from "../../adapters/linux/buffer-calls.ts";
import { foreignKinds, linuxOperations } from "../../adapters/linux/encode-step.ts";
import { Memory } from "../../adapters/linux/memory.ts";
import { Slots } from "../../adapters/linux/slots.ts";
import {
  comparedExporters,
  drawPlan,
  mapsUnderAFault,
  replayPlan,
  type Drawn,
} from "../../kernel/compare/draw-plan.ts";
import { brokenBy, findings } from "../../kernel/findings.ts";
import { program, type ProgramBuilder } from "../../spec/builder.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import type { Setup, Step } from "../../spec/program.ts";

const operations = new Map([...linuxOperations].map((name, number) => [name as string, number]));

/** A buffer of three bytes more than a page. */
function exported(kind: string, profile = "K7.2"): ProgramBuilder {
  return program(profile)
    .exporter("e1", { kind })
    .buffer("b1", { size: 4099 })
    .task("t1")
    .step("export", { buffer: "b1" });
}

const mapped = { buffer: "b1", offset: 0, pages: 1, shared: true } as const;

/** Two users of a GEM object in shared memory; one of them has it mapped twice, and may touch it. */
function shown(): ProgramBuilder {
  return exported("vgem")
    .step("mmapFd", { ...mapped, view: "v1" })
    .step("mmapFd", { ...mapped, view: "v2" })
    .step("beginCpu", { buffer: "b1", direction: "bidirectional" })
    .task("t2")
    .step("lock", { resv: "b1.resv" });
}

function slotsOf({ program: { setup, steps } }: Drawn, caches: boolean): Slots {
  return new Slots(setup, steps, { revokeWaits: true, caches });
}

/** Which exporter an event shows in use, and how; null: none. */
function useOf(event: HistoryEvent, { buffers }: Setup): string | null {
  const exporterOf = (name: string | null) => buffers.find((entry) => entry.name === name)?.exporter ?? "";
  if (event.kind === "cpu") return `${exporterOf(event.buffer)} cpu`;
  if (event.kind === "cbret" && event.errno === 0) return `${event.to} ${event.hook}`;
  if (event.kind !== "ret" || event.errno !== 0) return null;
  return event.op === "export" || event.op === "attach" ? `${exporterOf(event.buffer)} ${event.op}` : null;
}

describe("exporters that the kernel itself has", () => {
  it("have a model each", () => {
    expect(foreignKinds.filter((kind) => !(kind in comparedExporters))).toEqual([]);
  });

  it("are in enough programs, and used there", () => {
    const seeds = 250;
    const uses = Object.fromEntries(
      foreignKinds.map((kind) => [kind, { export: 0, attach: 0, map: 0, mmap: 0, cpu: 0 }]),
    );
    for (let seed = 1; seed <= seeds; seed += 1) {
      const { events, program: drawn } = drawPlan(seed, { profile: "K7.2", longest: 100, operations });
      const kindOf = new Map(drawn.setup.exporters.map(({ name, kind }) => [name, kind]));
      const seen = new Set(events.map((event) => useOf(event, drawn.setup)));
      for (const [kind, counts] of Object.entries(uses))
        for (const use of Object.keys(counts) as (keyof typeof counts)[])
          counts[use] += Number([...kindOf].some(([name, of]) => of === kind && seen.has(`${name} ${use}`)));
    }
    const least = { export: 0.03, attach: 0.01, map: 0.01, mmap: 0.01, cpu: 0.01 };
    const rare = Object.entries(uses).flatMap(([kind, counts]) =>
      Object.entries(least).flatMap(([use, share]) =>
        counts[use as keyof typeof counts] < seeds * share ? [`${kind} ${use}`] : [],
      ),
    );
    expect(rare).toEqual([]);
  });

  it("give whole pages, and hear of attachments, as their kernel says", () => {
    const asked = (kind: string, caches: boolean) => {
      const drawn = replayPlan(exported(kind).build());
      const { size, attach, detach, caching, cpuHooks } = bufferCalls.export(
        drawn.plan.steps[0] as Step<"export">,
        slotsOf(drawn, caches),
      );
      return { size, attach, detach, caching, cpuHooks };
    };
    const user = ["mmap", "vmap", "vunmap"];
    const cpuHooks = ["beginCpu", "endCpu", ...user];
    const heap = { size: 8192, attach: true, detach: true, caching: false, cpuHooks };
    expect(asked("systemHeap", true)).toEqual(heap);
    expect(asked("vgem", true)).toEqual({ ...heap, caching: true, cpuHooks: user });
    expect(asked("vgem", false)).toEqual({ ...heap, cpuHooks: user });
  });

  it("say in their memory which page of it the CPU found; ours have one page for all", () => {
    const drawn = replayPlan(
      exported("vgem")
        .step("mmapFd", { ...mapped, offset: 1, view: "v1" })
        .build(),
    );
    const memory = new Memory(slotsOf(drawn, false));
    expect(memory.event("C", [0, 0, 8, 1, 3, 1])).toMatchObject({
      offset: 4104,
      storage: "storage3",
      storageOffset: 8,
    });
    expect(memory.event("C", [0, 0, 8, 1, 3, 2])).toMatchObject({ offset: 4104, storageOffset: 4104 });
    expect(memory.event("C", [0, 0, 8, 1, 3, 0])).toMatchObject({ offset: 4104, storageOffset: 4104 });
    expect(memory.event("C", [0, 0, 8, 0, 0, 0])).toMatchObject({ answer: "sigbus", storage: null });
  });
});

describe("findings that end well", () => {
  it("are in the models that the kernel is compared with", () => {
    const whole = findings.filter(({ breaks }) => breaks !== undefined);
    expect(whole.map(({ id }) => id)).toEqual(["later-page"]);
    for (const { breaks, program: shortest } of whole) expect(brokenBy(replayPlan(shortest).events)).toEqual([breaks]);
  });
});

describe("somebody who sleeps in a change of a user's address space", () => {
  const unmapped = () => shown().task("t1").step("munmap", { view: "v1" });

  it("keeps everybody else from touching and changing it, where there is one", () => {
    const read = { view: "v2", kind: "read", offset: 0, io: false } as const;
    const touched = unmapped().task("t3").step("cpuAccess", read);
    const changed = unmapped().task("t3").step("munmap", { view: "v2" });
    expect(mapsUnderAFault(replayPlan(touched.build()))).toBe(true);
    expect(mapsUnderAFault(replayPlan(changed.build()))).toBe(true);
  });

  it("is in nobody's way who does neither", () => {
    const signaled = unmapped().task("t3").step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 });
    const drawn = replayPlan(signaled.build());
    expect(drawn.events.filter((event) => event.kind === "blocked")).toHaveLength(1);
    expect(mapsUnderAFault(drawn)).toBe(false);
  });
});
