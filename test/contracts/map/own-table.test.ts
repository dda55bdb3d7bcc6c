import { describe, expect, it } from "vitest";
import { judgeEvents } from "../../kit/judge-program.ts";

type Events = Parameters<typeof judgeEvents>[0];

const world = [
  { kind: "ret", op: "export", by: "e1", call: 0, errno: 0, buffer: "b1", exporter: "e1", pin: true, resv: "b1.resv" },
  ...["a1", "a2"].map((attachment) => ({
    kind: "call",
    op: "attach",
    by: "i1",
    buffer: "b1",
    attachment,
    importer: "i1",
  })),
];

const hook = { kind: "cbret", hook: "map", to: "e1", cb: -1, errno: 0, injected: false, segments: [] };
const map = (attachment: string, table: string) => ({ ...hook, attachment, table, direction: "toDevice" });
const unmap = (attachment: string, table: string) => ({ kind: "cb", hook: "unmap", to: "e1", attachment, table });

function judge(...events: readonly object[]) {
  return judgeEvents([...world, ...events] as unknown as Events, "MAP-07");
}

describe("MAP-07", () => {
  it("accepts a table of its own for each map", () => {
    const judged = judge(map("a1", "t1"), map("a2", "t2"), map("a1", "t3"));
    expect(judged.ids).toEqual([]);
    expect(judged.exercised("MAP-07")).toBe(2);
  });

  it("accepts a table that comes back after its unmap", () =>
    expect(judge(map("a1", "t1"), unmap("a1", "t1"), map("a1", "t1")).ids).toEqual([]));

  it.each(["a1", "a2"])("rejects a table that is mapped already, for %s", (attachment) => {
    const [violation] = judge(map("a1", "t1"), map(attachment, "t1")).violations;
    expect(violation?.why).toBe(`e1 hands out t1 for ${attachment}, which a1 has mapped already`);
  });
});
