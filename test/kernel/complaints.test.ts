import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { KernelRun } from "../../adapters/linux/linux.ts";
import { registry } from "../../contracts/registry.ts";
import { complaintsOf, kindOfComplaint, reportedBy, rulesOf } from "../../kernel/complaints/complaint.ts";
import { complaintKinds } from "../../kernel/complaints/table.ts";
import { answerOf, misuses, misuseText, runMisuses, type Expected } from "../../kernel/misuse/run-misuse.ts";
import { drawMisuse } from "../../kernel/misuse/draw-misuse.ts";
import { linuxOperations } from "../../adapters/linux/encode-step.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import type { Step } from "../../spec/program.ts";
import type { Plan } from "../../adapters/linux/compile.ts";

const ids = new Set(registry.map(({ id }) => id));
const profile = "K6.12+moveNotify";
const operations = new Map([...linuxOperations].map((name, index) => [name, index]));
const expected = JSON.parse(readFileSync("test/kernel/misuse.json", "utf8")) as Expected;

function warn(text: string, step: string | null = "s3"): HistoryEvent {
  return { seq: 7, kind: "warn", text, task: "t1", step, atomic: false } as HistoryEvent;
}

function run(events: readonly HistoryEvent[], end: KernelRun["end"] = "whole", log = ""): KernelRun {
  return { events, end, log, skipped: new Map(), ending: null };
}

describe("the table of complaints", () => {
  it("names rules that exist, or says why there is none", () => {
    expect(new Set(complaintKinds.map(({ id }) => id)).size).toBe(complaintKinds.length);
    for (const { rules, by, reason } of complaintKinds) {
      for (const rule of [...rules, ...Object.values(by ?? {}).flat()]) expect(ids).toContain(rule);
      expect(rules.length > 0 || (reason ?? "") !== "").toBe(true);
    }
  });

  it.each([
    ["WARNING: CPU: 0 PID: 23 at drivers/dma-buf/dma-buf.c:1123 dma_buf_map_attachment+0xa7/0x105", "map-wrong"],
    ["WARNING: drivers/dma-buf/dma-buf.c:1199 at dma_buf_map_attachment+0xb3/0x2a8, CPU#0: x/24", "map-wrong"],
    ["WARNING: possible recursive locking detected", "recursive-lock"],
    ["DEBUG_LOCKS_WARN_ON(ww_ctx->contending_lock != ww)", "not-backed-off"],
    ["DEBUG_LOCKS_WARN_ON(!ctx->contending_lock)", "nothing-contended"],
    ["WARNING: CPU: 0 PID: 23 at include/linux/ww_mutex.h:297 take+0x1b3/0x34b [conformance]", "lock-check"],
    ["WARNING: /a/b/include/linux/dma-fence.h:695 at set_error+0x85/0xcb [conformance], CPU#0", "error-wrong"],
    ["WARNING: CPU: 0 PID: 23 at drivers/dma-buf/dma-fence.c:505 dma_fence_wait_timeout+0x7e/0x204", "negative-wait"],
    ["BUG: failure at drivers/dma-buf/dma-resv.c:319/dma_resv_add_fence()!", "kernel-stops"],
    ["BUG: sleeping function called from invalid context at mm.c:1", "wrong-wait"],
    ["BUG: KASAN: slab-use-after-free in dma_fence_put", "memory-misused"],
    ["refcount_t: underflow; use-after-free.", "count-damaged"],
    ["INFO: task x:7 blocked for more than 120 seconds.", "hung-task"],
    ["WARNING: CPU: 0 PID: 23 at drivers/dma-buf/other.c:1 nobody_knows+0x1/0x2", undefined],
  ])("reads %s", (text, id) => {
    expect(kindOfComplaint(text)?.id).toBe(id);
  });

  it("goes by the operation where one complaint may be about several rules", () => {
    const [complaint] = complaintsOf(run([warn("WARNING: possible recursive locking detected")]));
    expect(rulesOf(complaint!, "attach")).toEqual(["ATT-11"]);
    expect(rulesOf(complaint!, "lock")).toEqual(["RESV-03"]);
  });

  it("takes the last words of a kernel for a complaint in its last step", () => {
    const last = { ...warn(""), kind: "call", op: "addFence" } as unknown as HistoryEvent;
    const [complaint] = complaintsOf(run([last], "crashed", "x\nKernel panic - not syncing: Segfault with no mm\ny"));
    expect(complaint).toMatchObject({ step: "s3", kind: { id: "wild-address" } });
    expect(rulesOf(complaint!, "addFence")).toEqual(["RESV-19"]);
  });
});

describe("a complaint in a comparison", () => {
  const text = "WARNING: possible recursive locking detected";
  const steps = [{ id: "s3", task: "t1", op: "detach" }] as unknown as Step[];

  it("is a broken rule where the reference says nothing", () => {
    expect(reportedBy(run([warn(text)]), [], steps)).toEqual([
      { rule: "ATT-11", why: `the kernel complains in s3: ${text}`, seq: 7 },
    ]);
  });

  it("is what it has to be where the reference warns too", () => {
    expect(reportedBy(run([warn(text)]), [warn("anything")], steps)).toEqual([]);
  });

  it("is never right if nobody knows it", () => {
    const [reported] = reportedBy(run([warn("WARNING: something new")]), [warn("anything")], steps);
    expect(reported?.rule).toBe("unknown complaint");
  });
});

describe("misuse on purpose", () => {
  it("is expected to be answered by what the table has", () => {
    expect(Object.keys(expected).toSorted()).toEqual(misuses.map(({ id }) => id).toSorted());
    const kinds = new Set(["silent", ...complaintKinds.map(({ id }) => id)]);
    for (const answers of Object.values(expected).flatMap((series) => Object.values(series)))
      for (const answer of answers)
        for (const kind of answer.replace(/; (?:crashed|hung)$/, "").split(", ")) expect(kinds).toContain(kind);
    for (const { rules } of misuses) for (const rule of rules) expect(ids).toContain(rule);
  });

  it("names a rule that the complaint is about", () => {
    for (const misuse of misuses) {
      const drawn = firstOf(misuse);
      const kind = complaintKinds.find(({ id }) => expected[misuse.id]!["6.12."]![0]!.includes(id));
      if (kind === undefined) continue;
      const all = [...kind.rules, ...Object.values(kind.by ?? {}).flat()];
      expect([
        misuse.id,
        drawn.wrong.op,
        misuse.rules.some((rule) => all.includes(rule)) || kind.rules.length === 0,
      ]).toEqual([misuse.id, drawn.wrong.op, true]);
    }
  });

  it("is drawn the same by the same seed, with nothing wrong before it", () => {
    const misuse = misuses.find(({ id }) => id === "no-back-off")!;
    const drawn = firstOf(misuse);
    expect(drawMisuse(misuse, drawn.seed, profile, operations)).toEqual(drawn);
    expect(drawn.plan.steps.filter((step) => step.misuse === true)).toEqual([drawn.wrong]);
    expect(drawn.plan.steps.at(-1)).toBe(drawn.wrong);
  });

  it("that a kernel no longer complains of is red, and so is what nobody expects", async () => {
    const silent = {
      introduction: () =>
        Promise.resolve({
          version: "6.12.9",
          operations,
          hooks: [],
          lockdep: true,
          kasan: false,
          moveNotify: "on" as const,
        }),
      renew: () => undefined,
      run: (plans: readonly Plan[]) => Promise.resolve(plans.map(() => run([]))),
    };
    const options = { profile, programs: 1, firstSeed: 1, expected: { ...expected, "put-locked": {} } };
    const results = await runMisuses(silent, options);
    const faults = new Map(results.map((result) => [result.misuse.id, result.faults]));
    expect(faults.get("map-without-lock")).toEqual(['it says "silent", not "map-wrong"']);
    expect(faults.get("signal-twice")).toEqual([]);
    expect(faults.get("put-locked")).toEqual(["nothing is expected of this kernel: test/kernel/misuse.json"]);
    const text = misuseText(results, "6.12.9");
    expect(text).toContain('unexpected: map-without-lock: it says "silent", not "map-wrong"');
    expect(text.split("\n").at(-1)).toMatch(
      /^Linux 6\.12\.9: 60 kinds of misuse in 60 programs, 0 with a complaint, 60 silent/,
    );
  });

  it("that the module leaves out is no answer", () => {
    const drawn = firstOf(misuses[0]!);
    const left = { ...run([]), skipped: new Map([[drawn.wrong.id, "not held"]]) };
    expect(answerOf(drawn, left)).toBe("left out: not held");
  });
});

function firstOf(misuse: (typeof misuses)[number]) {
  for (let seed = 1; seed < 2000; seed += 1) {
    const drawn = drawMisuse(misuse, seed, profile, operations);
    if (drawn !== null) return drawn;
  }
  throw new Error(`no seed comes to ${misuse.id}`);
}
