import { describe, expect, it } from "vitest";
import { judgeEvents } from "../../kit/judge-program.ts";

type Events = Parameters<typeof judgeEvents>[0];

const buffer = {
  kind: "ret",
  op: "export",
  by: "e1",
  call: 0,
  errno: 0,
  buffer: "b1",
  exporter: "e1",
  size: 4096,
  resv: "r1",
  missing: [],
  pin: true,
  unpin: true,
  caching: false,
} as const;
const asked = {
  importer: "i1",
  attachment: "a1",
  buffer: "b1",
  device: "d1",
  ops: "callback",
  allowPeer2peer: true,
} as const;
const segments = [{ address: 4096, length: 4096, storage: "s1", offset: 0 }];
const mapping = { attachment: "a1", direction: "bidirectional", mapping: "m1" } as const;
const unmapping = { attachment: "a1", mapping: "m1", direction: "bidirectional", altered: false } as const;

/** Exported, allocated, attached, listed and mapped: events 0 to 6. */
const begin: Events = [
  buffer,
  { kind: "alloc", what: "storage", id: "s1", by: "e1", errno: 0, placement: "system" },
  { kind: "epoch", buffer: "b1", change: "export", storage: "s1" },
  { kind: "call", op: "attach", by: "i1", ...asked },
  { kind: "list", attachment: "a1", listed: true },
  { kind: "ret", op: "attach", by: "i1", call: 3, errno: 0, ...asked, peer2peer: true },
  { kind: "ret", op: "map", by: "i1", call: 6, errno: 0, ...mapping, table: "t1", segments },
];
const lock = {
  kind: "lock",
  lock: "r1",
  lockClass: "reservation",
  form: "plain",
  acquire: null,
  by: "e1",
  errno: 0,
  waited: false,
} as const;
const fence = { fence: "f1", context: 1, seqno: 1, seqno64: false, hooks: [] } as const;
const hooked = {
  kind: "cbret",
  hook: "map",
  to: "e1",
  cb: 6,
  errno: 0,
  injected: false,
  attachment: "a1",
  direction: "bidirectional",
  table: "t1",
  segments,
} as const;

/** The lock, a fence of i1 and the invalidate: events 7 to 15. The callback is left open. */
const callback: Events = [
  lock,
  { kind: "ret", op: "fenceInit", by: "i1", call: 8, errno: 0, ...fence },
  { kind: "call", op: "addFence", by: "i1", resv: "r1", fence: "f1", usage: "bookkeep" },
  { kind: "ret", op: "addFence", by: "i1", call: 9, errno: 0, resv: "r1", fence: "f1", usage: "bookkeep" },
  { kind: "call", op: "invalidate", by: "e1", buffer: "b1" },
  { kind: "cb", hook: "invalidate", to: "i1", attachment: "a1" },
];
const returned: Events = [
  { kind: "cbret", hook: "invalidate", to: "i1", cb: 12, errno: 0, injected: false, attachment: "a1" },
  { kind: "ret", op: "invalidate", by: "e1", call: 11, errno: 0, buffer: "b1" },
];
const access = {
  kind: "access",
  importer: "i1",
  attachment: "a1",
  mapping: "m1",
  access: "write",
  address: 4096,
  answer: "ok",
  storage: "s1",
  job: null,
} as const;
const unmap = [
  { kind: "call", op: "unmap", by: "i1", ...unmapping },
  { kind: "cb", hook: "unmap", to: "e1", attachment: "a1", direction: "bidirectional", table: "t1" },
] as const;
const warning = { kind: "warn", text: "not now" } as const;
const wait = { resv: "r1", usage: "bookkeep", interruptible: false, timeout: 1 } as const;

/** What a rule permits: a history in which it is accepted, and one in which it is refused. */
const permitted: readonly { readonly id: string; readonly accepted: Events; readonly refused: Events }[] = [
  {
    id: "MOVE-05",
    accepted: [...begin, ...callback, ...unmap],
    refused: [...begin, ...callback, ...unmap, warning],
  },
  {
    id: "MOVE-11",
    accepted: [...begin, ...callback, ...returned, access],
    refused: [...begin, ...callback, ...returned, { ...access, answer: "fault", storage: null }],
  },
  {
    id: "MOVE-15",
    accepted: [
      ...begin,
      ...callback,
      ...returned,
      { kind: "epoch", buffer: "b1", change: "move", storage: "s2" },
      ...unmap,
    ],
    refused: [
      ...begin,
      ...callback,
      ...returned,
      { kind: "epoch", buffer: "b1", change: "move", storage: "s2" },
      ...unmap,
      warning,
    ],
  },
  {
    id: "MOVE-28",
    accepted: [...begin, ...callback, ...returned, { kind: "call", op: "waitFences", by: "e1", ...wait }],
    refused: [...begin, ...callback, ...returned, { kind: "call", op: "waitFences", by: "e1", ...wait }, warning],
  },
];

describe.each(permitted)("$id", ({ id, accepted, refused }) => {
  it("lets the permitted pass", () => {
    const judged = judgeEvents(accepted, id);
    expect(judged.ids).toEqual([]);
    expect(judged.exercised(id)).toBeGreaterThan(0);
  });

  it("objects where it is refused", () => {
    expect(judgeEvents(refused, id).ids).toEqual([id]);
  });
});

describe("MOVE-05", () => {
  it("objects to an unmap that the core swallows", () => {
    const swallowed: Events = [
      ...begin.slice(0, 6),
      hooked,
      begin[6]!,
      ...callback,
      { kind: "call", op: "unmap", by: "i1", ...unmapping },
      { kind: "ret", op: "unmap", by: "i1", call: 14, errno: 0, ...unmapping },
    ];
    expect(judgeEvents(swallowed, "MOVE-05").ids).toEqual(["MOVE-05"]);
  });
});

describe("MOVE-28", () => {
  it("objects where whoever signals the fence wants the lock", () => {
    const stuck: Events = [
      ...begin,
      ...callback,
      ...returned,
      { kind: "call", op: "waitFences", by: "e1", ...wait },
      { kind: "blocked", wait: { kind: "fence", fence: "f1" }, interruptible: false },
      {
        kind: "end",
        waiting: [
          { task: "t1", wait: { kind: "fence", fence: "f1" } },
          {
            task: "t2",
            wait: { kind: "lock", lock: "r1", lockClass: "reservation", form: "plain", acquire: null, by: "i1" },
          },
        ],
      },
    ];
    expect(judgeEvents(stuck, "MOVE-28").ids).toEqual(["MOVE-28"]);
  });
});
