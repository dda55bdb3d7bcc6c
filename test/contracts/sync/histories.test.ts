import { describe, expect, it } from "vitest";
import type { HistoryEvent } from "../../../spec/event.ts";
import { judgeEvents } from "../../kit/judge-program.ts";

type Events = readonly (Partial<HistoryEvent> & { readonly kind: HistoryEvent["kind"] })[];

/** A call of the program or the core and its answer; `at` is the seq of the call. */
function call(at: number, op: string, args: object, answer: object = {}, by = "program"): Events {
  return [
    { kind: "call", op, by, ...args },
    { kind: "ret", op, by, ...args, call: at, errno: 0, ...answer },
  ] as unknown as Events;
}

const fence = (at: number, name: string, context: number, seqno: number) =>
  call(at, "fenceInit", { fence: name, context, seqno, seqno64: false, hooks: [] });

/** An import of an array of two fences, of which the core's list shows one. */
function imported(context: number): Events {
  const [begin, end] = call(8, "importSyncFile", { buffer: "b1", syncFile: "y1", flags: 2 });
  return [
    ...fence(0, "f1", 1, 1),
    ...fence(2, "f2", context, 2),
    ...call(
      4,
      "createArray",
      { fence: "f3", members: ["f1", "f2"], context: 9, seqno: 1, signalOnAny: false },
      { created: true },
    ),
    ...call(6, "createSyncFile", { fence: "f3", syncFile: "y1" }, { descriptor: 0, closeOnExec: true }),
    begin!,
    ...call(9, "reserveFences", { resv: "b1.resv", count: 2 }, {}, "framework"),
    ...call(11, "addFence", { resv: "b1.resv", fence: "f2", usage: "write" }, {}, "framework"),
    end!,
  ];
}

describe("SYNC-07: what an import adds", () => {
  it("is a violation where a member is left out", () => {
    const judged = judgeEvents(imported(2), "SYNC-07");
    expect(judged.ids).toEqual(["SYNC-07"]);
    expect(judged.exercised("SYNC-07")).toBe(1);
  });

  it("is none where another of its timeline took its place, as a kernel's list shows it", () => {
    const judged = judgeEvents(imported(1), "SYNC-07");
    expect(judged.ids).toEqual([]);
    expect(judged.exercised("SYNC-07")).toBe(1);
  });
});
