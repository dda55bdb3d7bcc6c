import { expect, it } from "vitest";
import { runProgram } from "../../conformance/run-program.ts";
import { program } from "../../spec/builder.ts";

it("a fault of a VMA never enters a place that the buffer has left since the exporter was asked", async () => {
  const { history, violations } = await runProgram(
    program("K7.1")
      .exporter("e1")
      .importer("i1")
      .buffer("b1")
      .task("t1")
      .step("export", { buffer: "b1" })
      .step("createSpace", { space: "mm1" })
      .step("createVma", { space: "mm1", vma: "vma1", start: 0, pages: 1, vmaKind: "peer", buffer: "b1" })
      .step("vmaFault", { vma: "vma1", page: 0 })
      .task("t2")
      .step("move", { buffer: "b1", placement: "system" })
      // The exporter has answered and let go of its lock.
      .preempt({ step: "s4", site: "unlock", until: "s5" })
      .build(),
  );
  expect(violations).toEqual([]);
  const entered = history.events.flatMap((event) =>
    event.kind === "ret" && event.op === "primaryEntry" && event.step === "s4" ? [event.target] : [],
  );
  const moved = history.events.flatMap((event) =>
    event.kind === "epoch" && event.change === "move" ? [event.storage] : [],
  );
  expect(moved).toHaveLength(1);
  expect(entered).toEqual(moved);
});
