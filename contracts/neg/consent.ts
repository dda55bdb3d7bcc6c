import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { kernel, thread } from "../source.ts";

export const neg05: Rule = {
  id: "NEG-05",
  level: "MUST",
  obliged: ["framework", "exporter"],
  statement:
    "A revocable exporter refuses, with EOPNOTSUPP, an importer that can follow moves but has not said that it accepts losing the memory.",
  intent: "It counts on the memory coming back and has no plan for the day it does not.",
  sources: [thread("004", "dynamic GPU importers should perhaps reject revocable buffers")],
  needs: ["revoke"],
  hints: ["Is having a callback taken for consent to revoke?"],
  status: later("NEG"),
};

export const neg06: Rule = {
  id: "NEG-06",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "A revoke costs an importer that did not opt in no more than the use of that one buffer; otherwise it rejects revocable buffers at import.",
  intent: "A hostile client could shoot down the compositor's GPU context whenever it likes.",
  sources: [thread("004", "a nasty client hands a revocable dma-buf to the compositor")],
  needs: ["revoke"],
  hints: ["What does the GPU do at a missing page: skip the job or lose the context?"],
  status: later("NEG"),
};

export const neg10: Rule = {
  id: "NEG-10",
  level: "MUST",
  obliged: ["exporter", "importer"],
  statement:
    "Without an agreement on unrevoke, which should be part of the negotiation, an importer may stay in error after it and nobody counts on its recovery.",
  intent: "Most pinned importers have torn down their state for good, and forcing them back reuses dead handles.",
  sources: [
    thread("004", "wish to include unrevoke because VFIO does it"),
    kernel("drivers/infiniband/core/umem_dmabuf.c", "revoked state of the pinned import", "7.2"),
    kernel("drivers/iommu/iommufd/pages.c", "revoked dma-buf areas", "7.2"),
  ],
  needs: ["unrevoke"],
  hints: ["Does the exporter wait for a new map by this importer after the unrevoke?"],
  status: later("NEG"),
};

export const neg22: Rule = {
  id: "NEG-22",
  level: "MUST",
  obliged: ["importer", "exporter"],
  statement: "Following a move and surviving a loss are declared as two separate capabilities, in any combination.",
  intent: "Merged into one flag, importers get signed up for revokes that they cannot take.",
  sources: [thread("reply to 004", "Simona Vetter: revocable is not the same as dynamic")],
  hints: ["Which single test stands for both capabilities?"],
  status: later("NEG"),
};

export const neg23: Rule = {
  id: "NEG-23",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "An importer that holds only a physical range refuses what it cannot do with it: CPU access and too large sizes with EINVAL, splitting, foreign exporters and several ranges with EOPNOTSUPP, all without effect.",
  intent: "A half-done split or a fallback to pages would use an address that has no page.",
  sources: [
    kernel("drivers/iommu/iommufd/pages.c", "dma-buf backed areas", "7.2"),
    kernel("drivers/iommu/iommufd/io_pagetable.c", "dma-buf backed areas", "7.2"),
  ],
  needs: ["pfn"],
  hints: ["Is the kind of the area tested before its first change?"],
  status: later("NEG"),
};

export const rules: readonly Rule[] = [neg05, neg06, neg10, neg22, neg23];
