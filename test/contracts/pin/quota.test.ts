import { describe, expect, it } from "vitest";
import { judgeEvents, judgeProgram } from "../../kit/judge-program.ts";
import { program } from "../../../spec/builder.ts";

type Events = Parameters<typeof judgeEvents>[0];

/** An importer that pins one buffer after the other, each of so many bytes. */
function pins(...sizes: readonly number[]) {
  const events = sizes.flatMap((size, index) => {
    const [buffer, attachment, imported] = [`b${index}`, `a${index}`, `p${index}`];
    const frame = { kind: "call", op: "import", by: "program", importer: "i1", buffer, import: imported };
    return [
      { kind: "ret", op: "export", call: -1, errno: 0, buffer, size, resv: `${buffer}.resv` },
      frame,
      { kind: "call", op: "attach", by: "i1", buffer, attachment, importer: "i1", ops: "callback" },
      { kind: "call", op: "pin", by: "i1", attachment },
      { kind: "ret", op: "pin", by: "i1", call: -1, errno: 0, attachment },
      { ...frame, kind: "ret", call: 5 * index + 1, errno: 0 },
    ];
  });
  return judgeEvents(events as unknown as Events, "PIN-08");
}

describe("PIN-08", () => {
  it("accepts what a machine may have", () => {
    const judged = pins(2 ** 38, 2 ** 38);
    expect(judged.ids).toEqual([]);
    expect(judged.exercised("PIN-08")).toBe(2);
  });

  it("rejects an importer without a limit", () => {
    const [violation] = pins(2 ** 38, 2 ** 38, 1).violations;
    expect(violation?.why).toBe("i1 let its users pin 549755813889 bytes, more than any machine has");
  });

  it("finds a limit in the reference", () => {
    const large = program("K7.1")
      .importer("i1", { kind: "pinnedRevocable" })
      .buffer("b1", { size: 2 ** 40 });
    const judged = judgeProgram(
      large.step("export", { buffer: "b1" }).step("import", { importer: "i1", buffer: "b1", import: "p1" }).build(),
    );
    expect(judged.ids).toEqual([]);
    expect(judged.events.some((event) => event.kind === "ret" && event.op === "import" && event.errno === 12)).toBe(
      true,
    );
  });
});
