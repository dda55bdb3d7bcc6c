import { describe, expect, it } from "vitest";
import { program, type ProgramBuilder } from "../../spec/builder.ts";
import { ENOMEM } from "../../spec/errno.ts";
import type { Direction, Usage } from "../../spec/roles/handles.ts";
import { playLines } from "./buffers-run.ts";
import { play } from "./play.ts";

const b1 = { buffer: "b1" } as const;
const v1 = { buffer: "b1", view: "v1" } as const;
const lock = { resv: "b1.resv" } as const;
const reading = { buffer: "b1", direction: "fromDevice" } as const;

/** What 6.12.117 and 7.2.13 answered alike. */
describe.each(["K6.12", "K7.1"])("CPU access as %s has it", (profile) => {
  function start(kind: string, size = 4096): ProgramBuilder {
    return program(profile).exporter("e1", { kind }).buffer("b1", { size }).step("export", b1);
  }

  function fenced(kind: string, usage: Usage): ProgramBuilder {
    return start(kind)
      .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
      .step("lock", lock)
      .step("reserveFences", { ...lock, count: 1 })
      .step("addFence", { ...lock, fence: "f1", usage })
      .step("unlock", lock);
  }

  it("CPU-02: begin and end by the holder are reported and answer 0", () => {
    const lines = playLines(
      start("static").step("lock", lock).step("beginCpu", reading).step("endCpu", reading).build(),
    );
    expect(lines["s3"]).toEqual([expect.stringContaining("warn: "), "beginCpu L+", "beginCpu=ok"]);
    expect(lines["s4"]).toEqual([expect.stringContaining("warn: "), "endCpu L+", "endCpu=ok"]);
  });

  const waits: readonly (readonly [Usage, Direction, boolean])[] = (
    ["kernel", "write", "read", "bookkeep"] as const
  ).flatMap((usage) =>
    (["bidirectional", "toDevice", "fromDevice"] as const).map(
      (direction) =>
        [usage, direction, usage !== "bookkeep" && (usage !== "read" || direction !== "fromDevice")] as const,
    ),
  );

  it.each(waits)("CPU-03: a %s fence and begin %s: waits %s", (usage, direction, blocks) => {
    for (const kind of ["static", "scriptedDynamic"]) {
      const hook = kind === "static" ? ["beginCpu L-"] : [];
      const lines = playLines(
        fenced(kind, usage)
          .step("beginCpu", { ...b1, direction })
          .task("t2")
          .step("signal", { fence: "f1" })
          .build(),
      );
      expect(lines["s7"]).toEqual([...hook, ...(blocks ? ["blocked on fence"] : []), "beginCpu=ok"]);
    }
  });

  it("CPU-04: the hook's error comes at once", () => {
    const failing = fenced("static", "write")
      .step("beginCpu", reading)
      .fail({ step: "s7", site: "hook:beginCpu", errno: ENOMEM });
    expect(playLines(failing.build())["s7"]).toEqual(["beginCpu L-", "beginCpu=ENOMEM"]);
  });

  it("CPU-05, CPU-06: an interrupted wait brings no end, and a repeated begin runs the hook again", () => {
    const lines = playLines(
      fenced("static", "write")
        .step("beginCpu", reading, { interrupted: true })
        .step("signal", { fence: "f1" })
        .step("beginCpu", reading)
        .build(),
    );
    expect(lines["s7"]).toEqual(["beginCpu L-", "beginCpu=ERESTARTSYS"]);
    expect(lines["s9"]).toEqual(["beginCpu L-", "beginCpu=ok"]);
  });

  it.each([
    [0, "EINVAL", null],
    [1, "ok", "beginCpu"],
    [2, "ok", "beginCpu"],
    [3, "ok", "beginCpu"],
    [4, "EINVAL", null],
    [5, "ok", "endCpu"],
    [6, "ok", "endCpu"],
    [7, "ok", "endCpu"],
    [8, "EINVAL", null],
    [9, "EINVAL", null],
    [2 ** 31, "EINVAL", null],
    [2 ** 32 + 1, "EINVAL", null],
  ])("CPU-10: sync request %d: %s", (flags, errno, hook) => {
    const touched = ["ioctlSync=" + errno];
    const lines = playLines(
      start("static")
        .step("ioctlSync", { ...b1, flags })
        .build(),
    );
    expect(lines["s2"]).toEqual(hook === null ? touched : [`${hook} L-`, ...touched]);
  });

  it("CPU-12: without the lock vmap is reported and forwarded; the unlocked form by the holder blocks", () => {
    const lines = playLines(start("static").step("vmap", v1).step("vunmap", { view: "v1" }).build());
    expect(lines["s2"]).toEqual([expect.stringContaining("warn: "), "vmap L-", "vmap=ok"]);
    expect(lines["s3"]).toEqual([expect.stringContaining("warn: "), "vunmap L-", "vunmap=ok"]);
    expect(playLines(start("static").step("lock", lock).step("vmapUnlocked", v1).build())["s3"]).toContain(
      "blocked on lock",
    );
  });

  it("CPU-13: no hook is EINVAL, a failing one is reported once", () => {
    expect(playLines(start("scriptedDynamic").step("vmapUnlocked", v1).build())["s2"]).toEqual(["vmapUnlocked=EINVAL"]);
    const lines = playLines(
      start("static")
        .step("vmapUnlocked", v1)
        .step("vmapUnlocked", { ...b1, view: "v2" })
        .fail({ step: "s2", site: "hook:vmap", errno: ENOMEM })
        .fail({ step: "s3", site: "hook:vmap", errno: ENOMEM })
        .build(),
    );
    expect(lines["s2"]).toEqual(["vmap L+", expect.stringContaining("warn: "), "vmapUnlocked=ENOMEM"]);
    expect(lines["s3"]).toEqual(["vmap L+", "vmapUnlocked=ENOMEM"]);
  });

  it("CPU-15: one vunmap too many stops the kernel", () => {
    const once = start("static").step("vmapUnlocked", v1).step("vunmapUnlocked", { view: "v1" });
    const lines = playLines(once.step("vunmapUnlocked", { view: "v1" }).build());
    expect(lines["s4"]).toEqual([expect.stringContaining("kernel stops"), "vunmapUnlocked=ok"]);
  });

  it.each([
    [4096, 0, 1, "ok"],
    [4096, 1, 1, "EINVAL"],
    [4096, 0, 2, "EINVAL"],
    [100, 0, 1, "EINVAL"],
    [6000, 0, 1, "ok"],
    [6000, 0, 2, "EINVAL"],
    [8192, 1, 1, "ok"],
    [8192, 2 ** 40, 1, "EINVAL"],
  ])("CPU-18: of %d bytes, from page %d on %d pages: %s", (size, offset, pages, errno) => {
    for (const op of ["mmap", "mmapFd"] as const) {
      const lines = playLines(
        start("static", size)
          .step(op, { ...v1, offset, pages, shared: true })
          .build(),
      );
      expect(lines["s2"]).toEqual([...(errno === "ok" ? ["mmap L-"] : []), `${op}=${errno}`]);
    }
  });

  it("CPU-18: no hook is EINVAL, a sum that wraps round EOVERFLOW", () => {
    const args = { ...v1, offset: 0, pages: 1, shared: true } as const;
    expect(playLines(start("scriptedDynamic").step("mmapFd", args).build())["s2"]).toEqual(["mmapFd=EINVAL"]);
    const huge = { ...args, offset: Number.MAX_SAFE_INTEGER };
    expect(playLines(start("static").step("mmap", huge).build())["s2"]).toEqual(["mmap=EOVERFLOW"]);
  });

  it("CPU-19: a mapping is one reference, so the buffer lives until it is gone", () => {
    const lines = playLines(
      start("scripted")
        .step("mmap", { ...v1, offset: 0, pages: 1, shared: true })
        .step("put", b1)
        .step("munmap", { view: "v1" })
        .build(),
    );
    expect(lines["s3"]).toEqual(["put=ok"]);
    expect(lines["s4"]).toEqual(["munmap=ok", "release L-"]);
  });

  it("CPU-30: a private mapping is refused by the exporter, not by the core", () => {
    for (const kind of ["static", "scripted"]) {
      const lines = playLines(
        start(kind)
          .step("mmapFd", { ...v1, offset: 0, pages: 1, shared: false })
          .build(),
      );
      expect(lines["s2"]).toEqual(["mmap L-", "mmapFd=EINVAL"]);
    }
  });

  it("CPU-31: end waits for nothing and hands the hook's error on", () => {
    const lines = playLines(
      fenced("static", "write")
        .step("endCpu", reading)
        .step("endCpu", reading)
        .fail({ step: "s8", site: "hook:endCpu", errno: ENOMEM })
        .build(),
    );
    expect(lines["s7"]).toEqual(["endCpu L-", "endCpu=ok"]);
    expect(lines["s8"]).toEqual(["endCpu L-", "endCpu=ENOMEM"]);
  });

  it("CPU-34: what is unbalanced goes to the exporter", () => {
    const lines = playLines(
      start("static")
        .step("endCpu", reading)
        .step("beginCpu", reading)
        .step("beginCpu", reading)
        .step("endCpu", { ...b1, direction: "toDevice" })
        .build(),
    );
    expect(["s2", "s3", "s4", "s5"].map((step) => lines[step]?.at(-1))).toEqual([
      "endCpu=ok",
      "beginCpu=ok",
      "beginCpu=ok",
      "endCpu=ok",
    ]);
  });

  it("CPU-32: user's and kernel's view show one byte at one offset", () => {
    const builder = start("static", 8192)
      .step("mmapFd", { ...v1, offset: 0, pages: 2, shared: true })
      .step("vmapUnlocked", { ...b1, view: "v2" })
      .step("beginCpu", { ...b1, direction: "bidirectional" });
    for (const offset of [0, 4, 4100])
      for (const [view, kind] of [
        ["v1", "write"],
        ["v2", "read"],
        ["v2", "write"],
      ] as const)
        builder.step("cpuAccess", { view, kind, offset, io: false });
    const shown = play(builder).events.flatMap((event) => (event.kind === "cpu" ? [event] : []));
    expect(shown.map(({ answer, storageOffset }) => [answer, storageOffset])).toEqual(
      [0, 4, 4100].flatMap((offset) => [1, 2, 3].map(() => ["ok", offset])),
    );
    expect(new Set(shown.map(({ storage }) => storage)).size).toBe(1);
  });

  it("CPU-35, CPU-36: begin, end and mmap hooks run unlocked, vmap and vunmap locked, each once", () => {
    const lines = playLines(
      start("static")
        .step("beginCpu", { ...b1, direction: "none" })
        .step("endCpu", { ...b1, direction: "none" })
        .step("mmapFd", { ...v1, offset: 0, pages: 1, shared: true })
        .step("vmapUnlocked", { ...b1, view: "v2" })
        .step("vunmapUnlocked", { view: "v2" })
        .build(),
    );
    expect(["s2", "s3", "s4", "s5", "s6"].map((step) => lines[step]?.[0])).toEqual([
      "beginCpu L-",
      "endCpu L-",
      "mmap L-",
      "vmap L+",
      "vunmap L+",
    ]);
  });
});
