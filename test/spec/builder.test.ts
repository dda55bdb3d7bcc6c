import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BadInput } from "../../spec/bad-input.ts";
import { program } from "../../spec/builder.ts";
import { neutralValue } from "../../spec/operations/defaults.ts";
import { operationNames, operationOf } from "../../spec/operations/operations.ts";
import { readProgram } from "../../spec/schema/read-program.ts";
import { writeProgram } from "../../spec/write.ts";
import { arbitraryProgram } from "./arbitrary-program.ts";

function refused(build: () => unknown): string {
  try {
    build();
  } catch (error) {
    if (error instanceof BadInput) return error.message;
    throw error;
  }
  throw new Error("accepted");
}

describe("the program builder", () => {
  it("needs nothing but steps", () => {
    const built = program("K7.1").step("getRef", { buffer: "b1" }).build();
    expect(built).toEqual({
      schema: 1,
      contract: "core",
      profile: "K7.1",
      setup: {
        devices: [{ name: "d1", dmaBits: 52, maxSegment: 2 ** 52 }],
        exporters: [{ name: "e1", kind: "subject", device: "d1" }],
        importers: [
          { name: "i1", kind: "scripted", device: "d1", ops: "callback", allowPeer2peer: false, onInvalidate: "unmap" },
        ],
        buffers: [{ name: "b1", exporter: "e1", size: 4096, placement: "system", resv: null }],
        reservations: [],
      },
      steps: [{ id: "s1", task: "t1", op: "getRef", buffer: "b1" }],
      schedule: [],
      failures: [],
    });
  });

  it("takes what it is told, and defaults to what was declared first", () => {
    const { setup } = program("K6.12")
      .device("dA", { dmaBits: 32 })
      .exporter("eA", { kind: "scripted" })
      .importer("iA", { ops: "static" })
      .reservation("r1")
      .buffer("bA", { resv: "r1" })
      .build();
    expect(setup.exporters).toEqual([{ name: "eA", kind: "scripted", device: "dA" }]);
    expect(setup.importers[0]).toMatchObject({ name: "iA", device: "dA", ops: "static" });
    expect(setup.buffers[0]).toMatchObject({ name: "bA", exporter: "eA", resv: "r1" });
  });

  it("fills in what is neutral and what earlier steps say", () => {
    const { steps } = program("K7.1")
      .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
      .step("lock", { resv: "b1.resv" })
      .step("map", { attachment: "a1", mapping: "m1", direction: "toDevice" })
      .task("t2")
      .step("unmap", { mapping: "m1" })
      .step("listBuffers")
      .step("detach", { attachment: "a1" })
      .step("detach", { attachment: "a1", buffer: null }, { misuse: true })
      .step("detach", { attachment: null })
      .build();
    expect(steps).toEqual([
      { id: "s1", task: "t1", op: "attach", importer: "i1", buffer: "b1", attachment: "a1", noDevice: false },
      { id: "s2", task: "t1", op: "lock", resv: "b1.resv", acquire: null },
      { id: "s3", task: "t1", op: "map", attachment: "a1", direction: "toDevice", mapping: "m1" },
      { id: "s4", task: "t2", op: "unmap", mapping: "m1", direction: "toDevice" },
      { id: "s5", task: "t2", op: "listBuffers" },
      { id: "s6", task: "t2", op: "detach", attachment: "a1", buffer: "b1" },
      { id: "s7", task: "t2", op: "detach", attachment: "a1", buffer: null, misuse: true },
      { id: "s8", task: "t2", op: "detach", attachment: null, buffer: null },
    ]);
  });

  it("asks the compiler for what has no neutral value", () => {
    const builder = () => program("K7.1");
    // @ts-expect-error the mapping's name is missing
    expect(refused(() => builder().step("map", { attachment: null }))).toBe(
      "program builder, step s1, mapping: the field is missing; give map its mapping",
    );
    // @ts-expect-error whether on or off is the whole point
    expect(refused(() => builder().step("setMemory", { exporter: "e1" }))).toContain("give setMemory its on");
    // @ts-expect-error a list of names has no neutral value
    expect(refused(() => builder().step("merge", { fence: "f1" }))).toContain("give merge its fences");
    const import_ = { importer: "i1", buffer: "b1", import: "x1" };
    // @ts-expect-error there is no such direction
    const wrong = builder().step("import", { ...import_, direction: "up" });
    expect(() => readProgram(writeProgram(wrong.build()), "p.json")).toThrow('expected one of "bidirectional"');
  });

  it("refuses what is not bound, at the step that says it", () => {
    const begun = () => program("K7.1").step("attach", { importer: "i1", buffer: "b1", attachment: "a1" });
    expect(refused(() => begun().step("pin", { attachment: "a2" }))).toBe(
      'program builder, step s2, attachment: no attachment "a2" is there at this point, did you mean "a1"?',
    );
    expect(refused(() => begun().step("attach", { importer: "i1", buffer: "b1", attachment: "a1" }))).toContain(
      "created already, by s1",
    );
    expect(refused(() => begun().importer("i2"))).toBe(
      "program builder: the set-up comes before the first step; move this call up",
    );
    expect(refused(() => begun().preempt({ step: "s9", site: "lock", until: "s1" }).build())).toContain(
      "schedule[0].step",
    );
    expect(refused(() => begun().step("interrupt", { target: "t9" }).build())).toContain('no task "t9"');
    expect(refused(() => program("K7.1").buffer("b1", { exporter: "x" }).build())).toBe(
      'program builder, setup.buffers[0].exporter: no exporter "x" is there at this point; known: e1',
    );
    expect(refused(() => program("K5.4"))).toContain('unknown profile "K5.4"');
    expect(refused(() => program("K7.1").device("1").build())).toContain("expected a name");
    expect(refused(() => program("K7.1").task("t 1").step("listBuffers"))).toContain("expected a name");
  });

  it("lets a step export a buffer of the set-up, and try again where that was refused", () => {
    const exported = () => program("K7.1").step("export", { buffer: "b1" });
    expect(exported().step("lock", { resv: "b1.resv" }).build().steps).toHaveLength(2);
    expect(exported().step("export", { buffer: "b1" }).build().steps).toHaveLength(2);
    expect(refused(() => program("K7.1").step("export", { buffer: "b7" }))).toContain("buffer of the set-up");
    expect(
      refused(() => program("K7.1").step("getRef", { buffer: "b1" }).step("export", { buffer: "b1" }).build()),
    ).toContain("steps[0].buffer");
  });

  it("builds what the reader accepts", () => {
    fc.assert(
      fc.property(arbitraryProgram, ({ profile, steps }) => {
        const builder = program(profile)
          .device("d1")
          .device("d2")
          .importer("i1")
          .importer("i2")
          .reservation("shared")
          .buffer("b1")
          .buffer("b2", { resv: "shared" })
          .buffer("b3");
        const renamed = steps.map(({ id: _id, task, op, interrupted, misuse, ...args }) => {
          builder.task(task);
          const marks = { ...(interrupted === true ? { interrupted } : {}), ...(misuse === true ? { misuse } : {}) };
          builder.step<"getRef">(op as "getRef", args as unknown as { buffer: string }, marks);
          return args;
        });
        const built = builder.build();
        expect(readProgram(writeProgram(built), "p.json")).toEqual(built);
        expect(
          built.steps.map(({ id: _id, task: _task, op: _op, interrupted: _i, misuse: _m, ...args }) => args),
        ).toEqual(renamed);
      }),
    );
  });

  it("has neutral values that the fields allow", () => {
    const allowed: Readonly<Record<string, readonly unknown[]>> = { refer: [null], flag: [false], subset: [[]] };
    for (const op of operationNames) {
      for (const [field, { shape }] of Object.entries(operationOf(op).fields)) {
        const value = neutralValue(field, shape);
        const takes =
          shape.kind === "oneOf" ? shape.values : shape.kind === "refer" && !shape.nullable ? [] : allowed[shape.kind];
        expect([undefined, ...(takes ?? [])]).toContainEqual(value);
      }
    }
  });
});
