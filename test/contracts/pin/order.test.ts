import { describe, expect, it } from "vitest";
import { judgeEvents } from "../../kit/judge-program.ts";

type Events = Parameters<typeof judgeEvents>[0];

const attached: Events = [
  { kind: "ret", op: "export", by: "e1", call: 0, errno: 0, buffer: "b1", exporter: "e1", pin: true, resv: "b1.resv" },
  { kind: "call", op: "attach", by: "i1", buffer: "b1", attachment: "a1", importer: "i1", ops: "callback" },
] as Events;

function step(op: string, rest: object = {}): Events {
  const fields = { by: "i1", attachment: "a1", direction: "bidirectional", mapping: "m1", segments: [], ...rest };
  return [
    { kind: "call", op, ...fields },
    { kind: "ret", op, call: -1, errno: 0, ...fields },
  ] as unknown as Events;
}

function judge(...ops: readonly string[]) {
  return judgeEvents([...attached, ...ops.flatMap((op) => [...step(op)])], "PIN-14");
}

describe("PIN-14", () => {
  it("accepts a pin around all mappings", () => {
    const judged = judge("pin", "map", "unmap", "unpin");
    expect(judged.ids).toEqual([]);
    expect(judged.exercised("PIN-14")).toBe(2);
  });

  it("accepts a second pin while one is held", () =>
    expect(judge("pin", "map", "pin", "unpin", "unmap").ids).toEqual([]));

  it("rejects a pin after the first map", () => {
    const [violation] = judge("map", "pin").violations;
    expect(violation?.why).toBe("i1 pins a1 after it mapped m1");
  });

  it("rejects the last unpin before the last unmap", () => {
    const [violation] = judge("pin", "map", "unpin").violations;
    expect(violation?.why).toBe("i1 drops the last pin of a1 before it unmaps m1");
  });
});
