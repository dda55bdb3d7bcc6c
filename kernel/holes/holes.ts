import type { Hole, OutOfReach } from "./hole.ts";

const misuse = { misuse: true } as const;

/** What reading the kernel made us suspect, each with a program. */
export const holes: readonly Hole[] = [
  {
    id: "error-after-signal",
    rules: ["FENCE-10"],
    suspicion: "An error set after the signal only warns, and replaces the status that everybody has seen.",
    verdict: "real",
    write: (program) =>
      program
        .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
        .step("signal", { fence: "f1" })
        .step("getStatus", { fence: "f1" })
        .step("setError", { fence: "f1", error: -5 }, misuse)
        .step("getStatus", { fence: "f1" }),
    looks: ["s3", "s4", "s5"],
    answers: { "": ["s3: getStatus 1", "s4: complains: error-wrong", "s4: setError ok", "s5: getStatus -5"] },
  },
  {
    id: "error-out-of-range",
    rules: ["FENCE-10"],
    suspicion: "An error that is none is stored all the same, and a status above zero then means anything.",
    verdict: "real",
    write: (program) =>
      program
        .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
        .step("setError", { fence: "f1", error: 7 }, misuse)
        .step("signal", { fence: "f1" })
        .step("getStatus", { fence: "f1" }),
    looks: ["s2", "s4"],
    answers: { "": ["s2: complains: error-wrong", "s2: setError ok", "s4: getStatus 7"] },
  },
  {
    id: "half-the-range",
    rules: ["FENCE-21"],
    suspicion: "Of two numbers half the range apart neither is later, so that a timeline has no order there.",
    verdict: "as written",
    write: (program) =>
      program
        .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
        .step("fenceInit", { fence: "f2", timeline: 1, seqno: 1 + 2 ** 31 })
        .step("isLater", { first: "f1", second: "f2" })
        .step("isLater", { first: "f2", second: "f1" }),
    looks: ["s3", "s4"],
    answers: { "": ["s3: isLater false", "s4: isLater false"] },
  },
  {
    id: "silent-death",
    rules: ["FENCE-23"],
    suspicion: "A fence that nobody has a callback on dies unsignaled, enabled or not, and nothing says so.",
    verdict: "as written",
    write: (program) =>
      program
        .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
        .step("enableSignaling", { fence: "f1" })
        .step("fencePut", { fence: "f1" }),
    looks: ["s3"],
    answers: { "": ["s3: f1 is freed", "s3: fencePut ok"] },
  },
  {
    id: "death-with-callback",
    rules: ["FENCE-23"],
    suspicion: "A fence that dies with a callback queued signals with a deadlock error, and the kernel complains.",
    verdict: "as written",
    write: (program) =>
      program
        .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
        .step("addCallback", { fence: "f1", callback: "k1" })
        .step("fencePut", { fence: "f1" }, misuse),
    looks: ["s3"],
    answers: {
      "": [
        "s3: f1 is freed",
        "s3: complains: unsignaled-release",
        "s3: s3.fence1 signals with EDEADLK",
        "s3: hook callback",
        "s3: fencePut ok",
      ],
    },
  },
  {
    id: "container-in-a-list",
    rules: ["RESV-20"],
    suspicion: "A container that is added is complained of and stored like any fence.",
    verdict: "as written",
    write: (program) =>
      program
        .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
        .step("fenceGet", { fence: "f1" })
        .step("createArray", { fence: "f2", members: ["f1"], timeline: 2, seqno: 1 })
        .step("lock", { resv: "r1" })
        .step("reserveFences", { resv: "r1", count: 1 })
        .step("addFence", { resv: "r1", fence: "f2", usage: "write" }, misuse)
        .step("iterateFences", { resv: "r1", usage: "bookkeep" }),
    looks: ["s6", "s7"],
    answers: {
      "": ["s6: complains: add-refused", "s6: addFence ok", 's7: iterateFences [{"fence":"f2","usage":"write"}]'],
    },
  },
  {
    id: "status-signals",
    rules: ["FENCE-11"],
    suspicion: "A question for the status may itself signal the fence, by asking its owner.",
    verdict: "as written",
    write: (program) =>
      program
        .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1, hooks: ["signaled"] })
        .step("getStatus", { fence: "f1" })
        .step("finishWork", { fence: "f1" })
        .step("getStatus", { fence: "f1" }),
    looks: ["s2", "s4"],
    answers: { "": ["s2: hook signaled", "s2: getStatus 0", "s4: hook signaled", "s4: f1 signals", "s4: getStatus 1"] },
  },
  {
    id: "reserves-do-not-add-up",
    rules: ["RESV-44"],
    suspicion: "Two reserves of one slot in a hold give room for one.",
    verdict: "as written",
    write: (program) => {
      for (let at = 1; at <= 6; at += 1) program.step("fenceInit", { fence: `f${at}`, timeline: at, seqno: 1 });
      program.step("lock", { resv: "r1" }).step("reserveFences", { resv: "r1", count: 4 });
      for (let at = 1; at <= 4; at += 1) program.step("addFence", { resv: "r1", fence: `f${at}`, usage: "read" });
      return program
        .step("reserveFences", { resv: "r1", count: 1 })
        .step("reserveFences", { resv: "r1", count: 1 })
        .step("addFence", { resv: "r1", fence: "f5", usage: "read" })
        .step("addFence", { resv: "r1", fence: "f6", usage: "read" }, misuse);
    },
    looks: ["s13", "s14", "s15", "s16"],
    answers: {
      "": [
        "s13: reserveFences ok",
        "s14: reserveFences ok",
        "s15: addFence ok",
        "s16: complains: kernel-stops",
        "crashed",
      ],
    },
  },
  {
    id: "another-lock-after-deadlock",
    rules: ["RESV-09"],
    suspicion: "Whoever backs off and goes on with another lock gets it; only a debug build complains.",
    verdict: "real",
    write: (program) =>
      program
        .step("acquireInit", { acquire: "w1" })
        .step("lock", { resv: "r1", acquire: "w1" })
        .task("t2")
        .step("acquireInit", { acquire: "w2" })
        .step("lock", { resv: "r2", acquire: "w2" })
        .step("lock", { resv: "r1", acquire: "w2" })
        .step("unlock", { resv: "r2" })
        .step("lock", { resv: "r3", acquire: "w2" }, misuse),
    looks: ["s5", "s7"],
    answers: { "": ["s5: lock EDEADLK", "s7: complains: lock-check", "s7: complains: not-backed-off", "s7: lock ok"] },
  },
  {
    id: "release-before-the-check",
    rules: ["LIFE-12"],
    suspicion: "The exporter's release hook runs before the kernel looks whether a device is still attached.",
    verdict: "real",
    write: (program) =>
      program
        .step("export", { buffer: "b1" })
        .step("attach", { buffer: "b1", importer: "i1", attachment: "a1" })
        .step("put", { buffer: "b1" }, misuse),
    looks: ["s3"],
    answers: { "": ["s3: put ok", "s3: hook release", "s3: complains: released-attached"] },
  },
  {
    id: "pin-without-a-pin-hook",
    rules: ["PIN-16"],
    suspicion: "A pin of an exporter that has no pin hook succeeds, and pins nothing.",
    verdict: "as written",
    write: (program) =>
      program
        .step("export", { buffer: "b1" })
        .step("attach", { buffer: "b1", importer: "i1", attachment: "a1" })
        .step("lock", { resv: "b1.resv" })
        .step("pin", { attachment: "a1" }),
    looks: ["s4"],
    answers: { "": ["s4: pin ok"] },
  },
  {
    id: "attach-slips-through",
    rules: ["ATT-23"],
    suspicion:
      "The exporter's attach hook runs without the lock: an attach that passed it may end on a revoked buffer.",
    verdict: "as written",
    write: (program) =>
      program
        .step("export", { buffer: "b3" })
        .task("t2")
        .step("lock", { resv: "b3.resv" })
        .task("t3")
        .step("revoke", { buffer: "b3" })
        .task("t1")
        .step("attach", { buffer: "b3", importer: "i1", attachment: "a1" })
        .task("t2")
        .step("unlock", { resv: "b3.resv" })
        .step("mapUnlocked", { attachment: "a1", direction: "toDevice", mapping: "m1" })
        .step("attach", { buffer: "b3", importer: "i1", attachment: "a2" }),
    looks: ["s4", "s6", "s7"],
    answers: {
      "7.": [
        "s4: hook attach",
        "s4: isRevocable true",
        "s4: blocks on lock",
        "s4: attach ok",
        "s6: hook map",
        "s6: mapUnlocked ENODEV",
        "s7: hook attach",
        "s7: attach ENODEV",
      ],
    },
  },
  {
    id: "no-callback",
    rules: ["ATT-02"],
    suspicion: "The callback is documented as optional, and an attach without it is refused.",
    verdict: "as written",
    write: (program) =>
      program.step("export", { buffer: "b1" }).step("attach", { buffer: "b1", importer: "i3", attachment: "a1" }),
    looks: ["s2"],
    answers: { "6.12.": ["s2: complains: attach-refused", "s2: attach EINVAL"], "7.": ["s2: attach ok"] },
  },
  {
    id: "static-map-waits",
    rules: ["MAP-18"],
    suspicion:
      "A static map waits for the memory on the newer series only: the older one hands out what attach mapped.",
    verdict: "as written",
    write: (program) =>
      program
        .step("export", { buffer: "b2" })
        .step("attach", { buffer: "b2", importer: "i2", attachment: "a1" })
        .step("fenceInit", { fence: "f1", timeline: 1, seqno: 1 })
        .step("lock", { resv: "b2.resv" })
        .step("reserveFences", { resv: "b2.resv", count: 1 })
        .step("addFence", { resv: "b2.resv", fence: "f1", usage: "kernel" })
        .step("unlock", { resv: "b2.resv" })
        .step("mapUnlocked", { attachment: "a1", direction: "bidirectional", mapping: "m1" }),
    looks: ["s2", "s8"],
    answers: {
      "6.12.": ["s2: hook pin", "s2: hook map", "s2: attach ok", "s8: mapUnlocked ok"],
      "7.": ["s2: attach ok", "s8: hook pin", "s8: hook map", "s8: blocks on fence", "s8: mapUnlocked ok"],
    },
  },
  {
    id: "end-without-begin",
    rules: ["CPU-07"],
    suspicion: "An end of CPU access that never began succeeds; only exporters may object, and each does as it likes.",
    verdict: "as written",
    write: (program) =>
      program
        .step("export", { buffer: "b1" })
        .step("endCpu", { buffer: "b1", direction: "fromDevice" }, misuse)
        .step("ioctlSync", { buffer: "b1", flags: 5 }, misuse),
    looks: ["s2", "s3"],
    answers: {
      "": [
        "s2: hook endCpu",
        "s2: endCpu ok",
        "s3: lock ok",
        "s3: lock ok",
        "s3: hook endCpu",
        "s3: lock ok",
        "s3: ioctlSync ok",
      ],
    },
  },
];

/** What no program of the module can show. */
export const outOfReach: readonly OutOfReach[] = [
  {
    what: "several ranges of one table are linked at one place of the address space; its space leaks when a link fails; entries never mapped are unmapped; a long range is mapped once and unmapped in pieces",
    rules: ["P2P-27", "DMAMAP-01", "DMAMAP-19", "DMAMAP-29"],
    why: "the helper wants a PCI provider, which User-Mode Linux has none of; 7.3.4 still reads so",
  },
  {
    what: "an invalidate between attach and the lock makes the pinned-revocable RDMA import lose a pin",
    rules: ["REV-53", "PIN-04", "ATT-12"],
    why: "needs the RDMA core, which is not built here; the core itself never calls back before the attach is on the list",
  },
  {
    what: "importers' callbacks use the attachment pointer that attach has not yet returned",
    rules: ["ATT-12"],
    why: "between the list and the return nobody else runs: our kernels have one CPU, and threads that do not preempt each other",
  },
  {
    what: "an unrevoke tells the importers before the buffer may be mapped again",
    rules: ["REV-21"],
    why: "VFIO needs PCI; our own exporter clears the flag first. The model in drivers/ shows it",
  },
  {
    what: "memory is off and its buffers are not revoked, or the other way round, after low power and config writes",
    rules: ["REV-18", "REV-33", "REV-34"],
    why: "VFIO needs PCI",
  },
  {
    what: "a refused non-blocking invalidation leaves readers of an overlapping range waiting for ever",
    rules: ["MMUN-27"],
    why: "the module has no listeners of an address space",
  },
  {
    what: "pins that fail and say they did not, or are not undone; a stale table unmapped twice; the move of a pin that is not over",
    rules: ["PIN-05", "PIN-06", "PIN-21", "MAP-15", "MOVE-36"],
    why: "graphics drivers, none of which runs without hardware",
  },
  {
    what: "a dynamic importer without peer-to-peer is given device memory that is pinned",
    rules: ["ATT-10"],
    why: "an exporter's choice; the core asks for nothing",
  },
  {
    what: "debug builds throw an importer's changes of a table away, and so hide them",
    rules: ["MAP-13"],
    why: "the module's importer changes no table",
  },
  {
    what: "6.12 calls the owner's name functions of a fence that has signaled",
    rules: ["FENCE-31"],
    why: "no history has them as hooks",
  },
  {
    what: "a wait with a limit above the largest signed number answers a negative rest",
    rules: ["RESV-36"],
    why: "the module makes a few jiffies of every limit, so that what differs is only its sign",
  },
  {
    what: "a buffer can be seen by name before it has a descriptor",
    rules: ["LIFE-20"],
    why: "no kernel lets a module walk the list of buffers",
  },
  {
    what: "the address of a buffer for the kernel misses the offset inside a large page",
    rules: ["CPU-32"],
    why: "udmabuf's own; the module's exporter has single pages",
  },
];
