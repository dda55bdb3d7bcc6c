import { describe, expect, it } from "vitest";
import { judgeEvents } from "../../kit/judge-program.ts";

type Events = Parameters<typeof judgeEvents>[0];

const at = { vma: "v1", device: "d1", start: 0, pages: 1, write: true, notifier: "n1" } as const;
const begin: Events = [
  { kind: "ret", op: "export", by: "e1", call: 0, errno: 0, buffer: "b1", exporter: "e1", size: 4096, resv: "r1" },
  { kind: "ret", op: "createSpace", by: "program", call: 0, errno: 0, space: "mm1", lock: null },
  {
    kind: "ret",
    op: "createVma",
    by: "program",
    call: 0,
    errno: 0,
    space: "mm1",
    vma: "v1",
    start: 0,
    pages: 4,
    vmaKind: "peer",
    buffer: "b1",
  },
  {
    kind: "call",
    op: "mirror",
    by: "program",
    importer: "i1",
    space: "mm1",
    mirror: "u1",
    start: 0,
    pages: 4,
    form: "interval",
  },
  { kind: "alloc", what: "page", id: "page1", by: "framework", errno: 0, placement: "system" },
] as Events;
const fault = { kind: "call", op: "mirrorFault", by: "program", mirror: "u1", page: 0, write: true } as const;
const done = { kind: "ret", op: "mirrorFault", by: "program", errno: 0, mirror: "u1", page: 0, write: true } as const;
const granted = { kind: "ret", op: "p2pMap", by: "i1", errno: 0, ...at, addresses: [4096], storage: "s1" } as const;
const refused = { kind: "ret", op: "p2pMap", by: "i1", errno: 16, ...at, addresses: [], storage: null } as const;
const install = {
  kind: "call",
  op: "install",
  by: "i1",
  table: "t1",
  page: 0,
  via: "address",
  target: "s1",
  address: 4096,
  write: true,
} as const;
const dirty = (target: string) => ({ kind: "call", op: "setDirty", by: "i1", target }) as const;
const ended = { kind: "ret", op: "unmirror", by: "program", errno: 0, mirror: "u1" } as const;

const table: readonly { readonly id: string; readonly kept: Events; readonly broken: Events }[] = [
  { id: "MMUN-16", kept: [...begin, granted, granted], broken: [...begin, granted, refused] },
  {
    id: "MMUN-22",
    kept: [...begin, fault, granted, install, { ...done, call: 5 }, dirty("page1"), ended] as Events,
    broken: [...begin, fault, granted, install, { ...done, call: 5 }, dirty("s1"), ended] as Events,
  },
  {
    id: "MMUN-30",
    kept: [...begin, fault, granted, install] as Events,
    broken: [...begin, fault, granted, { ...done, call: 5 }, fault, install] as Events,
  },
];

describe.each(table)("$id", ({ id, kept, broken }) => {
  it("acquits what keeps it", () => {
    const judged = judgeEvents(kept, id);
    expect(judged.ids).toEqual([]);
    expect(judged.exercised(id)).toBeGreaterThan(0);
  });

  it("convicts what does not", () => {
    expect(judgeEvents(broken, id).ids).toEqual([id]);
  });
});
