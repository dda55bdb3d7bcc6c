import { expect, it } from "vitest";
import { judgeEvents } from "../../kit/judge-program.ts";

const pinned = [
  { kind: "ret", op: "export", by: "e1", errno: 0, buffer: "b1", exporter: "e1", resv: "b1.resv", pin: true },
  { kind: "call", op: "attach", by: "i1", buffer: "b1", importer: "i1", attachment: "a1", ops: "callback" },
  { kind: "cbret", hook: "pin", to: "e1", errno: 0, injected: false, attachment: "a1" },
] as const;
const unpinned = { kind: "cb", hook: "unpin", to: "e1", attachment: "a1" } as const;
const move = { kind: "call", op: "move", by: "program", buffer: "b1", placement: "device" } as const;
const revoke = { kind: "call", op: "revoke", by: "program", buffer: "b1" } as const;
const message = { kind: "call", op: "invalidate", by: "e1", buffer: "b1" } as const;
const moved = {
  kind: "ret",
  op: "move",
  by: "program",
  call: 3,
  errno: 16,
  buffer: "b1",
  placement: "device",
} as const;

it("REV-35 finds an exporter that takes a pinned buffer from its importers in order to move it", () => {
  const judged = judgeEvents([...pinned, move, message], "REV-35");
  expect(judged.ids).toEqual(["REV-35"]);
});

it.each([
  { name: "a move that is refused", events: [...pinned, move, moved], exercised: 1 },
  { name: "a revoke", events: [...pinned, revoke, message], exercised: 0 },
  { name: "a move after the last unpin", events: [...pinned, unpinned, move, message], exercised: 0 },
])("REV-35 acquits $name", ({ events, exercised }) => {
  const judged = judgeEvents(events, "REV-35");
  expect(judged.ids).toEqual([]);
  expect(judged.exercised("REV-35")).toBe(exercised);
});
