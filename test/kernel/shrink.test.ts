import { describe, expect, it } from "vitest";
import type { Plan } from "../../adapters/linux/compile.ts";
import { linuxOperations } from "../../adapters/linux/encode-step.ts";
import type { KernelRun } from "../../adapters/linux/linux.ts";
import { referenceSystem } from "../../conformance/reference-system.ts";
import { registry } from "../../contracts/registry.ts";
import type { System } from "../../harness/system.ts";
import { differenceOf } from "../../kernel/compare/campaign.ts";
import { comparedExporters, drawPlan, replayPlan, type Drawn } from "../../kernel/compare/draw-plan.ts";
import { KnownDifferences } from "../../kernel/compare/known-differences.ts";
import { RoundedReservations } from "../../kernel/compare/rounded-reservations.ts";
import { shapeOf, type Shape } from "../../kernel/compare/shape.ts";
import type { RunsPlans } from "../../kernel/compare/runs-plans.ts";
import { shrinkCulprits } from "../../kernel/compare/shrink-trouble.ts";
import { program } from "../../spec/builder.ts";
import { programSchema } from "../../spec/program.ts";
import type { Usage } from "../../spec/roles/handles.ts";

const profile = "K6.12+moveNotify";
const known = new KnownDifferences("[]");

/** A kernel that forgets the bookkeeping level when it is asked what a reservation object waits for. */
const forgetful = referenceSystem({
  exporters: comparedExporters,
  reservations: (env) =>
    new (class extends RoundedReservations {
      override testSignaled(...[resv, usage]: Parameters<RoundedReservations["testSignaled"]>): boolean {
        return super.testSignaled(resv, usage === "bookkeep" ? "read" : usage);
      }
    })(env),
});

/** Plays plans on a system in the kernel's place. Programs with so many steps of a kind end it. */
class Pretender implements RunsPlans {
  renewed = 0;
  batches = 0;
  programs = 0;
  private readonly system: System | undefined;
  private readonly deadly: (plan: Plan) => boolean;

  constructor(system: System | undefined, deadly: (plan: Plan) => boolean = () => false) {
    this.system = system;
    this.deadly = deadly;
  }

  introduction() {
    return Promise.resolve({
      version: "6.12.99",
      operations: new Map([...linuxOperations].map((name, index) => [name, index])),
      hooks: [],
      lockdep: true,
      kasan: false,
      moveNotify: "on" as const,
    });
  }

  renew(): void {
    this.renewed += 1;
  }

  run(plans: readonly Plan[]): Promise<readonly KernelRun[]> {
    this.batches += 1;
    this.programs += plans.length;
    return Promise.resolve(plans.map((plan) => this.one(plan)));
  }

  one(plan: Plan): KernelRun {
    const { setup, steps } = plan;
    const whole = {
      schema: programSchema,
      contract: "core",
      profile,
      setup,
      steps,
      schedule: [],
      failures: [],
    } as const;
    const { events } = replayPlan(whole, this.system === undefined ? {} : { system: this.system });
    const end = this.deadly(plan) ? "crashed" : "whole";
    return { events, skipped: new Map(), ending: null, end, log: "" };
  }
}

/** A program with a step that the forgetful kernel gets wrong, and much around it. */
function planted(): Drawn {
  const noise = (builder: ReturnType<typeof program>, from: number) => {
    for (let at = from; at < from + 3; at += 1)
      builder
        .step("fenceInit", { fence: `f${at}`, timeline: at, seqno: at })
        .step("addCallback", { fence: `f${at}`, callback: `k${at}` })
        .step("signal", { fence: `f${at}` });
    return builder;
  };
  const add = (usage: Usage) => ({ resv: "r1", fence: usage === "bookkeep" ? "f9" : "f8", usage });
  const builder = noise(program(profile).exporter("e1", { kind: "scripted" }).reservation("r1").task("t1"), 1)
    .task("t2")
    .step("fenceInit", { fence: "f8", timeline: 7, seqno: 1 })
    .step("fenceInit", { fence: "f9", timeline: 8, seqno: 1 })
    .step("acquireInit", { acquire: "w1" })
    .step("lock", { resv: "r1", acquire: "w1" })
    .step("reserveFences", { resv: "r1", count: 2 })
    .step("addFence", add("write"))
    .step("addFence", add("bookkeep"))
    .step("unlock", { resv: "r1" })
    .step("acquireFini", { acquire: "w1" })
    .step("signal", { fence: "f8" })
    .step("testSignaled", { resv: "r1", usage: "bookkeep" });
  return replayPlan(noise(builder.task("t1"), 4).build());
}

const minimum = ["fenceInit", "lock", "reserveFences", "addFence", "testSignaled"];

describe("what differs from a kernel", () => {
  const drawn = planted();
  const kernel = new Pretender(forgetful);
  const difference = differenceOf(drawn, kernel.one(drawn.plan))!;

  it("shrinks to the shortest program in which the same differs", async () => {
    expect(drawn.program.steps).toHaveLength(29);
    const [shortest] = await shrinkCulprits(kernel, [{ drawn, shape: shapeOf(difference) }], { known });
    expect(shortest).toMatchObject({ reproduced: true, initial: 29 });
    expect(shortest!.drawn.program.steps.map(({ op }) => op)).toEqual(minimum);
    // What is told is told of a kernel that ran nothing else.
    expect(kernel.renewed).toBe(1);
  });

  it("is left as it is where no kernel shows it", async () => {
    const [shortest] = await shrinkCulprits(new Pretender(undefined), [{ drawn, shape: shapeOf(difference) }], {
      known,
    });
    expect(shortest).toMatchObject({ reproduced: false, executions: 1 });
    expect(shortest!.drawn.program).toEqual(drawn.program);
  });

  it("never shrinks to what is known", async () => {
    const entry = { id: "x", class: "freedom", statement: "", kernels: ["6.12"], operation: "testSignaled" };
    const all = new KnownDifferences(JSON.stringify([{ ...entry, missing: [".*"], extra: [".*"] }]));
    const [shortest] = await shrinkCulprits(kernel, [{ drawn, shape: shapeOf(difference) }], { known: all });
    expect(shortest!.reproduced).toBe(false);
  });

  it("keeps its shape: another difference of the same operation is not taken for it", async () => {
    const other: Shape = { kind: "difference", operation: "testSignaled", parts: new Set(["+ warn"]) };
    const [shortest] = await shrinkCulprits(kernel, [{ drawn, shape: other }], { known });
    expect(shortest!.reproduced).toBe(false);
  });
});

describe("a broken rule and a death", () => {
  const drawn = planted();

  it("shrink in the same batches, each to its own minimum", async () => {
    const kernel = new Pretender(forgetful, ({ steps }) => steps.filter(({ op }) => op === "signal").length >= 3);
    const rule = registry.find(({ id }) => id === "RESV-38")!;
    const culprits = [
      { drawn, shape: { kind: "end", end: "crashed" } },
      { drawn, shape: { kind: "rule", rule } },
    ] as const;
    const [death, broken] = await shrinkCulprits(kernel, culprits, { known });
    expect(death!.drawn.program.steps.filter(({ op }) => op === "signal")).toHaveLength(3);
    expect(death).toMatchObject({ reproduced: true });
    expect(kernel.batches).toBeLessThan(kernel.programs);
    expect(broken!.reproduced).toBe(true);
    expect(broken!.drawn.program.steps.map(({ op }) => op)).toEqual(minimum);
  });

  it("cost no more kernels than they are worth", async () => {
    const kernel = new Pretender(undefined, () => true);
    const [death] = await shrinkCulprits(kernel, [{ drawn, shape: { kind: "end", end: "crashed" } }], { known });
    expect(kernel.programs).toBeLessThanOrEqual(61);
    expect(death!.drawn.program.steps.length).toBeLessThan(drawn.program.steps.length);
  });
});

describe("a program drawn for a kernel", () => {
  it("is the same when it is replayed as stored", async () => {
    const { operations } = await new Pretender(undefined).introduction();
    const drawn = drawPlan(7, { profile, longest: 40, operations });
    expect(replayPlan(drawn.program).events).toEqual(drawn.events);
  });
});
