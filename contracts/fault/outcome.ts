import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { derived, doc, kernel, proposal, thread } from "../source.ts";

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
  needs: ["revoke"],
  hints: ["Is ENODEV from the map turned into a retry?", "Who resumes the device side with an error?"],
  status: later("FAULT"),
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
  needs: ["importerCallback"],
  hints: ["Is an error state set in the callback and never cleared?"],
  status: later("FAULT"),
};

export const fault08: Rule = {
  id: "FAULT-08",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A faulting importer that accepts moves holds work that meets a hole, and after the new map the work goes on to a correct result.",
  intent: "Applications cannot handle an error caused by memory pressure elsewhere.",
  sources: [thread("004", "level 3: move support and restartable fault required")],
  needs: ["move"],
  hints: ["Is the work replayed from a point whose effects may repeat?"],
  status: later("FAULT"),
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
  status: later("FAULT"),
};

export const fault10: Rule = {
  id: "FAULT-10",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "Work that relies on fault service publishes no fence that waits for it; the importer preempts it or invalidates synchronously instead.",
  intent: "Serving the fault may need memory, reclaim waits for the fence, and all three stand still.",
  sources: [doc("Documentation/driver-api/dma-buf.rst", "recoverable hardware page faults")],
  hints: ["Does a long-running context attach its completion fence to the object?"],
  status: later("FAULT"),
};

export const rules: readonly Rule[] = [fault06, fault07, fault08, fault09, fault10];
