import { describe, expect, it } from "vitest";
import { judgeEvents } from "../../kit/judge-program.ts";

type Events = Parameters<typeof judgeEvents>[0];

const program = { by: "program" } as const;

/** A fence as its creation shows it: call and return. */
function made(fence: string, rest: { readonly context?: number; readonly by?: string } = {}, at = 0): Events {
  const args = { by: "program", fence, context: 1, seqno: 1, seqno64: false, hooks: [], ...rest };
  return [
    { kind: "call", op: "fenceInit", ...args },
    { kind: "ret", op: "fenceInit", call: at, errno: 0, ...args },
  ];
}

const remove = { op: "removeCallback", fence: "f1", callback: "k1", ...program } as const;
const add = { op: "addCallback", fence: "f1", callback: "k1", ...program } as const;
const chain = { op: "createChain", fence: "c1", previous: null, contained: "f1", seqno: 1, ...program } as const;
const chained: Events = [
  ...made("f1"),
  { kind: "call", ...chain },
  { kind: "ret", ...chain, call: 2, errno: 0, created: true, context: 2, number: 1 },
];
const begin = { op: "beginSignalling", ...program } as const;
const sections: Events = [
  { kind: "call", ...begin },
  { kind: "ret", ...begin, call: 0, errno: 0, cookie: false },
  { kind: "call", ...begin },
  { kind: "ret", ...begin, call: 2, errno: 0, cookie: true },
];
const unload: Events = [
  { kind: "call", op: "unloadOwner", by: "program", exporter: "e1" },
  { kind: "ret", op: "unloadOwner", by: "program", exporter: "e1", call: 2, errno: 0 },
];
const array = { op: "createArray", fence: "a1", context: 4, seqno: 1, signalOnAny: false, ...program } as const;

/** The callers' and owners' halves of rules whose mutants are in the framework. */
const histories: readonly { id: string; what: string; broken: Events; kept: Events; series?: "K7.0" }[] = [
  {
    id: "FENCE-09",
    what: "the outer section is ended before the inner one",
    broken: [...sections, { kind: "call", op: "endSignalling", ...program, cookie: false }],
    kept: [...sections, { kind: "call", op: "endSignalling", ...program, cookie: true }],
  },
  {
    id: "FENCE-15",
    what: "a callback is removed from a fence it was not added to",
    broken: [...made("f1"), ...made("f2", {}, 2), { kind: "call", ...add }, { kind: "call", ...remove, fence: "f2" }],
    kept: [...made("f1"), ...made("f2", {}, 2), { kind: "call", ...add }, { kind: "call", ...remove }],
  },
  {
    id: "FENCE-18",
    what: "the owner says that a job's fence is complete while the job runs",
    broken: [
      ...made("f1", { by: "i1" }),
      { kind: "call", op: "submit", by: "program", importer: "i1", uses: [], job: "j1" },
      { kind: "device", change: "jobStart", exporter: null, attachment: null, job: "j1" },
      { kind: "call", op: "addFence", by: "i1", resv: "r1", fence: "f1", usage: "read" },
      { kind: "ret", op: "submit", by: "program", importer: "i1", uses: [], job: "j1", call: 2, errno: 0 },
      { kind: "cbret", hook: "signaled", to: "i1", cb: 6, errno: 0, injected: false, fence: "f1", answer: true },
    ],
    kept: [
      ...made("f1", { by: "i1" }),
      { kind: "call", op: "submit", by: "program", importer: "i1", uses: [], job: "j1" },
      { kind: "device", change: "jobStart", exporter: null, attachment: null, job: "j1" },
      { kind: "call", op: "addFence", by: "i1", resv: "r1", fence: "f1", usage: "read" },
      { kind: "ret", op: "submit", by: "program", importer: "i1", uses: [], job: "j1", call: 2, errno: 0 },
      { kind: "device", change: "jobEnd", exporter: null, attachment: null, job: "j1" },
      { kind: "cbret", hook: "signaled", to: "i1", cb: 7, errno: 0, injected: false, fence: "f1", answer: true },
    ],
  },
  {
    id: "FENCE-25",
    what: "a chain node becomes a member of an array",
    broken: [...chained, { kind: "call", ...array, members: ["c1"] }],
    kept: [...chained, { kind: "call", ...array, members: ["f1"] }],
  },
  {
    id: "FENCE-26",
    what: "a chain node contains another",
    broken: [...chained, { kind: "call", ...chain, fence: "c2", contained: "c1" }],
    kept: [...chained, { kind: "call", ...chain, fence: "c2", previous: "c1", contained: "f1" }],
  },
  {
    id: "FENCE-31",
    what: "a module goes before the last reference of its signaled fence",
    series: "K7.0",
    broken: [...made("f1", { by: "e1" }), ...unload],
    kept: [
      ...made("f1", { by: "e1" }).slice(0, 2),
      ...unload.slice(0, 1),
      { kind: "free", what: "fence", id: "f1", by: "framework" },
      ...unload.slice(1),
    ],
  },
  {
    id: "FENCE-48",
    what: "a reference of a released fence is taken",
    broken: [
      ...made("f1"),
      { kind: "free", what: "fence", id: "f1", by: "framework" },
      { kind: "call", op: "fenceGet", by: "i1", fence: "f1" },
    ],
    kept: [...made("f1"), { kind: "call", op: "fenceGet", by: "i1", fence: "f1" }],
  },
  {
    id: "FENCE-49",
    what: "a reference is dropped that a chain node has taken over",
    broken: [...chained, { kind: "call", op: "fencePut", ...program, fence: "f1" }],
    kept: [
      ...chained,
      { kind: "ret", op: "fenceGet", ...program, fence: "f1", call: 4, errno: 0 },
      { kind: "call", op: "fencePut", ...program, fence: "f1" },
    ],
  },
];

describe.each(histories)("$id: $what", ({ id, broken, kept, series }) => {
  it("is a violation", () => expect(judgeEvents(broken, id, series).ids).toEqual([id]));

  it("is none in the near miss", () => {
    const judged = judgeEvents(kept, id, series);
    expect(judged.ids).toEqual([]);
    expect(judged.exercised(id)).toBeGreaterThan(0);
  });
});
