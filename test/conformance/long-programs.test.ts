import { describe, expect, it } from "vitest";
import { referenceSystem } from "../../conformance/reference-system.ts";
import { replay } from "../../conformance/replay.ts";
import { systemOf, type Subject } from "../../conformance/subject.ts";
import { ProgramBuilder } from "../../spec/builder.ts";
import { profiles } from "../../spec/profile.ts";

/** A buffer with 300 attachments, each of which has to be told of every move. */
function moved(times: number) {
  const builder = new ProgramBuilder("K7.1")
    .device("d1")
    .exporter("e1", { kind: "dynamic" })
    .importer("i1")
    .buffer("b1")
    .step("export", { buffer: "b1" });
  for (let count = 1; count <= 300; count += 1)
    builder.step("attach", { importer: "i1", buffer: "b1", attachment: `a${count}` });
  for (let count = 1; count <= times; count += 1) builder.step("move", { buffer: "b1", placement: "system" });
  return builder.build();
}

async function ran(times: number) {
  return await replay(moved(times), referenceSystem(), [], profiles["K7.1"]);
}

describe("a program that is legal", () => {
  it("may have steps that tell everybody, again and again", async () => {
    const run = await ran(120);
    expect(run.events.length).toBeGreaterThan(70_000);
    expect(run.fault).toBeNull();
    expect(run.events.at(-1)?.kind).toBe("end");
  });

  it("is no longer than memory: what does not fit is said, and nobody is accused", async () => {
    const run = await ran(500);
    expect(run.fault).toMatch(/^the program is too large: after 240000 events \d+ of its steps have not begun/);
    expect(run.events.length).toBeLessThan(250_000);
    expect(run.violations).toEqual([]);
  });
});

describe("an adapter that runs away", () => {
  it("is stopped in the step that it does not end", async () => {
    const runaway: Subject = {
      name: "runaway",
      exporter: (env) => ({
        *map({ buffer }) {
          for (;;) yield* env.getRef(buffer);
        },
        unmap: () => undefined,
        release: () => undefined,
      }),
    };
    const program = new ProgramBuilder("K7.1")
      .device("d1")
      .exporter("e1")
      .importer("i1", { ops: "static" })
      .buffer("b1")
      .step("export", { buffer: "b1" })
      .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
      .step("mapUnlocked", { attachment: "a1", mapping: "m1", direction: "bidirectional" })
      .build();
    const run = await replay(program, systemOf(runaway), [], profiles["K7.1"]);
    expect(run.fault).toMatch(/did not end within 60000 events after the last step began \(step s3\)/);
  });
});
