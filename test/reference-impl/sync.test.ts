import { describe, expect, it } from "vitest";
import { program, type ProgramBuilder } from "../../spec/builder.ts";
import type { Usage } from "../../spec/roles/handles.ts";
import { added, b1, lock, withFences } from "../mutants/sync/worlds.ts";
import { play } from "./play.ts";

const all = { f1: "kernel", f2: "write", f3: "read", f4: "bookkeep" } as const;
const input = { ...b1, input: true, output: false, sleep: false } as const;
const output = { ...b1, input: false, output: true, sleep: false } as const;
const both = { ...b1, input: true, output: true, sleep: false } as const;

/** What 6.12.117 and 7.2.13 answered alike. */
describe.each(["K6.12", "K7.1", "K7.2"])("sync files and poll as %s has them", (profile) => {
  const start = (fences: Readonly<Record<string, Usage>> = {}) => withFences(program(profile), fences);

  /** y1 of f1, y2 of f2, and so on; each fence of a timeline of its own. */
  function files(builder: ProgramBuilder, count: number): ProgramBuilder {
    let next = builder;
    for (let at = 1; at <= count; at += 1)
      next = next
        .step("fenceInit", { fence: `f${at}`, timeline: at, seqno: 1 })
        .step("createSyncFile", { fence: `f${at}`, syncFile: `y${at}` });
    return next;
  }

  const merge = (builder: ProgramBuilder, first: string, second: string, syncFile: string) =>
    builder.step("mergeSyncFiles", { first, second, other: null, syncFile, flags: 0, pad: 0 });

  const importFile = (builder: ProgramBuilder, syncFile: string, flags = 2) =>
    builder.step("importSyncFile", { ...b1, syncFile, other: null, flags, unreadable: false });

  const exported = (builder: ProgramBuilder, syncFile: string, flags: number) =>
    builder.step("exportSyncFile", { ...b1, syncFile, flags, unreadable: false });

  const signal = (builder: ProgramBuilder, ...fences: readonly string[]) =>
    fences.reduce((next, fence) => next.step("signal", { fence }), builder);

  const pollFiles = (builder: ProgramBuilder, ...names: readonly string[]) =>
    names.reduce((next, syncFile) => next.step("pollSyncFile", { syncFile, sleep: false }), builder);

  it("SYNC-02: read covers KERNEL and WRITE, write READ too, and each signals after its last fence", () => {
    let builder = exported(exported(exported(start(all), "y1", 1), "y2", 2), "y3", 3);
    builder = pollFiles(signal(builder, "f1", "f2"), "y1", "y2", "y3");
    const run = play(pollFiles(signal(builder, "f3"), "y2", "y3"));
    expect(run.fencesOf("exportSyncFile")).toEqual([
      ["f1", "f2"],
      ["f1", "f2", "f3"],
      ["f1", "f2", "f3"],
    ]);
    expect(run.polledFiles).toEqual([true, false, false, true, true]);
  });

  it("SYNC-03: a fence that is added later is not covered", () => {
    const first = exported(start({ f1: "write" }), "y1", 1);
    const run = play(pollFiles(signal(exported(added(first, "f2", "write"), "y2", 1), "f1"), "y1", "y2"));
    expect(run.fencesOf("exportSyncFile")).toEqual([["f1"], ["f1", "f2"]]);
    expect(run.polledFiles).toEqual([true, false]);
  });

  it.each([{}, { f1: "bookkeep" } as const])(
    "SYNC-04: nothing to wait for (%o) makes a file that is over",
    (fences) => {
      const run = play(
        pollFiles(exported(start(fences), "y1", 3), "y1").step("syncFileInfo", {
          syncFile: "y1",
          count: 0,
          flags: 0,
          pad: 0,
        }),
      );
      expect(run.polledFiles).toEqual([true]);
      expect(run.rets("syncFileInfo")).toMatchObject([{ errno: 0, fences: 1, status: 1 }]);
    },
  );

  it.each([
    [0, "EINVAL", []],
    [1, "ok", ["f1 read"]],
    [2, "ok", ["f1 write"]],
    [3, "ok", ["f1 write"]],
    [4, "EINVAL", []],
    [7, "EINVAL", []],
  ] as const)("SYNC-06: an import with flags %i answers %s", (flags, errno, stored) => {
    const run = play(importFile(files(start(), 1), "y1", flags));
    expect(run.errors("importSyncFile")).toEqual([errno]);
    expect(run.stored).toEqual(stored);
  });

  it("SYNC-06: no file, and a file of another kind, are EINVAL", () => {
    const builder = start()
      .step("exportFd", { ...b1, fd: "fd1" })
      .step("importSyncFile", { ...b1, syncFile: null, other: null, flags: 2, unreadable: false })
      .step("importSyncFile", { ...b1, syncFile: null, other: "fd1", flags: 2, unreadable: false });
    const run = play(builder);
    expect(run.errors("importSyncFile")).toEqual(["EINVAL", "EINVAL"]);
    expect(run.stored).toEqual([]);
  });

  it("SYNC-07: members of a merged file are added one by one, also beside one that is over", () => {
    const merged = () => merge(merge(files(start(), 3), "y1", "y2", "y4"), "y4", "y3", "y5");
    expect(play(importFile(merged(), "y5")).stored).toEqual(["f1 write", "f2 write", "f3 write"]);
    expect(play(importFile(signal(merged(), "f2"), "y5")).pending).toEqual(["f1 write", "f3 write"]);
  });

  it("SYNC-07: members of a chain come newest first", () => {
    const builder = start()
      .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
      .step("fenceGet", { fence: "f1" })
      .step("createChain", { fence: "f2", contained: "f1", seqno: 5 })
      .step("fenceInit", { fence: "f3", timeline: 3, seqno: 1 })
      .step("fenceGet", { fence: "f3" })
      .step("fenceGet", { fence: "f2" })
      .step("createChain", { fence: "f4", previous: "f2", contained: "f3", seqno: 9 })
      .step("createSyncFile", { fence: "f4", syncFile: "y1" });
    expect(play(importFile(builder, "y1")).stored).toEqual(["f3 write", "f1 write"]);
  });

  it("SYNC-08: a file that is over, or that failed, changes nothing that is pending", () => {
    const builder = added(files(start(), 2).step("setError", { fence: "f2", error: -5 }), "f3", "read");
    const run = play(importFile(importFile(signal(builder, "f1", "f2"), "y1"), "y2"));
    expect(run.errors("importSyncFile")).toEqual(["ok", "ok"]);
    expect(run.pending).toEqual(["f3 read"]);
  });

  it("SYNC-11: what a merge refuses", () => {
    const first = { first: "y1", second: "y2", other: null, flags: 0, pad: 0 } as const;
    const builder = files(start(), 2)
      .step("exportFd", { ...b1, fd: "fd1" })
      .step("mergeSyncFiles", { ...first, second: null, syncFile: "y3" })
      .step("mergeSyncFiles", { ...first, second: null, other: "fd1", syncFile: "y4" })
      .step("mergeSyncFiles", { ...first, flags: 1, syncFile: "y5" })
      .step("mergeSyncFiles", { ...first, pad: 1, syncFile: "y6" });
    expect(play(builder).errors("mergeSyncFiles")).toEqual(["ENOENT", "ENOENT", "EINVAL", "EINVAL"]);
  });

  it("SYNC-11: one fence each, the latest of a timeline, none that is over", () => {
    const timeline = start()
      .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
      .step("createSyncFile", { fence: "f1", syncFile: "y1" })
      .step("fenceInit", { fence: "f2", timeline: 1, seqno: 2 })
      .step("createSyncFile", { fence: "f2", syncFile: "y2" });
    expect(play(merge(merge(timeline, "y1", "y1", "y3"), "y1", "y2", "y4")).fencesOf("mergeSyncFiles")).toEqual([
      ["f1"],
      ["f2"],
    ]);
    const failed = signal(files(start(), 2).step("setError", { fence: "f1", error: -5 }), "f1");
    expect(play(merge(failed, "y1", "y2", "y3")).fencesOf("mergeSyncFiles")).toEqual([["f2"]]);
  });

  it("SYNC-11: with none left it is one that ended well, and the errors are lost", () => {
    const failed = files(start(), 2).step("setError", { fence: "f1", error: -5 });
    const builder = pollFiles(merge(signal(failed, "f1", "f2"), "y1", "y2", "y3"), "y3");
    const run = play(builder.step("syncFileInfo", { syncFile: "y3", count: 1, flags: 0, pad: 0 }));
    expect(run.polledFiles).toEqual([true]);
    expect(run.rets("syncFileInfo")).toMatchObject([{ fences: 1, status: 1, records: [{ status: 1 }] }]);
  });

  it("SYNC-12: the table of info", () => {
    const asked = (builder: ProgramBuilder, count: number, flags = 0, pad = 0) =>
      builder.step("syncFileInfo", { syncFile: "y3", count, flags, pad });
    let builder = merge(files(start(), 2), "y1", "y2", "y3");
    for (const count of [0, 1, 2, 3]) builder = asked(builder, count);
    for (const count of [0, 2]) builder = asked(asked(builder, count, 1), count, 0, 1);
    const run = play(builder);
    expect(run.errors("syncFileInfo")).toEqual(["ok", "EINVAL", "ok", "ok", "EINVAL", "EINVAL", "EINVAL", "EINVAL"]);
    const [none, , exact, more] = run.rets("syncFileInfo");
    expect([none, exact, more].map((ret) => [ret!.fences, ret!.records.map(({ fence }) => fence)])).toEqual([
      [2, []],
      [2, ["f1", "f2"]],
      [2, ["f1", "f2"]],
    ]);
  });

  it("SYNC-13: a deadline wants its padding empty, and may come too late", () => {
    const asked = (builder: ProgramBuilder, pad: number) =>
      builder.step("syncFileDeadline", { syncFile: "y1", deadline: 5, pad });
    const run = play(asked(signal(asked(asked(files(start(), 1), 0), 1), "f1"), 0));
    expect(run.errors("syncFileDeadline")).toEqual(["ok", "EINVAL", "ok"]);
  });

  it.each([
    ["kernel", ["", "", ""]],
    ["write", ["", "", ""]],
    ["read", ["in", "", "in"]],
    ["bookkeep", ["in", "out", "inout"]],
  ] as const)("SYNC-15: with a %s fence IN, OUT and both find %o", (usage, found) => {
    const run = play(start({ f1: usage }).step("poll", input).step("poll", output).step("poll", both));
    expect(run.polled).toEqual(found);
  });

  it("SYNC-15: who is watched goes on being watched when another takes its place", () => {
    const replaced = start({ f1: "write" })
      .step("poll", input)
      .step("fenceInit", { fence: "f2", timeline: 1, seqno: 2 })
      .step("signal", { fence: "f2" })
      .step("lock", lock)
      .step("reserveFences", { ...lock, count: 1 })
      .step("addFence", { ...lock, fence: "f2", usage: "write" })
      .step("unlock", lock)
      .step("poll", input);
    expect(play(signal(replaced, "f1").step("poll", input)).polled).toEqual(["", "", "in"]);
  });

  it.each([
    ["IN", input, ["f2"], [""]],
    ["IN", input, ["f1"], ["", "in"]],
    ["OUT", output, ["f1"], ["", ""]],
    ["OUT", output, ["f1", "f2"], ["", "", "out"]],
    // The one that nobody watches wakes nobody.
    ["OUT", output, ["f2", "f1"], ["", "out"]],
    ["both", both, ["f1"], ["", "in"]],
  ] as const)("SYNC-16: who sleeps for %s behind WRITE and READ looks anew", (_name, asked, ended, found) => {
    const sleeping = start({ f1: "write", f2: "read" })
      .step("poll", { ...asked, sleep: true })
      .task("t2");
    expect(play(signal(sleeping, ...ended)).polled).toEqual(found);
  });

  it("SYNC-16: a fence that failed is over too", () => {
    const sleeping = start({ f1: "write" })
      .step("setError", { fence: "f1", error: -5 })
      .step("poll", { ...input, sleep: true })
      .task("t2");
    expect(play(signal(sleeping, "f1")).polled).toEqual(["", "in"]);
  });

  it("SYNC-17, SYNC-22: the first that is pending is enabled, once for each direction, and none behind it", () => {
    const pollers = () => {
      let builder = program(profile).step("export", b1);
      for (const [at, usage] of (["write", "write", "read"] as const).entries())
        builder = builder
          .step("fenceInit", { fence: `f${at + 1}`, timeline: at + 1, seqno: 1, hooks: ["enableSignaling"] })
          .step("lock", lock)
          .step("reserveFences", { ...lock, count: 1 })
          .step("addFence", { ...lock, fence: `f${at + 1}`, usage })
          .step("unlock", lock);
      return builder;
    };
    const enabled = (builder: ProgramBuilder) =>
      play(builder).events.flatMap((event) =>
        event.kind === "cb" && event.hook === "enableSignaling" ? [event.fence] : [],
      );
    expect(enabled(pollers().step("poll", input).step("poll", input).step("poll", output))).toEqual(["f1"]);
    expect(enabled(signal(pollers(), "f1").step("poll", input).step("poll", both))).toEqual(["f2"]);
    expect(enabled(signal(pollers(), "f1", "f2").step("poll", input).step("poll", output))).toEqual(["f3"]);
  });

  it("SYNC-23: a merged file outlives its inputs and the buffer", () => {
    const merged = merge(exported(exported(start({ f1: "write", f2: "read" }), "y1", 1), "y2", 2), "y1", "y2", "y3");
    const closed = merged
      .step("closeSyncFile", { syncFile: "y1" })
      .step("closeSyncFile", { syncFile: "y2" })
      .step("put", b1);
    const run = play(pollFiles(signal(pollFiles(closed, "y3"), "f1", "f2"), "y3"));
    expect(run.polledFiles).toEqual([false, true]);
  });

  it("SYNC-24: importing the same file again promotes its fences in place", () => {
    const merged = merge(files(start(), 2), "y1", "y2", "y3");
    const run = play(importFile(importFile(importFile(merged, "y3", 1), "y3", 2), "y3", 2));
    expect(run.stored).toEqual(["f1 write", "f2 write"]);
  });

  it("SYNC-26: export passes a lock that another holds, import waits for it, also with a signal pending", () => {
    const held = () => importFile(exported(files(start(), 1).step("lock", lock).task("t2"), "y2", 1), "y1");
    expect(play(held()).errors("exportSyncFile")).toEqual(["ok"]);
    expect(play(held()).errors("importSyncFile")).toEqual([]);
    expect(play(held().task("t1").step("interrupt", { target: "t2" })).errors("importSyncFile")).toEqual([]);
    expect(play(held().task("t1").step("unlock", lock)).errors("importSyncFile")).toEqual(["ok"]);
  });

  it("SYNC-27: a request that no sync file knows", () => {
    const run = play(files(start(), 1).step("syncFileIoctl", { syncFile: "y1", command: 77 }));
    expect(run.errors("syncFileIoctl")).toEqual(["ENOTTY"]);
  });

  it("SYNC-28: files from export and from merge close when a program is executed", () => {
    const run = play(merge(exported(exported(start({ f1: "write" }), "y1", 1), "y2", 1), "y1", "y2", "y3"));
    const made = [...run.rets("exportSyncFile"), ...run.rets("mergeSyncFiles")];
    expect(made.map(({ closeOnExec }) => closeOnExec)).toEqual([true, true, true]);
  });
});
