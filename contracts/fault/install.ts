import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { derived, kernel, proposal, thread } from "../source.ts";

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
  hints: ["Is the lock dropped between the map and the table write?"],
  status: later("FAULT"),
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
  hints: ["Is a failed or timed out fence wait treated as an error of the fault?"],
  status: later("FAULT"),
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
  needs: ["pfn"],
  temporal: ["T-30"],
  hints: ["Is the sequence read before the map and compared under the lock of the install?"],
  status: later("FAULT"),
};

export const fault04: Rule = {
  id: "FAULT-04",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "The invalidate callback stops new installs, removes the translations, flushes the TLBs and then lets faults go on; a fault in between waits or retries.",
  intent: "A fault that slips into the removal puts back what was just taken out.",
  sources: [proposal("2025 RFC, dma_buf_get_pfn_unlocked and KVM private MMIO")],
  needs: ["pfn", "importerCallback"],
  hints: ["Do begin and end stand on both sides of zap and flush, on error paths too?"],
  status: later("FAULT"),
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
  hints: ["Which return statements come after the lock and before the unlock?"],
  status: later("FAULT"),
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
  hints: ["Does prefetch share the fault function or copy half of it?"],
  status: later("FAULT"),
};

export const rules: readonly Rule[] = [fault01, fault02, fault03, fault04, fault05, fault15];
