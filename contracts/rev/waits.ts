import type { RetEvent } from "../../spec/event.ts";
import type { AccessOperation } from "../../spec/state/observe/rows.ts";
import { holds, type State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import { checked, fact } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { accessPhase } from "../shared/access-phase.ts";
import { isOver, waitsItself } from "../shared/fences.ts";
import { certainlyPending } from "../shared/possible-lists.ts";
import { derived, doc, kernel } from "../source.ts";
import {
  atCall,
  atReturn,
  changeUnderWay,
  isRevoked,
  mappedTables,
  revokeBegun,
  type Revoke,
  Revokes,
} from "./access-change.ts";
import { waitsForNobody } from "./mapping-count.ts";

/** Revokes under way, with the fences each has to wait for. */
class FirstWaits extends Revokes {
  readonly fences = new Map<Revoke, readonly string[]>();

  /** The lock is let go or the operation is over: every fence has to be. */
  judge(state: State, verdict: Verdict, revoke: Revoke): void {
    const fences = this.fences.get(revoke);
    if (fences === undefined) return;
    this.fences.delete(revoke);
    if (fences.length === 0) return;
    verdict.exercised();
    // A fence with a wait operation of its own is over for a waiter when that says so.
    const pending = fences.find((fence) => !isOver(state, fence) && !waitsItself(state, fence));
    if (pending !== undefined)
      verdict.violated(
        `the revoke of ${revoke.buffer} went on while ${pending} was pending, which was there when its message returned`,
        revoke.message,
      );
  }
}

/** Mappings that a finished revoke has ended, with its return. */
interface Ended {
  readonly revokes: Revokes;
  readonly mappings: Map<string, RetEvent<AccessOperation>>;
}

/** Whether the task is inside the unmap hook of an attachment of the buffer. */
function isUnmapping(state: State, task: string, buffer: string): boolean {
  return (state.tasks.get(task)?.frames ?? []).some(
    (frame) =>
      frame.kind === "cb" && frame.hook === "unmap" && state.attachments.get(frame.attachment)?.buffer === buffer,
  );
}

export const rev06: Rule = {
  id: "REV-06",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A synchronous revoke waits, uninterruptibly and without time limit, for all fences up to BOOKKEEP, in the same reservation lock hold in which it set the flag and issued the invalidate.",
  intent:
    "Explicitly synchronised and page table work has only BOOKKEEP fences, and with the lock open somebody adds one more.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "7.2"),
    kernel("drivers/infiniband/core/uverbs_std_types_dmabuf.c", "uverbs_dmabuf_fd_destroy_uobj", "7.2"),
    kernel("drivers/infiniband/core/ib_core_uverbs.c", "rdma_user_mmap_entry_remove", "7.2"),
  ],
  from: "K7.1",
  needs: ["revoke"],
  temporal: ["T-04"],
  hints: [
    "Is the wait made with DMA_RESV_USAGE_BOOKKEEP, or with a stronger usage that sees fewer fences?",
    "Is the lock released between the invalidate and the wait?",
    "Can a signal end the wait early?",
  ],
  status: checked,
  monitor: remember(() => new FirstWaits(), {
    "call invalidate"(event, state, _verdict, waits) {
      waits.begin(state, event);
    },
    "ret invalidate"(event, state, _verdict, waits) {
      const revoke = waits.of(event.task, event.buffer);
      const resv = state.buffers.get(event.buffer)?.resv ?? "";
      if (revoke?.message.seq === event.call) waits.fences.set(revoke, certainlyPending(state, resv, "bookkeep"));
    },
    blocked(event, state, verdict, waits) {
      if (event.wait.kind !== "fence") return;
      for (const revoke of waits.fences.keys())
        if (revoke.operation.task === event.task && event.interruptible) {
          verdict.exercised();
          verdict.violated(`the revoke of ${revoke.buffer} waits for ${event.wait.fence} so that a signal can end it`);
        }
    },
    unlock(event, state, verdict, waits) {
      for (const revoke of waits.fences.keys())
        if (revoke.operation.task === event.task && state.buffers.get(revoke.buffer)?.resv === event.lock)
          waits.judge(state, verdict, revoke);
    },
    ...atReturn((event, state, verdict, waits) => {
      for (const revoke of waits.end(event)) waits.judge(state, verdict, revoke);
    }),
  }),
};

export const rev07: Rule = {
  id: "REV-07",
  level: "MUST",
  obliged: ["exporter"],
  provokedBy: ["importer"],
  statement: "A synchronous revoke returns only after every mapping that existed at its invalidate has been unmapped.",
  intent:
    "Until the unmap a device may still read ahead through the old addresses, and a read from a disabled BAR can bring the machine down.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "7.2"),
    kernel("drivers/infiniband/core/ib_core_uverbs.c", "rdma_user_mmap_entry_remove", "7.2"),
  ],
  from: "K7.1",
  needs: ["revoke", "importerCallback"],
  temporal: ["T-04", "T-06"],
  hints: [
    "Is every successful map counted, and is the wait for the count and not for the callbacks to return?",
    "Does the wait have a timeout that is taken as success?",
  ],
  status: checked,
  situation: {
    weights: { attach: 4, mapUnlocked: 20, unmapUnlocked: 2, revoke: 2, unrevoke: 4 },
    importers: ["scripted"],
    callbacks: true,
    exporters: ["subject"],
  },
  monitor: remember(() => new Revokes(), {
    "call invalidate"(event, state, _verdict, revokes) {
      revokes.begin(state, event);
    },
    ...atReturn((event, state, verdict, revokes) => {
      for (const { buffer, mapped, message } of revokes.end(event)) {
        if (mapped.length === 0) continue;
        verdict.exercised();
        const now = mappedTables(state, buffer);
        const left = mapped.find(({ table }) => now.some((other) => other.table === table));
        if (left !== undefined)
          verdict.violated(
            `the ${event.op} returned while ${left.attachment} still has the mapping of ${buffer} it had at the message`,
            message,
            verdict.since("attachments", left.attachment, "hookMaps"),
          );
      }
    }),
  }),
};

export const rev08: Rule = {
  id: "REV-08",
  level: "MUST",
  obliged: ["exporter"],
  statement: "A revoking exporter does not hold the reservation lock while it waits for the unmaps.",
  intent: "An unmap needs this lock, so the two would wait for each other.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "7.2")],
  from: "K7.1",
  needs: ["revoke"],
  temporal: ["T-23"],
  hints: ["Is dma_resv_unlock called before wait_for_completion?"],
  status: checked,
  monitor: on({
    blocked(event, state, verdict) {
      if (event.wait.kind !== "unmapped") return;
      const resv = state.buffers.get(event.wait.buffer)?.resv ?? "";
      verdict.exercised();
      if (holds(state, event.task, resv))
        verdict.violated(
          `${event.task} waits for the unmaps of ${event.wait.buffer} and holds ${resv}, which every unmap needs`,
          verdict.since("reservations", resv, "owner"),
        );
    },
  }),
};

export const rev09: Rule = {
  id: "REV-09",
  level: "MUST",
  obliged: ["importer"],
  provokedBy: ["exporter"],
  statement:
    "After a synchronous revoke has returned no device reads, writes or reads ahead through a mapping made before it.",
  intent:
    "The caller goes on to reset the device, and what is behind these addresses is then undefined or someone else's.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings", "7.2"),
    derived("the device operations that follow a revoke (REV-32)"),
  ],
  from: "K7.1",
  needs: ["revoke", "importerCallback"],
  temporal: ["T-04"],
  hints: [
    "Does the importer unmap before its hardware has dropped the addresses, for example from a TLB?",
    "Did the revoke return while mappings were still alive (REV-07)?",
  ],
  status: checked,
  situation: {
    weights: { import: 2, submit: 6, complete: 4, revoke: 6, unrevoke: 6 },
    importers: ["subject"],
    exporters: ["subject"],
  },
  monitor: remember((): Ended => ({ revokes: new Revokes(), mappings: new Map() }), {
    "call invalidate"(event, state, _verdict, { revokes }) {
      revokes.begin(state, event);
    },
    ...atReturn((event, state, verdict, { revokes, mappings }: Ended) => {
      for (const { mapped } of revokes.end(event))
        for (const [name, { table }] of state.mappings) {
          if (mappings.has(name) || !mapped.some((before) => before.table === table)) continue;
          mappings.set(name, event);
          verdict.exercised();
        }
    }),
    access(event, state, verdict, { mappings }) {
      const returned = mappings.get(event.mapping ?? "");
      if (returned === undefined || state.attachments.get(event.attachment)?.stopped === true) return;
      verdict.exercised();
      verdict.violated(
        `the device of ${event.importer} used ${event.mapping} after the ${returned.op} had returned`,
        returned,
      );
    },
  }),
};

export const rev10: Rule = {
  id: "REV-10",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Through an invalidated mapping an importer may work normally until its fences have signaled, and from then until its unmap it only reads ahead and throws the result away.",
  intent: "Once the fences are done the exporter treats the content as its own, and a late write corrupts it.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "dma_buf_invalidate_mappings", "7.2")],
  from: "K7.1",
  needs: ["revoke", "importerCallback"],
  temporal: ["T-01"],
  hints: [
    "Is the job's fence signaled before the last write has reached memory?",
    "Can new work start on the old mapping after the callback?",
  ],
  status: checked,
  situation: {
    weights: { import: 2, submit: 6, complete: 4, revoke: 6, unrevoke: 6 },
    importers: ["subject"],
    tasks: 2,
    exporters: ["subject"],
  },
  monitor: on({
    access(event, state, verdict) {
      const mapping = state.mappings.get(event.mapping ?? "");
      const buffer = state.buffers.get(mapping?.buffer ?? "");
      if (mapping === undefined || buffer === undefined || !mapping.stale || !isRevoked(buffer)) return;
      const phase = accessPhase(state, event);
      if (phase !== "covered" && phase !== "retired") return;
      verdict.exercised();
      if (phase === "retired" && event.access !== "speculativeRead")
        verdict.violated(
          `a ${event.access} through ${event.mapping} of ${mapping.buffer}, which is being revoked, after the last fence that covered it`,
          verdict.since("mappings", event.mapping ?? "", "grace"),
        );
    },
  }),
};

export const rev11: Rule = {
  id: "REV-11",
  level: "fact",
  obliged: ["exporter"],
  statement:
    "In these series a revoke waits for nothing, so mappings and accesses may outlive its return and an exporter must not take the return for silence.",
  intent: "Code written for the later synchronous revoke is unsafe on them.",
  sources: [kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "6.19")],
  from: "K6.19",
  until: "K7.0",
  needs: ["revoke"],
  hints: ["Does code after the revoke rely on importers having unmapped?"],
  status: fact,
};

export const rev13: Rule = {
  id: "REV-13",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A synchronous revoke of a buffer without mappings waits for fences only and needs no action of any importer.",
  intent: "With nobody left to unmap, a wait for an unmap would never end.",
  sources: [
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_move", "7.2"),
    kernel("drivers/infiniband/core/ib_core_uverbs.c", "rdma_user_mmap_entry_remove", "7.2"),
  ],
  from: "K7.1",
  needs: ["revoke"],
  hints: ["Does the exporter hold one count of its own and drop it before it waits?"],
  status: checked,
  monitor: remember(() => new Set<string>(), {
    "cb map"(event, state, _verdict, tried) {
      tried.add(state.attachments.get(event.attachment)?.buffer ?? "");
    },
    "call invalidate"(event, state, verdict, tried) {
      if (revokeBegun(state, event) !== undefined && !tried.has(event.buffer)) verdict.exercised();
    },
    blocked(event, state, verdict, tried) {
      const buffer = waitsForNobody(state, event);
      if (buffer === undefined || tried.has(buffer)) return;
      verdict.exercised();
      verdict.violated(`a revoke of ${buffer} waits for an unmap, and nobody ever mapped it`);
    },
  }),
};

export const rev40: Rule = {
  id: "REV-40",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "A synchronous revoke is started where sleeping is allowed, and its caller holds neither the reservation lock nor any lock an importer needs in order to unmap.",
  intent: "The wait for the unmap would otherwise wait for its own caller.",
  sources: [derived("REV-08 for the locks around the revoke")],
  from: "K7.1",
  needs: ["revoke"],
  temporal: ["T-23"],
  hints: [
    "Which locks does the caller of the revoke hold, and which of them does an importer's unmap path take?",
    "Is the revoke reachable from a fence callback or from another atomic context?",
  ],
  status: checked,
  monitor: remember(() => new Map<number, readonly string[]>(), {
    ...atCall((event, state, verdict, held) => {
      const locks = state.tasks.get(event.task)?.held ?? [];
      held.set(
        event.seq,
        locks.map(({ lock }) => lock),
      );
      if (!event.atomic) return;
      verdict.exercised();
      verdict.violated(`${event.op} is called in atomic context, where nobody can wait`);
    }),
    blocked(event, state, verdict, held) {
      if (event.wait.kind !== "unmapped") return;
      const operation = changeUnderWay(state, event.task, event.wait.buffer);
      if (operation === undefined) return;
      verdict.exercised();
      const resv = state.buffers.get(event.wait.buffer)?.resv ?? "";
      if (held.get(operation.seq)?.includes(resv) === true)
        verdict.violated(`${operation.op} was called with ${resv} held, which the unmap it waits for needs`, operation);
    },
    end(event, state, verdict) {
      for (const { task, wait } of event.waiting) {
        if (wait.kind !== "unmapped" || changeUnderWay(state, task, wait.buffer) === undefined) continue;
        const blocked = event.waiting.find(
          (other) => other.wait.kind === "lock" && isUnmapping(state, other.task, wait.buffer),
        );
        const lock = blocked?.wait.kind === "lock" ? blocked.wait.lock : "";
        if (blocked === undefined || !holds(state, task, lock) || lock === state.buffers.get(wait.buffer)?.resv)
          continue;
        verdict.exercised();
        verdict.violated(
          `${task} waits for the unmaps of ${wait.buffer} and holds ${lock}, which ${blocked.task} needs to unmap`,
        );
      }
    },
  }),
};

export const rules: readonly Rule[] = [rev06, rev07, rev08, rev09, rev10, rev11, rev13, rev40];
