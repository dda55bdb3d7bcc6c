import { create, flag, integer, oneOf, operation, refer, referOrNull } from "./define.ts";

/** Usages as steps spell them. */
export const usage = oneOf(["kernel", "write", "read", "bookkeep"]);
/** Logical time; 0 polls. */
const timeout = integer(0, 1_000_000);

function contextOperation(summary: string, kernel: string) {
  return operation({
    level: "contract",
    side: "reservation",
    lock: "any",
    summary,
    kernel,
    fields: { acquire: refer("acquire") },
  });
}

function lockOperation(summary: string, kernel: string) {
  return operation({
    level: "contract",
    side: "reservation",
    lock: "any",
    summary,
    kernel,
    fields: { resv: refer("reservation"), acquire: referOrNull("acquire") },
  });
}

/** Reservation objects and acquire contexts. */
export const reservationOperations = {
  acquireInit: operation({
    level: "contract",
    side: "reservation",
    lock: "any",
    summary: "Starts an acquire context.",
    kernel: "ww_acquire_init",
    fields: { acquire: create("acquire") },
  }),
  acquireDone: contextOperation("Marks that no more locks will be taken with the context.", "ww_acquire_done"),
  acquireFini: contextOperation("Ends the context.", "ww_acquire_fini"),
  lock: lockOperation("Takes the lock, with the context if one is named.", "dma_resv_lock"),
  lockInterruptible: lockOperation("As lock; a signal ends the wait.", "dma_resv_lock_interruptible"),
  lockSlow: lockOperation("Takes the contended lock after a back-off.", "dma_resv_lock_slow"),
  lockSlowInterruptible: lockOperation("As lockSlow; a signal ends the wait.", "dma_resv_lock_slow_interruptible"),
  trylock: operation({
    level: "contract",
    side: "reservation",
    lock: "any",
    summary: "Takes the lock if it is free.",
    kernel: "dma_resv_trylock",
    fields: { resv: refer("reservation") },
  }),
  unlock: operation({
    level: "contract",
    side: "reservation",
    lock: "held",
    summary: "Releases the lock.",
    kernel: "dma_resv_unlock",
    fields: { resv: refer("reservation") },
  }),
  reserveFences: operation({
    level: "contract",
    side: "reservation",
    lock: "held",
    summary: "Makes sure that `count` fences can be added in this hold.",
    kernel: "dma_resv_reserve_fences",
    fields: { resv: refer("reservation"), count: integer(0, 300_000_000) },
  }),
  addFence: operation({
    level: "contract",
    side: "reservation",
    lock: "held",
    summary: "Adds a fence.",
    kernel: "dma_resv_add_fence",
    fields: { resv: refer("reservation"), fence: refer("fence"), usage },
  }),
  replaceFences: operation({
    level: "contract",
    side: "reservation",
    lock: "held",
    summary: "Exchanges every entry that shares the timeline of `old` for another fence.",
    kernel: "dma_resv_replace_fences",
    fields: { resv: refer("reservation"), old: refer("fence"), fence: refer("fence"), usage },
  }),
  copyFences: operation({
    level: "contract",
    side: "reservation",
    lock: "held",
    summary: "Replaces the destination's fences with the source's unsignaled ones.",
    kernel: "dma_resv_copy_fences",
    fields: { destination: refer("reservation"), source: refer("reservation") },
  }),
  iterateFences: operation({
    level: "contract",
    side: "reservation",
    lock: "held",
    summary: "Lists the entries under the lock.",
    kernel: "dma_resv_for_each_fence",
    fields: { resv: refer("reservation"), usage },
  }),
  getFences: operation({
    level: "contract",
    side: "reservation",
    lock: "any",
    summary: "All fences up to a usage, each with a reference, without the lock.",
    kernel: "dma_resv_get_fences",
    fields: { resv: refer("reservation"), usage },
  }),
  getSingleton: operation({
    level: "contract",
    side: "reservation",
    lock: "any",
    summary: "One fence that stands for all up to a usage.",
    kernel: "dma_resv_get_singleton",
    fields: { resv: refer("reservation"), usage, fence: create("fence") },
  }),
  waitFences: operation({
    level: "contract",
    side: "reservation",
    lock: "any",
    summary: "Waits for all fences up to a usage; timeout 0 polls.",
    kernel: "dma_resv_wait_timeout",
    fields: { resv: refer("reservation"), usage, interruptible: flag, timeout },
  }),
  testSignaled: operation({
    level: "contract",
    side: "reservation",
    lock: "any",
    summary: "Whether all fences up to a usage are signaled.",
    kernel: "dma_resv_test_signaled",
    fields: { resv: refer("reservation"), usage },
  }),
  setDeadline: operation({
    level: "contract",
    side: "reservation",
    lock: "any",
    summary: "Hands a deadline hint to all fences up to a usage.",
    kernel: "dma_resv_set_deadline",
    fields: { resv: refer("reservation"), usage, deadline: integer(-1_000_000, 1_000_000) },
  }),
} as const;
