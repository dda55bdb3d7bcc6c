import { later } from "../rule-text.ts";
import type { Rule } from "../rule.ts";
import { derived, doc, kernel, run } from "../source.ts";

export const move04: Rule = {
  id: "MOVE-04",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Inside the callback the importer makes neither a request for this buffer's reservation lock nor any call that expects it free: export, fd creation, get, put, attach, detach, mmap, CPU access, and the unlocked map, unmap, vmap and vunmap.",
  intent: "The exporter holds that lock, so each of these calls waits for its own caller.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "locking convention"),
    doc("include/linux/dma-buf.h", "struct dma_buf_attach_ops"),
  ],
  needs: ["importerCallback"],
  hints: [
    "Can the callback drop the last reference of a wrapper, which then detaches and puts?",
    "Is a helper shared with user calls that locks by itself?",
  ],
  status: later("MOVE"),
};

export const move05: Rule = {
  id: "MOVE-05",
  level: "MAY",
  obliged: ["framework", "exporter"],
  statement:
    "From inside its callback an importer is free to call the locked unmap and unpin and to reserve slots and add fences, and framework and exporter accept this.",
  intent:
    "Importers that can stop their device at once drop the mapping there, and others have to publish a fence there.",
  sources: [
    kernel("drivers/infiniband/core/umem_dmabuf.c", "ib_umem_dmabuf_revoke_locked", "7.2"),
    kernel("drivers/infiniband/hw/mlx5/odp.c", "mlx5_ib_dmabuf_invalidate_cb", "6.12, 7.2"),
    kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_dma_buf_move_notify", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "unmap of everything and unpin in the callback, no lockdep report"),
  ],
  needs: ["importerCallback"],
  hints: [
    "Does your unmap or unpin hook take a private lock that your invalidate path holds?",
    "Does your exporter go on with a list of mappings it collected before the callbacks?",
  ],
  status: later("MOVE"),
};

export const move06: Rule = {
  id: "MOVE-06",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A lock the importer takes inside the callback is everywhere taken after the reservation lock: no path takes a reservation lock while holding it.",
  intent: "One path with the opposite order is a deadlock between an eviction and a user call.",
  sources: [
    doc("drivers/dma-buf/dma-buf.c", "locking convention"),
    kernel("drivers/iommu/iommufd/pages.c", "reservation lock before the mutex of the pages", "7.2"),
  ],
  needs: ["importerCallback"],
  temporal: ["T-24"],
  hints: [
    "Which of your paths map, unmap or unpin while they hold that lock?",
    "Is the lock also held where an allocation can start reclaim and with it an eviction?",
  ],
  status: later("MOVE"),
};

export const move07: Rule = {
  id: "MOVE-07",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "The callback always comes to its end, never waits for anyone who needs this reservation lock, and should not block without bound.",
  intent:
    "It has no way to fail and the exporter stands behind it with the lock, so a stuck callback stops every user of the buffer.",
  sources: [
    kernel("include/linux/dma-buf.h", "struct dma_buf_attach_ops, callback without result", "6.12, 7.2"),
    derived("MOVE-01: the exporter keeps the lock for the whole call"),
  ],
  needs: ["importerCallback"],
  temporal: ["T-23"],
  hints: [
    "Do you flush a worker there that itself maps or locks the buffer?",
    "Do you wait for a job that is not submitted yet?",
  ],
  status: later("MOVE"),
};

export const move34: Rule = {
  id: "MOVE-34",
  level: "MUST",
  obliged: ["importer"],
  statement: "The importer makes no mapping of the buffer inside the callback for it.",
  intent: "The storage has not moved yet, so such a mapping is of the old place and stale when the callback returns.",
  sources: [
    doc("include/linux/dma-buf.h", "struct dma_buf_attach_ops, move_notify: new mappings after it returned", "6.12"),
    doc("include/linux/dma-buf.h", "struct dma_buf_attach_ops", "7.2"),
  ],
  needs: ["importerCallback"],
  hints: [
    "Does the callback run your usual validate step, which maps?",
    "Could the new mapping be made at the next job or fault, or by a worker after the lock is free?",
  ],
  status: later("MOVE"),
};

export const move35: Rule = {
  id: "MOVE-35",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Inside the callback another reservation lock is taken only by trylock or with the acquire context that holds this one; on contention the importer skips it and leaves that user marked (MOVE-32).",
  intent: "A blocking second lock without the context cannot be resolved by back-off and deadlocks two evictions.",
  sources: [kernel("drivers/gpu/drm/amd/amdgpu/amdgpu_dma_buf.c", "amdgpu_dma_buf_move_notify", "6.12, 7.2")],
  needs: ["importerCallback"],
  hints: [
    "Where does the acquire context come from if the exporter locked without one?",
    "Is EDEADLK treated as contention and skipped, not retried in the callback?",
  ],
  status: later("MOVE"),
};

export const rules: readonly Rule[] = [move04, move05, move06, move07, move34, move35];
