import type { Rule } from "../rule.ts";
import { EAGAIN, EFAULT, EPERM, errnoName } from "../../spec/errno.ts";
import type { CallEvent, RetEvent } from "../../spec/event.ts";
import { frameOf, type State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import { derived, doc, kernel, proposal, thread } from "../source.ts";
import { faultCallOf, faulting, type FaultCall } from "./lookup.ts";

/** Refusals in one fault after which it is taken to go on for ever. */
const most = 20;

type DemandCall = CallEvent<"fault"> | CallEvent<"prefetch">;

/** Faults under way. */
class Refusals {
  readonly counts = new Map<number, number>();
  /** Those that began while their memory was revoked and were given none. */
  readonly revoked = new Set<number>();
}

function beginRevoked(event: DemandCall, state: State, _verdict: Verdict, { revoked }: Refusals): void {
  const { access } = state.buffers.get(state.imports.get(event.import)?.buffer ?? "") ?? {};
  if (access === "revoked" || access === "revokedForever") revoked.add(event.seq);
}

/** The buffer was revoked all the time, and the device's page was not there. */
function judgeRevoked(
  event: RetEvent<"fault"> | RetEvent<"prefetch">,
  state: State,
  verdict: Verdict,
  { counts, revoked }: Refusals,
): void {
  counts.delete(event.call);
  if (!revoked.delete(event.call)) return;
  const imported = state.imports.get(event.import);
  const buffer = state.buffers.get(imported?.buffer ?? "");
  if (imported?.phase !== "live" || buffer === undefined || buffer.contested) return;
  if (buffer.access !== "revoked" && buffer.access !== "revokedForever") return;
  verdict.exercised();
  if (event.errno === 0 && event.seq > 0 && hasNoEntry(state, event))
    verdict.violated(
      `a fault on ${event.import} reports success while ${imported.buffer} is revoked`,
      verdict.since("buffers", imported.buffer, "access"),
    );
}

function hasNoEntry(state: State, event: RetEvent<"fault"> | RetEvent<"prefetch">): boolean {
  const table = state.demandTables.get(event.import)?.table ?? "";
  return !state.entries.has(`${table}:${event.op === "fault" ? event.page : event.start}`);
}

/** Calls in which something refused what a fault needs, or in which memory was away for a while. */
class Failures {
  private readonly open = new Map<string, { readonly call: FaultCall; excused: boolean }>();

  begin(call: FaultCall, state: State): void {
    this.open.set(call.task, { call, excused: isAway(state, call) });
  }

  excuse(task: string): void {
    const open = this.open.get(task);
    if (open !== undefined) open.excused = true;
  }

  end(event: RetEvent<"fault"> | RetEvent<"submit">, state: State): boolean {
    const open = this.open.get(event.task);
    if (open?.call.seq !== event.call) return true;
    this.open.delete(event.task);
    return open.excused || isAway(state, open.call);
  }
}

function importsOf(call: FaultCall): readonly string[] {
  return call.op === "submit" ? call.uses.map((use) => use.import) : [call.import];
}

/** Some of the memory is revoked, or on its way there. */
function isAway(state: State, call: FaultCall): boolean {
  return importsOf(call).some((name) => {
    const imported = state.imports.get(name);
    const buffer = state.buffers.get(imported?.buffer ?? "");
    return buffer === undefined || buffer.access !== "accessible" || buffer.contested || !state.demandTables.has(name);
  });
}

function servesFaults(state: State, call: FaultCall, importer: string): boolean {
  return importsOf(call).some((name) => state.demandTables.get(name)?.importer === importer);
}

type Answer = { readonly task: string; readonly errno: number };

type Noting = { readonly failures: Failures };

const noteFailures = {
  "ret map"(event: Answer, _state: State, _verdict: Verdict, { failures }: Noting) {
    if (event.errno !== 0) failures.excuse(event.task);
  },
  alloc(event: Answer, _state: State, _verdict: Verdict, { failures }: Noting) {
    if (event.errno !== 0) failures.excuse(event.task);
  },
} as const;

export const fault06: Rule = {
  id: "FAULT-06",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A fault on a revoked buffer is answered with an error to whoever faulted, after a limited number of retries.",
  intent: "An endless retry burns a worker or a guest CPU on memory that will not return.",
  sources: [
    kernel("drivers/infiniband/hw/mlx5/odp.c", "fault handlers, meaning of EAGAIN", "7.2"),
    proposal("2025 RFC, dma_buf_get_pfn_unlocked and KVM private MMIO"),
    derived("REV-04"),
  ],
  needs: ["faultPath", "revoke"],
  hints: ["Is ENODEV from the map turned into a retry?", "Who resumes the device side with an error?"],
  status: checked,
  situation: { weights: { ...faulting, revoke: 10 }, importers: ["faulting"], exporters: ["subject"] },
  monitor: remember(() => new Refusals(), {
    "call fault": beginRevoked,
    "call prefetch": beginRevoked,
    "ret map"(event, state, verdict, { counts, revoked }) {
      const call = faultCallOf(state, event.task);
      if (call === undefined) return;
      // It was given back in between.
      if (event.errno === 0) return void revoked.delete(call.seq);
      const count = (counts.get(call.seq) ?? 0) + 1;
      counts.set(call.seq, count);
      if (count > most) verdict.violated(`a fault was refused the memory ${count} times and goes on asking`, call);
    },
    "ret fault": judgeRevoked,
    "ret prefetch": judgeRevoked,
  }),
};

export const fault07: Rule = {
  id: "FAULT-07",
  level: "MUST",
  obliged: ["importer"],
  provokedBy: ["exporter"],
  statement:
    "After an invalidate for a move or an unrevoke, the next fault of a dynamic importer maps again and can succeed.",
  intent: "A move is routine; an importer that stays in error loses its buffer at the first eviction.",
  sources: [derived("REV-24")],
  needs: ["faultPath", "importerCallback"],
  onlyIf: "move a buffer or give access back",
  hints: ["Is an error state set in the callback and never cleared?"],
  status: checked,
  situation: { weights: { ...faulting, move: 12 }, importers: ["faulting"] },
  monitor: remember(() => ({ told: new Set<string>(), failures: new Failures() }), {
    "cb invalidate"(event, state, _verdict, { told }) {
      // An invalidate that is the whole of a step is for nothing: no exporter moved or gave back.
      const operation = state.tasks.get(event.task)?.frames[0];
      if (operation?.kind === "call" && operation.op !== "invalidate") told.add(event.attachment);
    },
    "call fault"(event, state, _verdict, { failures }) {
      failures.begin(event, state);
    },
    ...noteFailures,
    "ret fault"(event, state, verdict, { told, failures }) {
      const row = state.imports.get(event.import);
      const attachment = row?.attachment ?? "";
      const excused = failures.end(event, state) || row?.phase !== "live";
      if (excused || !told.has(attachment)) return;
      if (event.errno === EPERM || event.errno === EFAULT || event.errno === EAGAIN) return;
      verdict.exercised();
      if (event.errno !== 0)
        verdict.violated(
          `after an invalidate a fault on ${event.import} is answered with ${errnoName(event.errno)}, though nothing keeps its memory away`,
          verdict.since("attachments", attachment, "invalidations"),
        );
    },
  }),
};

export const fault08: Rule = {
  id: "FAULT-08",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A faulting importer that accepts moves holds work that meets a hole, and after the new map the work goes on to a correct result.",
  intent: "Applications cannot handle an error caused by memory pressure elsewhere.",
  sources: [thread("004", "level 3: move support and restartable fault required")],
  needs: ["faultPath", "move"],
  hints: ["Is the work replayed from a point whose effects may repeat?"],
  status: checked,
  situation: { weights: { ...faulting, submit: 20, move: 10 }, importers: ["faulting"] },
  monitor: remember(() => ({ holes: new Set<number>(), failures: new Failures() }), {
    "call submit"(event, state, _verdict, { failures }) {
      failures.begin(event, state);
    },
    ...noteFailures,
    "ret touch"(event, state, _verdict, { holes }) {
      const submit = frameOf(state.tasks.get(event.task), "submit");
      if (submit === undefined) return;
      if (event.answer === "fault") holes.add(submit.seq);
    },
    "ret submit"(event, state, verdict, { holes, failures }) {
      const met = holes.delete(event.call);
      if (failures.end(event, state) || !met || event.errno === EAGAIN) return;
      verdict.exercised();
      if (event.errno !== 0)
        verdict.violated(`${event.job} met a hole and ended with ${errnoName(event.errno)} instead of going on`);
    },
  }),
};

export const fault09: Rule = {
  id: "FAULT-09",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer whose faults cannot restart takes unpinned movable buffers only if fences in the reservation object cover its running work.",
  intent: "The exporter moves as soon as the object shows no fence, right below a running transfer.",
  sources: [thread("004", "importers that cannot tolerate dynamic"), derived("MOVE-09 to MOVE-12")],
  needs: ["move"],
  hints: ["Is the buffer pinned, or each job's fence added before the job starts?"],
  status: checked,
  situation: {
    weights: { import: 8, submit: 25, complete: 10, move: 6 },
    importers: ["subject", "dynamic"],
    exporters: ["subject", "dynamic"],
  },
  monitor: on({
    access(event, state, verdict) {
      const job = state.jobs.get(event.job ?? "");
      const attachment = state.attachments.get(event.attachment);
      const buffer = state.buffers.get(attachment?.buffer ?? "");
      if (job === undefined || attachment === undefined || buffer?.dynamic !== true || attachment.hookPins > 0) return;
      verdict.exercised();
      if (job.fences.length === 0)
        verdict.violated(
          `${event.job ?? "a job"} runs on ${attachment.buffer}, which may move, without a pin or a fence`,
        );
    },
  }),
};

export const fault10: Rule = {
  id: "FAULT-10",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Work that relies on fault service publishes no fence that waits for it; the importer preempts it or invalidates synchronously instead.",
  intent: "Serving the fault may need memory, reclaim waits for the fence, and all three stand still.",
  sources: [doc("Documentation/driver-api/dma-buf.rst", "recoverable hardware page faults")],
  needs: ["faultPath"],
  hints: ["Does a long-running context attach its completion fence to the object?"],
  status: checked,
  situation: { weights: { ...faulting, submit: 15 }, importers: ["faulting"] },
  monitor: on({
    "call addFence"(event, state, verdict) {
      const call = faultCallOf(state, event.task);
      if (call === undefined || !servesFaults(state, call, event.by) || state.fences.get(event.fence)?.by !== event.by)
        return;
      verdict.violated(`${event.by} publishes ${event.fence} for work that waits for its own fault service`, call);
    },
    "ret submit"(event, state, verdict) {
      if (event.uses.some((use) => state.demandTables.has(use.import))) verdict.exercised();
    },
  }),
};

export const rules: readonly Rule[] = [fault06, fault07, fault08, fault09, fault10];
