import { describe, expect, it } from "vitest";
import { judgeEvents } from "../../kit/judge-program.ts";

type Events = Parameters<typeof judgeEvents>[0];

const hooks = { cpuHooks: ["beginCpu", "mmap"] };
const buffer = { kind: "ret", op: "export", call: -1, errno: 0, buffer: "b1", exporter: "e1", size: 4096, resv: null };
const inDevice = [
  { ...buffer, ...hooks },
  { kind: "alloc", what: "storage", id: "m1", by: "e1", placement: "device", errno: 0 },
  { kind: "epoch", buffer: "b1", change: "export", storage: "m1" },
];

/** A begin for reading on device memory, for which the move to the CPU gets no memory. */
function begin(errno: number, direction = "fromDevice") {
  const hook = { hook: "beginCpu", to: "e1", buffer: "b1", direction };
  const events = [
    ...inDevice,
    { kind: "call", op: "beginCpu", by: "i1", buffer: "b1", direction },
    { kind: "cb", ...hook },
    { kind: "alloc", what: "storage", id: "m2", by: "e1", placement: "system", errno: 12 },
    { kind: "cbret", cb: 4, errno, injected: false, ...hook },
  ];
  return judgeEvents(events as unknown as Events, "CPU-24");
}

describe("CPU-24", () => {
  it("blames an exporter that fails because the data could not come to the CPU", () => {
    expect(begin(12).ids).toEqual(["CPU-24"]);
  });

  it("accepts one that lets the CPU read where the data is", () => {
    expect(begin(0).ids).toEqual([]);
    expect(begin(0).exercised("CPU-24")).toBe(1);
  });

  it("says nothing of a CPU that only writes", () => {
    expect(begin(12, "toDevice").ids).toEqual([]);
  });
});

/** A mapping as the exporter's hook answers it. */
function mmap(shared: boolean, errno: number) {
  const hook = { hook: "mmap", to: "e1", buffer: "b1", view: "v1", offset: 0, pages: 1, shared };
  return judgeEvents(
    [
      ...inDevice,
      { kind: "cb", ...hook },
      { kind: "cbret", cb: 3, errno, injected: false, ...hook },
    ] as unknown as Events,
    "CPU-30",
  );
}

describe("CPU-30", () => {
  it("blames an exporter that accepts a private mapping, or refuses it with another error", () => {
    expect(mmap(false, 0).ids).toEqual(["CPU-30"]);
    expect(mmap(false, 13).ids).toEqual(["CPU-30"]);
  });

  it("accepts one that refuses it, and one that accepts a shared one", () => {
    expect(mmap(false, 22).ids).toEqual([]);
    expect(mmap(false, 22).exercised("CPU-30")).toBe(1);
    expect(mmap(true, 0).ids).toEqual([]);
  });
});
