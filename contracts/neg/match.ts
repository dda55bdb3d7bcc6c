import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { derived, proposal, thread } from "../source.ts";

export const neg07: Rule = {
  id: "NEG-07",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "If several levels suit both sides, the exporter takes the one it likes best among those the importer accepts, and with none in common it fails.",
  intent: "A level outside the importer's set is one that its code has never run with.",
  sources: [
    proposal("2026 RFC, mapping type negotiation: the exporter's order decides"),
    thread("004", "RDMA asks for pinned or dynamic; GPUs offer pinned for speed"),
  ],
  needs: ["negotiation"],
  hints: ["Is the exporter's favourite checked against the importer's set?"],
  status: later("NEG"),
};

export const neg14: Rule = {
  id: "NEG-14",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "The match goes through the exporter's types in order and takes the first that fits any of the importer's; without one it fails with EINVAL.",
  intent: "With another order the two sides end on a type that the exporter offers only in need.",
  sources: [proposal("2026 RFC, mapping type negotiation: dma_buf_match_mapping")],
  needs: ["negotiation"],
  hints: ["Which of the two lists is the outer loop?"],
  status: later("NEG"),
};

export const neg15: Rule = {
  id: "NEG-15",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A type's match function picks the type with 0, passes it over with EOPNOTSUPP, and ends the negotiation with any other error, which reaches the caller.",
  intent: "Out of memory taken for a mismatch would quietly settle on a worse type.",
  sources: [proposal("2026 RFC, mapping type negotiation: result of match")],
  needs: ["negotiation"],
  hints: ["Does the loop go on after every error?"],
  status: later("NEG"),
};

export const neg16: Rule = {
  id: "NEG-16",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "After the match only map and unmap of the type stored in the attachment are used; others fail with EINVAL.",
  intent: "The result of one type read as another is a wild pointer.",
  sources: [proposal("2026 RFC, mapping type negotiation: type of an attachment")],
  needs: ["negotiation"],
  hints: ["Does the driver assume the scatterlist type after attach?"],
  status: later("NEG"),
};

export const neg17: Rule = {
  id: "NEG-17",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A type that carries peer addresses fits only an importer that accepts them and, if the exporter demands it, only on a topology that allows them.",
  intent: "The refusal comes while other types can still be tried, not at the first map.",
  sources: [proposal("2026 RFC, mapping type negotiation: scatterlist type")],
  needs: ["negotiation"],
  hints: ["Is a failed topology test passed over like a mismatch?"],
  status: later("NEG"),
};

export const neg18: Rule = {
  id: "NEG-18",
  level: "MUST",
  obliged: ["importer", "exporter"],
  statement:
    "Map and unmap of a physical address list hold the lock, serve entitled importers and MMIO only, and after the unmap nobody touches an address of the list.",
  intent: "Raw physical addresses pass by every IOMMU check that would catch a late access.",
  sources: [proposal("2026 RFC, mapping type negotiation: physical address list type")],
  needs: ["negotiation", "pfn"],
  hints: ["Who decides which importers may have the list?", "Are the addresses copied into a longer-lived table?"],
  status: later("NEG"),
};

export const neg19: Rule = {
  id: "NEG-19",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "Peer or not, CPU-mappable or not and the other attributes travel in the description of the memory and mean what they mean in the DMA API.",
  intent: "An importer that guesses them from the address picks the wrong caching or route.",
  sources: [thread("004", "pfns annotated with whatever matches the DMA API")],
  needs: ["pfn"],
  hints: ["Do the marks follow the memory when the buffer moves?"],
  status: later("NEG"),
};

export const neg20: Rule = {
  id: "NEG-20",
  level: "MUST",
  obliged: ["framework"],
  statement: "A failed negotiation leaves the buffer as it was: without a new attachment, pin, mapping or callback.",
  intent: "A leftover entry gets callbacks for an importer that has already freed its state.",
  sources: [derived("ATT-04")],
  hints: ["Is the attachment put on the list before the last step that can fail?"],
  status: later("NEG"),
};

export const rules: readonly Rule[] = [neg07, neg14, neg15, neg16, neg17, neg18, neg19, neg20];
