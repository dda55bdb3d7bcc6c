import { describe, expect, it } from "vitest";
import { program } from "../../spec/builder.ts";
import { playLines } from "./buffers-run.ts";

/** A static importer on an exporter that pins: attach, map twice, unmap twice, detach. */
function mixed(profile: string, exporter: string, ops: "static" | "callback") {
  return program(profile)
    .exporter("e1", { kind: exporter })
    .importer("i1", { ops, allowPeer2peer: true })
    .step("export", { buffer: "b1" })
    .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
    .step("mapUnlocked", { attachment: "a1", direction: "toDevice", mapping: "m1" })
    .step("mapUnlocked", { attachment: "a1", direction: "toDevice", mapping: "m2" })
    .step("unmapUnlocked", { mapping: "m2" })
    .step("unmapUnlocked", { mapping: "m1" })
    .step("detach", { attachment: "a1" });
}

describe("automatic pins and cached tables", () => {
  it("PIN-10, MAP-37: 6.12 pins and maps at attach, and undoes both in detach while listed", () => {
    const lines = playLines(mixed("K6.12", "dynamic", "static").build());
    expect(lines["s2"]).toEqual(["attach L-", "listed", "pin L+", "map L+", "attach=ok"]);
    expect(lines["s3"]).toEqual(["mapUnlocked=ok"]);
    expect(lines["s6"]).toEqual(["unmapUnlocked=ok"]);
    expect(lines["s7"]).toEqual(["unmap L+", "unpin L+", "unlisted", "detach L-", "detach=ok"]);
  });

  it.each(["K6.16", "K6.19", "K7.0", "K7.1"])("PIN-09: %s pins at each map of a static attachment", (profile) => {
    const lines = playLines(mixed(profile, "dynamic", "static").build());
    expect(lines["s2"]).toEqual(["attach L-", "listed", "attach=ok"]);
    expect(lines["s3"]).toEqual(["pin L+", "map L+", "mapUnlocked=ok"]);
    expect(lines["s4"]).toEqual(["pin L+", "map L+", "mapUnlocked=ok"]);
    expect(lines["s5"]).toEqual(["unmap L+", "unpin L+", "unmapUnlocked=ok"]);
    expect(lines["s7"]).toEqual(["unlisted", "detach L-", "detach=ok"]);
  });

  it.each([
    ["K6.12", ["pin L+", "map L+", "mapUnlocked=ok"]],
    ["K6.12+moveNotify", ["map L+", "mapUnlocked=ok"]],
    ["K7.0", ["pin L+", "map L+", "mapUnlocked=ok"]],
    ["K7.0+moveNotify", ["map L+", "mapUnlocked=ok"]],
    ["K7.1", ["map L+", "mapUnlocked=ok"]],
  ])("PIN-12: %s maps a dynamic attachment of a dynamic exporter", (profile, expected) => {
    const lines = playLines(mixed(profile, "dynamic", "callback").build());
    expect(lines["s2"]).toEqual(["attach L-", "listed", "attach=ok"]);
    expect(lines["s3"]).toEqual(expected);
  });

  it("6.12 maps a dynamic attachment of a static exporter at attach, without a pin", () => {
    const lines = playLines(mixed("K6.12", "static", "callback").build());
    expect(lines["s2"]).toEqual(["attach L-", "listed", "map L+", "attach=ok"]);
    expect(lines["s7"]).toEqual(["unmap L+", "unlisted", "detach=ok"]);
    expect(playLines(mixed("K6.16", "static", "callback").build())["s2"]).toEqual(["attach L-", "listed", "attach=ok"]);
  });

  it("MAP-08: an exporter that asks for caching gets the direction of the first map", () => {
    const lines = playLines(
      program("K6.12")
        .exporter("e1", { kind: "static" })
        .importer("i1", { ops: "static" })
        .step("export", { buffer: "b1", caching: true })
        .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
        .step("mapUnlocked", { attachment: "a1", direction: "toDevice", mapping: "m1" })
        .step("mapUnlocked", { attachment: "a1", direction: "toDevice", mapping: "m2" })
        .step("mapUnlocked", { attachment: "a1", direction: "fromDevice", mapping: "m3" })
        .step("mapUnlocked", { attachment: "a1", direction: "bidirectional", mapping: "m4" })
        .step("unmapUnlocked", { mapping: "m1" })
        .step("unmapUnlocked", { mapping: "m2" })
        .step("detach", { attachment: "a1" })
        .build(),
    );
    expect(lines["s3"]).toEqual(["map L+", "mapUnlocked=ok"]);
    expect(lines["s4"]).toEqual(["mapUnlocked=ok"]);
    expect(lines["s5"]).toEqual(["mapUnlocked=EBUSY"]);
    expect(lines["s6"]).toEqual(["mapUnlocked=EBUSY"]);
    expect(lines["s9"]).toEqual(["unmap L+", "unlisted", "detach=ok"]);
  });
});

describe("errors at attach and map", () => {
  it("ATT-04: a failing attach hook leaves nothing and no detach hook runs", () => {
    const built = mixed("K7.1", "dynamic", "static").fail({ step: "s2", site: "hook:attach", errno: 16 }).build();
    expect(playLines({ ...built, steps: built.steps.slice(0, 2) })["s2"]).toEqual(["attach L-", "attach=EBUSY"]);
  });

  it("ATT-32: a failing pin at attach detaches", () => {
    const built = mixed("K6.12", "dynamic", "static").fail({ step: "s2", site: "hook:pin", errno: 22 }).build();
    expect(playLines({ ...built, steps: built.steps.slice(0, 2) })["s2"]).toEqual([
      "attach L-",
      "listed",
      "pin L+",
      "unlisted",
      "detach L-",
      "attach=EINVAL",
    ]);
  });

  it("ATT-32: a failing map at attach unpins and detaches", () => {
    const built = mixed("K6.12", "dynamic", "static").fail({ step: "s2", site: "hook:map", errno: 5 }).build();
    expect(playLines({ ...built, steps: built.steps.slice(0, 2) })["s2"]).toEqual([
      "attach L-",
      "listed",
      "pin L+",
      "map L+",
      "unpin L+",
      "unlisted",
      "detach L-",
      "attach=EIO",
    ]);
  });

  it("PIN-11: a failing map unpins again", () => {
    const built = mixed("K7.1", "dynamic", "static").fail({ step: "s3", site: "hook:map", errno: 5 }).build();
    expect(playLines({ ...built, steps: built.steps.slice(0, 3) })["s3"]).toEqual([
      "pin L+",
      "map L+",
      "unpin L+",
      "mapUnlocked=EIO",
    ]);
  });

  it("PIN-15: EBUSY of an automatic pin is passed on, with one warning from 6.16 on", () => {
    const built = mixed("K7.1", "dynamic", "static")
      .fail({ step: "s3", site: "hook:pin", errno: 16 })
      .fail({ step: "s4", site: "hook:pin", errno: 16 })
      .build();
    const lines = playLines({ ...built, steps: built.steps.slice(0, 4) });
    expect(lines["s3"]).toEqual(["pin L+", expect.stringMatching(/^warn: .*busy/), "mapUnlocked=EBUSY"]);
    expect(lines["s4"]).toEqual(["pin L+", "mapUnlocked=EBUSY"]);
  });

  it("ATT-02: importer ops without the callback are refused before 7.1", () => {
    const attach = (profile: string) =>
      playLines(
        program(profile)
          .exporter("e1", { kind: "dynamic" })
          .importer("i1", { ops: "noCallback" })
          .step("export", { buffer: "b1" })
          .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
          .build(),
      )["s2"];
    expect(attach("K7.0")).toEqual([expect.stringMatching(/^warn: .*callback/), "attach=EINVAL"]);
    expect(attach("K7.1")).toEqual(["attach L-", "listed", "attach=ok"]);
  });
});

describe("the wait for the memory of a static attachment", () => {
  const waiting = (interrupted: boolean) =>
    program("K7.1")
      .exporter("e1", { kind: "static" })
      .importer("i1", { ops: "static" })
      .step("export", { buffer: "b1" })
      .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
      .step("lock", { resv: "b1.resv" })
      .step("reserveFences", { resv: "b1.resv", count: 1 })
      .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
      .step("addFence", { resv: "b1.resv", fence: "f1", usage: "kernel" })
      .step("unlock", { resv: "b1.resv" })
      .step(
        "mapUnlocked",
        { attachment: "a1", direction: "toDevice", mapping: "m1" },
        interrupted ? { interrupted: true } : {},
      );

  it("MAP-18: comes after the hook and ends with the fence", () => {
    const lines = playLines(waiting(false).task("t2").step("signal", { fence: "f1" }).build());
    expect(lines["s8"]).toEqual(["map L+", "blocked on fence", "mapUnlocked=ok"]);
  });

  it("MAP-19: interrupted, it unmaps again", () => {
    const lines = playLines(waiting(true).build());
    expect(lines["s8"]?.slice(-2)).toEqual(["unmap L+", "mapUnlocked=ERESTARTSYS"]);
  });
});

describe("export, descriptors, references", () => {
  it.each(["priv", "ops", "map", "unmap", "release", "pin", "unpin"] as const)("LIFE-01/02: without %s", (item) => {
    const lines = playLines(
      program("K7.1")
        .exporter("e1", { kind: "dynamic" })
        .step("export", { buffer: "b1", missing: [item] })
        .build(),
    );
    expect(lines["s1"]).toEqual([expect.stringMatching(/^warn: export/), "export=EINVAL"]);
  });

  it("LIFE-07: without a free descriptor the reference stays", () => {
    const lines = playLines(
      program("K7.1")
        .exporter("e1", { kind: "scripted" })
        .step("export", { buffer: "b1" })
        .step("exportFd", { buffer: "b1", fd: "d1" })
        .fail({ step: "s2", site: "fd", errno: 24 })
        .build(),
    );
    expect(lines["s2"]).toContain("exportFd=EMFILE");
  });

  it("LIFE-06, LIFE-08: a descriptor carries a reference; closed, it is bad", () => {
    const lines = playLines(
      program("K7.1")
        .exporter("e1", { kind: "scripted" })
        .step("export", { buffer: "b1" })
        .step("exportFd", { buffer: "b1", fd: "d1" })
        .step("close", { fd: "d1" })
        .step("close", { fd: "d1" })
        .step("get", { fd: "d1" })
        .build(),
    );
    expect(lines["s2"]).toEqual(["exportFd=ok"]);
    expect(lines["s3"]).toEqual(["close=ok", "release L-"]);
    expect(lines["s4"]).toEqual(["close=EBADF"]);
    expect(lines["s5"]).toEqual(["get=EBADF"]);
  });

  it("LIFE-12: attached devices at release are reported after the hook", () => {
    const lines = playLines(
      program("K7.1")
        .exporter("e1", { kind: "scripted" })
        .step("export", { buffer: "b1" })
        .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
        .step("put", { buffer: "b1" })
        .build(),
    );
    expect(lines["s3"]).toEqual(["put=ok", "release L-", expect.stringMatching(/^warn: .*attached/)]);
  });

  it("LIFE-35: a lock held over the last put is destroyed while locked", () => {
    const lines = playLines(
      program("K7.1")
        .exporter("e1", { kind: "scripted" })
        .step("export", { buffer: "b1" })
        .step("lock", { resv: "b1.resv" })
        .step("put", { buffer: "b1" })
        .build(),
    );
    expect(lines["s3"]).toEqual(["put=ok", "release L-", "warn: a lock is destroyed while it is held"]);
  });

  it("LIFE-29, LIFE-31: seek and name", () => {
    const name = (length: number) => "n".repeat(length);
    const lines = playLines(
      program("K7.1")
        .exporter("e1", { kind: "scripted" })
        .step("export", { buffer: "b1" })
        .step("seek", { buffer: "b1", offset: 0, whence: 2 })
        .step("seek", { buffer: "b1", offset: 0, whence: 0 })
        .step("seek", { buffer: "b1", offset: 0, whence: 1 })
        .step("seek", { buffer: "b1", offset: 1, whence: 2 })
        .step("setName", { buffer: "b1", name: name(31) })
        .step("setName", { buffer: "b1", name: name(32) })
        .step("setName", { buffer: "b1", name: null })
        .build(),
    );
    expect(["s2", "s3", "s4", "s5"].map((step) => lines[step]![0])).toEqual([
      "seek=ok",
      "seek=ok",
      "seek=EINVAL",
      "seek=EINVAL",
    ]);
    expect(["s6", "s7", "s8"].map((step) => lines[step]![0])).toEqual([
      "setName=ok",
      "setName=EINVAL",
      "setName=EFAULT",
    ]);
  });
});

describe("what is reported and goes on", () => {
  const live = () =>
    program("K7.1")
      .exporter("e1", { kind: "dynamic" })
      .importer("i1", { ops: "static" })
      .importer("i2", { ops: "callback" })
      .buffer("b1")
      .buffer("b2")
      .step("export", { buffer: "b1" })
      .step("export", { buffer: "b2" })
      .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
      .step("attach", { importer: "i2", buffer: "b1", attachment: "a2" });

  it("PIN-01, PIN-02: pins without lock, or of a static attachment, are forwarded", () => {
    const lines = playLines(
      live()
        .step("pin", { attachment: "a2" }, { misuse: true })
        .step("unpin", { attachment: "a2" }, { misuse: true })
        .step("lock", { resv: "b1.resv" })
        .step("pin", { attachment: "a1" }, { misuse: true })
        .step("unpin", { attachment: "a1" }, { misuse: true })
        .build(),
    );
    expect(lines["s5"]).toEqual([expect.stringMatching(/^warn: .*lock/), "pin L-", "pin=ok"]);
    expect(lines["s6"]).toEqual([expect.stringMatching(/^warn: .*lock/), "unpin L-", "unpin=ok"]);
    expect(lines["s8"]).toEqual([expect.stringMatching(/^warn: .*static/), "pin L+", "pin=ok"]);
  });

  it("MAP-01, MAP-04: a map without lock is forwarded, one without attachment refused", () => {
    const lines = playLines(
      live()
        .step("map", { attachment: "a2", mapping: "m1" }, { misuse: true })
        .step("map", { attachment: null, mapping: "m2" }, { misuse: true })
        .build(),
    );
    expect(lines["s5"]).toEqual([expect.stringMatching(/^warn: .*lock/), "map L-", "map=ok"]);
    expect(lines["s6"]).toEqual([expect.stringMatching(/^warn: /), "map=EINVAL"]);
  });

  it("ATT-18: a detach of nothing, or of another buffer's attachment, changes nothing", () => {
    const lines = playLines(
      live()
        .step("detach", { attachment: null, buffer: "b1" }, { misuse: true })
        .step("detach", { attachment: "a1", buffer: "b2" }, { misuse: true })
        .build(),
    );
    expect(lines["s5"]).toEqual([expect.stringMatching(/^warn: detach/), "detach=ok"]);
    expect(lines["s6"]).toEqual([expect.stringMatching(/^warn: detach/), "detach=ok"]);
  });

  it("ATT-13, MOVE-02: an invalidate reaches each attachment with the callback, static ones not", () => {
    const lines = playLines(
      live()
        .step("lock", { resv: "b1.resv" })
        .step("invalidate", { buffer: "b1" })
        .step("unlock", { resv: "b1.resv" })
        .step("invalidate", { buffer: "b1" }, { misuse: true })
        .build(),
    );
    expect(lines["s6"]).toEqual(["invalidate L+", "invalidate=ok"]);
    expect(lines["s8"]).toEqual([expect.stringMatching(/^warn: .*lock/), "invalidate L-", "invalidate=ok"]);
  });
});
