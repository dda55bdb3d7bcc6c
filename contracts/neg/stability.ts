import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { kernel, thread } from "../source.ts";

// Levels: L1 pinned for the whole attachment; L2 pinned but revocable; L3 may move, is always present, access restarts.

export const neg01: Rule = {
  id: "NEG-01",
  level: "MUST",
  obliged: ["exporter", "importer"],
  statement:
    "The stability level of an attachment is settled when it is made, known to both sides, and does not change before detach.",
  intent: "Each side sizes its error handling by it and cannot add what is missing under load.",
  sources: [thread("004", "cascade of pinned, revocable and dynamic")],
  hints: ["Can a later pin or call change what the exporter promised at attach?"],
  status: later("NEG"),
};

export const neg02: Rule = {
  id: "NEG-02",
  level: "MUST",
  obliged: ["exporter"],
  statement: "Under L1 no move, revoke or invalidate happens from attach to detach.",
  intent: "The importer has programmed addresses into hardware that it cannot stop.",
  sources: [thread("004", "level 1: fully pinned as long as the attach is present")],
  temporal: ["T-16"],
  hints: ["Does a reset or power transition revoke all attachments regardless of level?"],
  status: later("NEG"),
};

export const neg03: Rule = {
  id: "NEG-03",
  level: "MUST",
  obliged: ["exporter", "importer"],
  statement:
    "Under L2 the memory stays in place until at most one revocation, after which the importer's use ends, possibly with an error.",
  intent: "These importers can lose the memory cleanly but cannot follow it to a new place.",
  sources: [thread("004", "level 2: revocation is a fatal condition")],
  needs: ["revoke"],
  temporal: ["T-16"],
  hints: ["Does the exporter use the invalidate of an L2 attachment for an ordinary move?"],
  status: later("NEG"),
};

export const neg04: Rule = {
  id: "NEG-04",
  level: "MUST",
  obliged: ["exporter"],
  statement: "Under L3 a map after any invalidate succeeds in the end; only ENOMEM and EINTR may delay it.",
  intent: "An importer that expects mere movement kills its whole context when the memory stays away.",
  sources: [thread("004", "level 3: dynamic and always present")],
  needs: ["move"],
  temporal: ["T-16"],
  hints: ["Can map return ENODEV to an importer that was never told about revoke?"],
  status: later("NEG"),
};

export const neg08: Rule = {
  id: "NEG-08",
  level: "MUST",
  obliged: ["exporter"],
  statement: "An importer that can do L1 only gets it, or attach or pin fails with EOPNOTSUPP.",
  intent: "Accepting it and moving later corrupts memory that its device still writes.",
  sources: [
    thread("004", "RDMA asks the exporter whether it is pinned or dynamic"),
    kernel("drivers/vfio/pci/vfio_pci_dmabuf.c", "vfio_pci_dma_buf_attach", "7.2"),
    kernel("drivers/infiniband/core/uverbs_std_types_dmabuf.c", "uverbs_dmabuf_pin", "7.2"),
  ],
  hints: [
    "Does an exporter that may revoke refuse importers without the callback?",
    "Is the result of the pin checked?",
  ],
  status: later("NEG"),
};

export const neg09: Rule = {
  id: "NEG-09",
  level: "MUST",
  obliged: ["importer"],
  statement: "An importer that cannot take I/O page faults does not declare L3.",
  intent: "During a move its device meets a hole and aborts the transfer.",
  sources: [thread("004", "iommufd cannot fault and supports only revoke")],
  hints: ["Is a callback that only tears down declared as move support?"],
  status: later("NEG"),
};

export const rules: readonly Rule[] = [neg01, neg02, neg03, neg04, neg08, neg09];
