import { describe, expect, it } from "vitest";
import { referenceSystem } from "../../conformance/reference-system.ts";
import { referenceKinds } from "../../conformance/reference-roles.ts";
import { replay, type Replay } from "../../conformance/replay.ts";
import { fewerFences } from "../../generators/shrink/fences.ts";
import { filesOfBuffers } from "../../generators/shrink/files.ts";
import { imports } from "../../generators/shrink/imports.ts";
import { fencesOfDrivers, manyFences } from "../../generators/shrink/jobs.ts";
import { nothingInstead } from "../../generators/shrink/objects.ts";
import { holdForPause } from "../../generators/shrink/orders.ts";
import { Session, type Search } from "../../generators/shrink/session.ts";
import { shortcuts } from "../../generators/shrink/shortcuts.ts";
import { fewerKinds } from "../../generators/shrink/steps.ts";
import { fewerPauses } from "../../generators/shrink/windows.ts";
import { program } from "../../spec/builder.ts";
import { programProblem } from "../../spec/check-program.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import { EINVAL, ENODEV, ENOENT } from "../../spec/errno.ts";
import { printStep } from "../../spec/print-step.ts";
import { profiles } from "../../spec/profile.ts";
import type { Program } from "../../spec/program.ts";

function run(candidate: Program): Replay {
  const done = replay(candidate, referenceSystem(), [], profiles["K7.1"]);
  if (done instanceof Promise) throw new Error("the reference is synchronous");
  return done;
}

/** Runs a pass alone; a candidate counts where all of it is carried out and `shows` is true of an event. */
function shortened(
  pass: (session: Session) => Search<void>,
  start: Program,
  shows: (event: HistoryEvent) => boolean,
): readonly string[] {
  const isShown = (candidate: Program) => {
    const { steps, schedule, events } = run(candidate);
    const whole = steps.length === candidate.steps.length && schedule.length === candidate.schedule.length;
    return whole && events.some(shows);
  };
  expect(isShown(start)).toBe(true);
  const session = new Session({ program: start }, 0, 250, referenceKinds);
  const search = pass(session);
  for (let next = search.next(); next.done !== true;) {
    expect(programProblem(next.value)).toBeNull();
    next = search.next(isShown(next.value) ? { program: next.value } : null);
  }
  const { steps, schedule } = session.program;
  return [
    ...steps.map((step) => `${step.task} ${printStep(step)}`),
    ...schedule.map(({ step, site, nth, until }) => `${step} pauses at ${site} ${nth} until ${until}`),
  ];
}

const waits = (event: HistoryEvent) => event.kind === "blocked" && event.wait.kind === "fence" && event.step === "s9";

describe("fences that a program puts into an object by hand", () => {
  it("come from a driver, without slot and lock", () => {
    const byHand = program("K7.1")
      .exporter("e1", { kind: "scripted" })
      .step("export", { buffer: "b1" })
      .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
      .step("lock", { resv: "b1.resv" })
      .step("reserveFences", { resv: "b1.resv", count: 1 })
      .step("addFence", { resv: "b1.resv", fence: "f1", usage: "kernel" })
      .step("unlock", { resv: "b1.resv" })
      .step("getName", { buffer: "b1" })
      .step("getName", { buffer: "b1" })
      .step("beginCpu", { buffer: "b1", direction: "bidirectional" })
      .build();
    expect(shortened(fencesOfDrivers, byHand, waits)).toEqual([
      "t1 export b1",
      "t1 move b1 to system memory",
      "t1 read the name of b1",
      "t1 read the name of b1",
      "t1 begin CPU access to b1 bidirectional",
    ]);
  });

  it("come from jobs, in a buffer that is made for them and revoked in place of a wait", () => {
    const waiting = program("K7.1")
      .reservation("r1")
      .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
      .step("fenceInit", { fence: "f2", timeline: 2, seqno: 1 })
      .step("lock", { resv: "r1" })
      .step("reserveFences", { resv: "r1", count: 2 })
      .step("addFence", { resv: "r1", fence: "f1", usage: "read" })
      .step("addFence", { resv: "r1", fence: "f2", usage: "bookkeep" })
      .step("unlock", { resv: "r1" })
      .step("setDeadline", { resv: "r1", usage: "bookkeep", deadline: 0 })
      .step("waitFences", { resv: "r1", usage: "bookkeep", interruptible: false, timeout: 1_000_000 })
      .build();
    const lengths = shortened(fencesOfDrivers, waiting, waits);
    expect(lengths.length).toBeLessThan(waiting.steps.length);
    expect(lengths.some((line) => / (submit|move|evict) /.test(line))).toBe(true);
    expect(lengths.some((line) => line.includes("create fence"))).toBe(false);
  });

  it("are one where one is enough, and are looked at as what they are", () => {
    const two = program("K7.1")
      .reservation("r1")
      .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
      .step("signal", { fence: "f1" })
      .step("fenceInit", { fence: "f2", timeline: 2, seqno: 1 })
      .step("lock", { resv: "r1" })
      .step("reserveFences", { resv: "r1", count: 2 })
      .step("addFence", { resv: "r1", fence: "f1", usage: "bookkeep" })
      .step("addFence", { resv: "r1", fence: "f2", usage: "kernel" })
      .step("getFences", { resv: "r1", usage: "kernel" })
      .step("waitFences", { resv: "r1", usage: "kernel", interruptible: false, timeout: 1_000_000 })
      .build();
    // Only the first fence is of use: the one that nobody looked at, and that was signaled.
    const added = new Set<string>();
    const shows = (event: HistoryEvent) => {
      if (event.kind === "call" && event.op === "addFence") added.add(event.usage);
      if (!waits(event) || !added.has("bookkeep")) return false;
      added.clear();
      return true;
    };
    expect(shortened(fewerFences, two, shows)).toEqual([
      "t1 create fence f1 as 1:1",
      "t1 lock r1",
      "t1 reserve 2 fence slots in r1",
      "t1 add f1 to r1 as bookkeep",
      "t1 get the bookkeep fences of r1",
      "t1 wait for the bookkeep fences of r1, timeout 1000000",
    ]);
  });

  it("come from as many jobs where there are many, however long the program", () => {
    let many = program("K7.1").exporter("e1", { kind: "scripted" }).step("export", { buffer: "b1" });
    many = many.step("lock", { resv: "b1.resv" }).step("reserveFences", { resv: "b1.resv", count: 9 });
    for (let number = 1; number <= 9; number += 1)
      many = many
        .step("fenceInit", { fence: `f${number}`, timeline: number, seqno: 1 })
        .step("addFence", { resv: "b1.resv", fence: `f${number}`, usage: "read" });
    const waiting = many
      .step("unlock", { resv: "b1.resv" })
      .step("beginCpu", { buffer: "b1", direction: "bidirectional" })
      .build();
    const isHeldUp = (event: HistoryEvent) => event.kind === "blocked" && event.step === "s23";
    const lines = shortened(manyFences, waiting, isHeldUp);
    expect(lines.filter((line) => / (submit|move|evict) /.test(line))).toHaveLength(9);
    expect(lines.some((line) => line.includes("create fence"))).toBe(false);
  });

  it("need no node of a chain that another can do without", () => {
    const chained = program("K7.1")
      .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
      .step("fenceGet", { fence: "f1" })
      .step("createChain", { fence: "f2", previous: null, contained: "f1", seqno: 1 })
      .step("fenceGet", { fence: "f1" })
      .step("fenceGet", { fence: "f2" })
      .step("createChain", { fence: "f3", previous: "f2", contained: "f1", seqno: 2 })
      .step("isSignaled", { fence: "f3" })
      .build();
    const isAsked = (event: HistoryEvent) => event.kind === "ret" && event.op === "isSignaled" && event.step === "s7";
    expect(shortened(fewerFences, chained, isAsked)).toHaveLength(4);
  });

  it("are found signaled when somebody asks, in place of a signal before", () => {
    const signaled = program("K7.1")
      .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
      .step("signal", { fence: "f1" })
      .step("addCallback", { fence: "f1", callback: "k1" })
      .build();
    const isRefused = (event: HistoryEvent) =>
      event.kind === "ret" && event.op === "addCallback" && event.errno === ENOENT;
    expect(shortened(fewerFences, signaled, isRefused)).toEqual([
      "t1 create fence f1 as 1:1 with enableFails",
      "t1 add callback k1 to f1",
    ]);
  });
});

describe("sync files", () => {
  it("are asked of a buffer, with what is over in them", () => {
    const behind = program("K7.1")
      .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
      .step("signal", { fence: "f1" })
      .step("createSyncFile", { fence: "f1", syncFile: "y1" })
      .step("syncFileInfo", { syncFile: "y1", count: 1, flags: 0, pad: 0 })
      .build();
    const isTold = (event: HistoryEvent) => event.kind === "ret" && event.op === "syncFileInfo" && event.errno === 0;
    expect(shortened(filesOfBuffers, behind, isTold)).toEqual([
      "t1 export b2",
      "t1 export the fences of b2 as y1 with flags 1",
      "t1 info of y1 with room for 1",
    ]);
  });
});

describe("exporters", () => {
  it("of another kind need less", () => {
    const told = program("K7.1")
      .exporter("e1", { kind: "dynamic" })
      .importer("i1", { kind: "static" })
      .step("export", { buffer: "b1" })
      .step("import", { importer: "i1", buffer: "b1", import: "p1", direction: "bidirectional" })
      .step("getName", { buffer: "b1" })
      .build();
    const isMapped = (event: HistoryEvent) => event.kind === "cb" && event.hook === "map";
    expect(shortened(shortcuts, told, isMapped)).toHaveLength(2);
  });
});

describe("importers that drive themselves", () => {
  it("pin when they import", () => {
    const pinned = program("K7.1")
      .exporter("e1", { kind: "dynamic" })
      .importer("i1", { ops: "callback" })
      .step("export", { buffer: "b1" })
      .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
      .step("lock", { resv: "b1.resv" })
      .step("pin", { attachment: "a1" })
      .build();
    const isPinned = (event: HistoryEvent) => event.kind === "ret" && event.op === "pin" && event.by === "i1";
    expect(shortened(imports, pinned, isPinned)).toEqual(["t1 export b1", "t1 import b1 into i1 bidirectional as p1"]);
  });

  it("import where they would map, with the signal that is pending there, and have jobs in place of accesses", () => {
    const interrupted = program("K7.1")
      .exporter("e1", { kind: "scripted" })
      .importer("i1", { ops: "static" })
      .step("export", { buffer: "b1" })
      .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
      .step("getName", { buffer: "b1" })
      .step("mapUnlocked", { attachment: "a1", mapping: "m1", direction: "toDevice" }, { interrupted: true })
      .step("access", { mapping: "m1", kind: "read" })
      .build();
    const isRead = (event: HistoryEvent) => event.kind === "access" && event.step === "s5";
    const lines = shortened(
      imports,
      interrupted,
      (event) => isRead(event) || (event.kind === "access" && event.job !== null),
    );
    expect(lines).toHaveLength(4);
    expect(lines.at(-1)).toMatch(/^t1 submit /);
    expect(lines.some((line) => line.includes("(signal pending)"))).toBe(true);
  });

  it("attach when they import, and what that does beside it needs no step", () => {
    const told = program("K7.1")
      .exporter("e1", { kind: "dynamic" })
      .importer("i1", { kind: "dynamic" })
      .importer("i2", { ops: "static" })
      .buffer("b1", { placement: "device" })
      .step("export", { buffer: "b1" })
      .step("import", { importer: "i1", buffer: "b1", import: "p1", direction: "bidirectional" })
      .step("attach", { importer: "i2", buffer: "b1", attachment: "a1" })
      .step("move", { buffer: "b1", placement: "system" })
      .build();
    const isTold = (event: HistoryEvent) => event.kind === "cb" && event.hook === "invalidate";
    expect(shortened(imports, told, isTold)).toHaveLength(3);
  });
});

describe("pauses", () => {
  it("are one where one is enough", () => {
    const paused = program("K7.1")
      .exporter("e1", { kind: "dynamic" })
      .importer("i1", { ops: "callback" })
      .step("export", { buffer: "b1" })
      .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
      .task("t2")
      .step("move", { buffer: "b1", placement: "system" })
      .task("t1")
      .step("mapUnlocked", { attachment: "a1", mapping: "m1", direction: "bidirectional" })
      .preempt({ step: "s3", site: "lock", nth: 1, until: "s4" })
      .preempt({ step: "s4", site: "lock", nth: 1, until: "s3" })
      .build();
    let isMapping = false;
    const shows = (event: HistoryEvent) => {
      if (event.kind === "call" && event.op === "mapUnlocked") isMapping = true;
      if (event.kind === "end") isMapping = false;
      return isMapping && event.kind === "lock" && event.step === "s3";
    };
    const lines = shortened(fewerPauses, paused, shows);
    expect(lines.filter((line) => line.includes("pauses"))).toHaveLength(1);
  });

  it("are none where the task may as well take the lock and keep it", () => {
    const parked = program("K7.1")
      .exporter("e1", { kind: "dynamic" })
      .importer("i1", { kind: "pageTable" })
      .step("export", { buffer: "b1" })
      .step("import", { importer: "i1", buffer: "b1", import: "p1", direction: "bidirectional" })
      .task("t2")
      .step("move", { buffer: "b1", placement: "system" })
      .task("t1")
      .step("lock", { resv: "b1.resv" })
      .preempt({ step: "s3", site: "callback", nth: 1, until: "s4" })
      .build();
    const isHeldUp = (event: HistoryEvent) => event.kind === "blocked" && event.step === "s4";
    expect(shortened(holdForPause, parked, isHeldUp)).toEqual([
      "t1 export b1",
      "t1 import b1 into i1 bidirectional as p1",
      "t2 lock b1.resv",
      "t1 lock b1.resv",
    ]);
  });
});

describe("objects", () => {
  it("need not be there where nothing will do", () => {
    const refused = program("K7.1")
      .exporter("e1", { kind: "scripted" })
      .importer("i1", { ops: "callback" })
      .step("export", { buffer: "b1" })
      .step("attach", { importer: "i1", buffer: "b1", attachment: "a1", noDevice: true })
      .build();
    const isRefused = (event: HistoryEvent) =>
      event.kind === "ret" && event.op === "attach" && (event.errno === EINVAL || event.errno === ENODEV);
    expect(shortened(nothingInstead, refused, isRefused)).toHaveLength(1);
  });
});

describe("long programs", () => {
  it("lose whole kinds of steps at once", () => {
    const names = Array.from({ length: 30 }, (_, index) => `n${index}`);
    let long = program("K7.1").exporter("e1", { kind: "scripted" }).step("export", { buffer: "b1" });
    for (const name of names)
      long = long.step("setName", { buffer: "b1", name }).step("getName", { buffer: "b1" }).step("listBuffers");
    const refused = long.step("ioctl", { buffer: "b1", command: 7 }).build();
    let executions = 0;
    const counted = function* (session: Session): Search<void> {
      yield* fewerKinds(session);
      executions = session.executions;
    };
    const isRefused = (event: HistoryEvent) => event.kind === "ret" && event.op === "ioctl" && event.errno !== EINVAL;
    expect(shortened(counted, refused, isRefused)).toEqual(["t1 export b1", "t1 request 7 on b1"]);
    expect(executions).toBeLessThanOrEqual(8);
  });
});
