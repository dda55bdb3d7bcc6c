import type { Step } from "../../spec/program.ts";

/** One kind of complaint of a kernel, and what it says about the contract. */
export interface ComplaintKind {
  readonly id: string;
  /** The first line of the complaint has this. Kernels say where they are, in one of two orders. */
  readonly text: RegExp;
  /** Rules that whoever is complained about breaks; for some operations others. Empty: none, for the reason given. */
  readonly rules: readonly string[];
  readonly by?: Partial<Readonly<Record<Step["op"], readonly string[]>>>;
  readonly reason?: string;
}

/** A warning in a function of the kernel's, or in a header that the function includes. */
function within(place: string): RegExp {
  return new RegExp(`WARNING: .*\\b${place.replaceAll(".", "\\.")}(?:\\+|:\\d)`);
}

const listReaders = {
  unlock: ["RESV-02"],
  reserveFences: ["RESV-15"],
  addFence: ["RESV-19"],
  replaceFences: ["RESV-45"],
  copyFences: ["RESV-35"],
  iterateFences: ["RESV-46"],
} as const;

/** What kernels complain about, the narrower kinds first. */
export const complaintKinds: readonly ComplaintKind[] = [
  // The lock checker
  {
    id: "recursive-lock",
    text: /possible recursive locking/,
    rules: ["RESV-03"],
    by: {
      acquireInit: ["RESV-12", "RESV-03"],
      attach: ["ATT-11"],
      detach: ["ATT-11"],
      mapUnlocked: ["MAP-01"],
      unmapUnlocked: ["MAP-01"],
      beginCpu: ["CPU-02"],
      endCpu: ["CPU-02"],
      ioctlSync: ["CPU-02"],
      waitFence: ["FENCE-33"],
      waitAny: ["FENCE-33"],
      waitFences: ["FENCE-33"],
    },
  },
  {
    id: "circular-lock",
    text: /possible circular locking/,
    rules: ["FENCE-06"],
    by: { createArray: ["FENCE-07"], createChain: ["FENCE-07"], merge: ["FENCE-07"], getFences: ["FENCE-07"] },
  },
  {
    id: "unbalanced-unlock",
    text: /bad unlock balance/,
    rules: ["RESV-02"],
    by: { endSignalling: ["FENCE-09"] },
  },
  { id: "context-with-locks", text: /Nested lock was not taken/, rules: ["RESV-12"] },
  { id: "held-lock-freed", text: /held lock freed/, rules: ["LIFE-35"] },
  { id: "lock-kept", text: /lock held (?:at|when)/, rules: ["RESV-02"] },
  { id: "unprotected-read", text: /suspicious RCU usage/, rules: ["RESV-46"], by: listReaders },
  {
    id: "wrong-wait",
    text: /Invalid wait context|sleeping function called|scheduling while atomic/,
    rules: ["MAP-03"],
  },
  {
    id: "irq-lock",
    text: /inconsistent lock state|irq.*lock (?:inversion|order)/i,
    rules: ["FENCE-16"],
  },
  // What wound-wait locks check for themselves
  { id: "context-is-done", text: /DEBUG_LOCKS_WARN_ON\(.*done_acquire/, rules: ["RESV-12"] },
  { id: "not-backed-off", text: /DEBUG_LOCKS_WARN_ON\(.*contending_lock !=/, rules: ["RESV-09", "RESV-08"] },
  { id: "nothing-contended", text: /DEBUG_LOCKS_WARN_ON\(!.*contending_lock/, rules: ["RESV-10"] },
  { id: "context-holds", text: /DEBUG_LOCKS_WARN_ON\(.*(?:acquired)/, rules: ["RESV-12", "RESV-08"] },
  { id: "locked-at-end", text: /DEBUG_LOCKS_WARN_ON\(mutex_is_locked/, rules: ["LIFE-35"] },
  { id: "lock-gone", text: /DEBUG_LOCKS_WARN_ON\(lock->magic/, rules: ["LIFE-11"] },
  { id: "lock-of-another", text: /DEBUG_LOCKS_WARN_ON\(.*owner/, rules: ["RESV-02"] },
  {
    id: "lock-check",
    text: /(?:^|\/)(?:include\/linux\/ww_mutex\.h|kernel\/locking\/)|WARNING: .*(?:ww_mutex\.h|kernel\/locking\/\S+\.[ch]):/,
    rules: [],
    reason: "the place of the check that the next line spells out",
  },
  // Reservation objects
  { id: "slots-without-lock", text: within("dma_resv_reserve_fences"), rules: ["RESV-15"] },
  { id: "add-refused", text: within("dma_resv_add_fence"), rules: ["RESV-19", "RESV-20"] },
  { id: "replace-without-lock", text: within("dma_resv_replace_fences"), rules: ["RESV-45"] },
  { id: "copy-without-lock", text: within("dma_resv_copy_fences"), rules: ["RESV-35"] },
  { id: "walk-without-lock", text: within("dma_resv_iter_(?:first|next)"), rules: ["RESV-46"] },
  { id: "unlock-without-lock", text: within("dma_resv_reset_max_fences"), rules: ["RESV-02"] },
  // Buffers
  { id: "export-refused", text: within("dma_buf_export"), rules: ["LIFE-01", "LIFE-02", "LIFE-03"] },
  { id: "attach-refused", text: within("dma_buf_(?:dynamic_)?attach"), rules: ["ATT-02"] },
  { id: "detach-of-another", text: /WARNING: .*dma-buf\.c:\d+ (?:at )?(?:dma_buf_)?detach\+/, rules: ["ATT-18"] },
  { id: "pin-wrong", text: within("dma_buf_pin"), rules: ["PIN-01", "PIN-02"] },
  { id: "unpin-wrong", text: within("dma_buf_unpin"), rules: ["PIN-01", "PIN-02"] },
  {
    id: "map-wrong",
    text: within("dma_buf_map_attachment(?:_unlocked)?"),
    rules: ["MAP-01", "MAP-04"],
  },
  {
    id: "unmap-wrong",
    text: within("dma_buf_unmap_attachment(?:_unlocked)?"),
    rules: ["MAP-01", "MAP-04"],
  },
  {
    id: "invalidate-without-lock",
    text: within("dma_buf_(?:move_notify|invalidate_mappings)"),
    rules: ["MOVE-01"],
  },
  { id: "released-attached", text: within("dma_buf_release"), rules: ["LIFE-12"] },
  { id: "cpu-access-wrong", text: within("dma_buf_(?:begin|end)_cpu_access"), rules: ["CPU-02"] },
  // Fences
  { id: "error-wrong", text: /WARNING: .*dma-fence\.h:\d+ (?:at )?(?:dma_fence_)?set_error\+/, rules: ["FENCE-10"] },
  { id: "no-time-yet", text: /WARNING: .*dma-fence\.h:\d+ (?:at )?(?:dma_fence_)?timestamp\+/, rules: ["FENCE-30"] },
  { id: "other-timeline", text: /WARNING: .*dma-fence\.h:\d+ (?:at )?(?:dma_fence_)?is_later\+/, rules: ["FENCE-20"] },
  { id: "callback-to-nothing", text: within("dma_fence_add_callback"), rules: ["FENCE-12"] },
  { id: "unsignaled-release", text: within("dma_fence_release"), rules: ["FENCE-23"] },
  { id: "negative-wait", text: within("dma_fence_wait_timeout"), rules: ["FENCE-22"] },
  { id: "wait-for-none", text: within("dma_fence_wait_any_timeout"), rules: ["FENCE-47"] },
  { id: "array-wrong", text: within("dma_fence_array_(?:init|create)"), rules: ["FENCE-25"] },
  { id: "chain-wrong", text: /WARNING: .*dma-fence-chain\.c:/, rules: ["FENCE-26"] },
  // Memory
  { id: "list-damaged", text: /list_(?:add|del)|list_debug\.c/, rules: ["FENCE-14"], by: { detach: ["ATT-18"] } },
  { id: "count-damaged", text: /refcount_t:|refcount\.c/, rules: ["LIFE-09"], by: { fencePut: ["FENCE-49"] } },
  { id: "memory-misused", text: /KASAN|KFENCE|use-after-free|out-of-bounds/, rules: ["LIFE-11", "FENCE-24"] },
  // The end of a kernel
  {
    id: "kernel-stops",
    text: /kernel BUG|BUG: failure|panic.*BUG!/,
    rules: ["RESV-19"],
    by: { addFence: ["RESV-18", "RESV-19"] },
  },
  {
    id: "wild-address",
    text: /general protection|Segfault|NULL pointer|paging request/i,
    rules: [],
    by: { addFence: ["RESV-19"] },
    reason: "which rule is broken depends on who used the address",
  },
  {
    id: "hung-task",
    text: /blocked for more than|soft lockup|hard LOCKUP|stall/,
    rules: [],
    reason: "whoever waits with nobody to wake him is in the history; why is for RESV-36 and its like to say",
  },
];
