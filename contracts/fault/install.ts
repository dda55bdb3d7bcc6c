import type { Rule } from "../rule.ts";
import type { CallEvent, CbEvent, CbRetEvent, RetEvent } from "../../spec/event.ts";
import { holds, type State } from "../../spec/state/state.ts";
import { on, remember, type Handlers, type Verdict } from "../monitor.ts";
import { checked } from "../rule-text.ts";
import { certainlyPending } from "../shared/possible-lists.ts";
import { derived, kernel, proposal, thread } from "../source.ts";
import { entriesOf, faulting, guestWorld, importOfTable, slotOfTable, tablesOf } from "./lookup.ts";

/** The mapping that an entry of an import's table is made of. */
function mappingBehind(
  state: State,
  event: CallEvent<"install">,
): { readonly buffer: string; readonly stale: boolean } | undefined {
  const imported = state.imports.get(importOfTable(state, event.table) ?? "");
  const attachment = imported?.attachment ?? "";
  if (event.via !== "address" || imported === undefined) return undefined;
  for (const name of state.attachments.get(attachment)?.maps ?? []) {
    const mapping = state.mappings.get(name);
    const inside = mapping?.segments.some(
      ({ address, length }) => event.address >= address && event.address < address + length,
    );
    if (inside === true && mapping !== undefined) return { buffer: imported.buffer, stale: mapping.stale };
  }
  return { buffer: imported.buffer, stale: true };
}

/** Nothing leads to the memory behind an attachment when its callback has returned. */
function judgeEmpty(event: CbRetEvent<"invalidate">, state: State, verdict: Verdict): void {
  for (const table of tablesOf(state, event.attachment)) {
    verdict.exercised();
    const [left] = entriesOf(state, table);
    if (left !== undefined)
      verdict.violated(
        `${event.to} was told to let go, and ${table} still has page ${left.page}`,
        verdict.since("entries", `${table}:${left.page}`, "target"),
      );
  }
}

/** What was in place when a prefetch began. */
interface Before {
  readonly task: string;
  readonly pages: readonly number[];
  readonly table: string | null;
  readonly attachment: string;
  readonly invalidations: number;
  /** Somebody else has taken pages out since: a callback that may not be over. */
  disturbed: boolean;
}

/** Faults under way, by the seq of the call. */
class Open {
  /** Locks that the task held when it began: none of a driver's. */
  readonly held = new Map<number, number>();
  /** The last zap of a table. */
  readonly zaps = new Map<string, number>();
}

function begin(
  event: CallEvent<"fault"> | CallEvent<"prefetch"> | CallEvent<"guestAccess">,
  state: State,
  _verdict: Verdict,
  { held }: Open,
): void {
  held.set(event.seq, state.tasks.get(event.task)?.held.length ?? 0);
}

function judgeEnd(
  event: RetEvent<"fault"> | RetEvent<"prefetch"> | RetEvent<"guestAccess">,
  state: State,
  verdict: Verdict,
  open: Open,
): void {
  const held = open.held.get(event.call) ?? 0;
  open.held.delete(event.call);
  verdict.exercised();
  const now = state.tasks.get(event.task)?.held ?? [];
  if (now.length > held) verdict.violated(`${event.op} returns with ${now.at(-1)?.lock ?? "a lock"} held`);
}

/** A callback that takes entries out. */
interface Removal {
  readonly callback: CbEvent<"invalidate">;
  /** Where it begins to: before, what a fault writes is taken out with the rest. */
  zap: CallEvent<"zap"> | null;
}

/** Callbacks under way, by attachment. */
class Removals {
  private readonly under = new Map<string, Removal>();

  begin(callback: CbEvent<"invalidate">): void {
    this.under.set(callback.attachment, { callback, zap: null });
  }

  takesOut(state: State, zap: CallEvent<"zap">): void {
    for (const [attachment, removal] of this.under)
      if (removal.callback.task === zap.task && tablesOf(state, attachment).includes(zap.table)) removal.zap ??= zap;
  }

  end({ attachment }: CbRetEvent<"invalidate">): void {
    this.under.delete(attachment);
  }

  /** The callback has begun, and the removal has not. */
  isToCome(attachment: string): boolean {
    return this.under.get(attachment)?.zap === null;
  }

  /** The removal from this table that is under way. */
  begun(
    state: State,
    table: string,
  ): { readonly callback: CbEvent<"invalidate">; readonly zap: CallEvent<"zap"> } | undefined {
    for (const [attachment, { callback, zap }] of this.under)
      if (zap !== null && tablesOf(state, attachment).includes(table)) return { callback, zap };
    return undefined;
  }
}

/** How removals come and go. */
const removal: Handlers<Removals> = {
  "cb invalidate"(event, _state, _verdict, removals) {
    removals.begin(event);
  },
  "call zap"(event, state, _verdict, removals) {
    removals.takesOut(state, event);
  },
  "cbret invalidate"(event, _state, _verdict, removals) {
    removals.end(event);
  },
};

export const fault01: Rule = {
  id: "FAULT-01",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A fault handler maps, waits for the kernel fences and installs the translation in one hold of the reservation lock, or checks a sequence as FAULT-03 says.",
  intent: "An invalidate in between would clean up before the stale translation is written.",
  sources: [
    kernel("drivers/infiniband/hw/mlx5/odp.c", "pagefault_dmabuf_mr", "6.12, 7.2"),
    thread("004", "kvm has to use the dma-buf reservations on its fault path"),
  ],
  needs: ["faultPath"],
  hints: ["Is the lock dropped between the map and the table write?"],
  status: checked,
  situation: { weights: faulting, importers: ["faulting"] },
  monitor: on({
    "call install"(event, state, verdict) {
      const mapped = mappingBehind(state, event);
      if (mapped === undefined) return;
      verdict.exercised();
      const { resv = "" } = state.buffers.get(mapped.buffer) ?? {};
      if (!holds(state, event.task, resv))
        verdict.violated(`${event.by} writes an entry for ${mapped.buffer} without ${resv}`);
      else if (mapped.stale)
        verdict.violated(`${event.by} writes an entry of a mapping of ${mapped.buffer} that is no longer valid`);
    },
  }),
};

export const fault02: Rule = {
  id: "FAULT-02",
  level: "MUST",
  obliged: ["importer"],
  provokedBy: ["fenceOwner"],
  statement:
    "No translation becomes usable before the KERNEL fences of the buffer are signaled, unless the device itself waits for them.",
  intent: "These fences guard moves and clears, so earlier access reads another client's leftovers.",
  sources: [kernel("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_map_pages", "6.12, 7.2")],
  needs: ["faultPath"],
  hints: ["Is a failed or timed out fence wait treated as an error of the fault?"],
  status: checked,
  situation: { weights: { ...faulting, move: 10 }, importers: ["faulting"], tasks: 2 },
  monitor: on({
    "call install"(event, state, verdict) {
      const buffer = mappingBehind(state, event)?.buffer ?? slotOfTable(state, event.table)?.buffer;
      const resv = state.buffers.get(buffer ?? "")?.resv;
      if (buffer === undefined || resv === undefined) return;
      // Where the lock is not held, more may have been added since the wait.
      if (!holds(state, event.task, resv)) return;
      verdict.exercised();
      const [pending] = certainlyPending(state, resv, "kernel");
      if (pending !== undefined)
        verdict.violated(
          `${event.by} writes an entry for ${buffer} before ${pending} has signaled`,
          verdict.since("fences", pending, "published"),
        );
    },
  }),
};

export const fault03: Rule = {
  id: "FAULT-03",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A translation installed under some other lock, without the reservation lock, is preceded under that lock by a check of the invalidation sequence, and a change restarts the fault.",
  intent: "Between map and install the buffer may have moved, and only the sequence remembers it.",
  sources: [
    proposal("2025 RFC, dma_buf_get_pfn_unlocked and KVM private MMIO"),
    kernel("include/linux/kvm_host.h", "mmu_invalidate_retry", "6.12, 7.2"),
  ],
  needs: ["guests", "pfn"],
  temporal: ["T-30"],
  hints: ["Is the sequence read before the map and compared under the lock of the install?"],
  status: checked,
  situation: { weights: guestWorld, importers: ["guest"], exporters: ["subject"], tasks: 3, pauses: 0.2 },
  monitor: remember(() => new Removals(), {
    ...removal,
    "call install"(event, state, verdict, removals) {
      const slot = slotOfTable(state, event.table);
      const attachment = slot?.attachment ?? "";
      const { resv = "" } = state.buffers.get(slot?.buffer ?? "") ?? {};
      if (event.via !== "physical" || slot === undefined || holds(state, event.task, resv)) return;
      verdict.exercised();
      const list = state.physicalLists.get(attachment);
      if (list === undefined || (list.stale && !removals.isToCome(attachment)))
        verdict.violated(
          `${event.by} writes an entry for ${slot.buffer} from a list that was taken back since`,
          verdict.since("attachments", attachment, "invalidations"),
        );
    },
  }),
};

export const fault04: Rule = {
  id: "FAULT-04",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "The invalidate callback stops new installs, removes the translations, flushes the TLBs and then lets faults go on; a fault in between waits or retries.",
  intent: "A fault that slips into the removal puts back what was just taken out.",
  sources: [proposal("2025 RFC, dma_buf_get_pfn_unlocked and KVM private MMIO")],
  needs: ["guests", "pfn", "importerCallback"],
  hints: ["Do begin and end stand on both sides of zap and flush, on error paths too?"],
  status: checked,
  situation: {
    weights: { ...guestWorld, guestAccess: 40, restrict: 14, revoke: 8, unrevoke: 12, unbindSlot: 0.2 },
    importers: ["guest"],
    exporters: ["subject"],
    sizes: [4096],
    tasks: 3,
    pauses: 0.35,
  },
  monitor: remember(() => new Removals(), {
    ...removal,
    "call install"(event, state, verdict, removals) {
      const begun = removals.begun(state, event.table);
      if (begun !== undefined)
        verdict.violated(`${event.by} writes an entry while its callback takes them out`, begun.callback, begun.zap);
    },
    "cbret invalidate"(event, state, verdict, removals) {
      removals.end(event);
      judgeEmpty(event, state, verdict);
    },
  }),
};

export const fault05: Rule = {
  id: "FAULT-05",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A failed fault leaves no lock held and no success reported, and if it keeps its mapping for a retry, the next invalidate or the release unmaps that, and only one of them.",
  intent: "A held lock stops every user of the buffer, and a false success lets the device run into the hole.",
  sources: [
    kernel("drivers/infiniband/hw/mlx5/odp.c", "pagefault_dmabuf_mr", "6.12, 7.2"),
    derived("the balance of map and unmap, for what the driver does not enforce"),
  ],
  needs: ["faultPath"],
  hints: ["Which return statements come after the lock and before the unlock?"],
  status: checked,
  situation: { weights: faulting, importers: ["faulting"], failures: [{ site: "hook:map", errno: 12 }] },
  monitor: remember(() => new Open(), {
    "call fault": begin,
    "call prefetch": begin,
    "call guestAccess": begin,
    "call zap"(event, _state, _verdict, { zaps }) {
      zaps.set(event.table, event.seq);
    },
    "ret fault"(event, state, verdict, open) {
      judgeEnd(event, state, verdict, open);
      const table = state.demandTables.get(event.import)?.table;
      if (event.errno !== 0 || table === undefined || state.entries.has(`${table}:${event.page}`)) return;
      // It may have been taken out again already.
      if ((open.zaps.get(table) ?? 0) < event.call)
        verdict.violated(`the fault on page ${event.page} of ${event.import} is served, and there is no entry`);
    },
    "ret prefetch": judgeEnd,
    "ret guestAccess": judgeEnd,
  }),
};

export const fault15: Rule = {
  id: "FAULT-15",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Prefetch obeys the same steps as a fault, and when it fails, which it may, the translations that exist stay as they are.",
  intent: "A side door without the locks is the place where stale translations come in.",
  sources: [
    kernel("drivers/infiniband/hw/mlx5/odp.c", "mlx5_ib_advise_mr_prefetch, get_prefetchable_mr, pagefault_mr", "7.2"),
  ],
  needs: ["faultPath"],
  hints: ["Does prefetch share the fault function or copy half of it?"],
  status: checked,
  situation: {
    weights: { ...faulting, prefetch: 20 },
    importers: ["faulting"],
    failures: [{ site: "hook:map", errno: 12 }],
  },
  monitor: remember(() => new Map<number, Before>(), {
    "call prefetch"(event, state, _verdict, memory) {
      const table = state.demandTables.get(event.import)?.table ?? null;
      const attachment = state.imports.get(event.import)?.attachment ?? "";
      const { invalidations = 0 } = state.attachments.get(attachment) ?? {};
      memory.set(event.seq, {
        task: event.task,
        pages: entriesOf(state, table).map(({ page }) => page),
        table,
        attachment,
        invalidations,
        disturbed: false,
      });
    },
    "call zap"(event, _state, _verdict, memory) {
      for (const before of memory.values())
        if (before.table === event.table && before.task !== event.task) before.disturbed = true;
    },
    "ret prefetch"(event, state, verdict, memory) {
      const before = memory.get(event.call);
      memory.delete(event.call);
      if (before === undefined || before.disturbed || event.errno === 0) return;
      const row = state.attachments.get(before.attachment);
      if (row === undefined || row.invalidations !== before.invalidations || row.phase !== "attached") return;
      verdict.exercised();
      const lost = before.pages.find((page) => !state.entries.has(`${before.table ?? ""}:${page}`));
      if (lost !== undefined)
        verdict.violated(`a prefetch of ${event.import} fails and takes page ${lost} away, which was in place`);
    },
  }),
};

export const rules: readonly Rule[] = [fault01, fault02, fault03, fault04, fault05, fault15];
