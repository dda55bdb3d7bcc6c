import type { Rule } from "../rule.ts";
import { later } from "../rule-text.ts";
import { derived, proposal, thread } from "../source.ts";

export const mmun15: Rule = {
  id: "MMUN-15",
  level: "MUST",
  obliged: ["exporter"],
  statement:
    "The p2p_map hook decides for one importing device, range and write right, and gives either one DMA address for each page or an error; it may refuse as it sees fit.",
  intent: "Only the owner of the VMA knows which device may reach which part of its memory.",
  sources: [proposal("2019 RFC, device VMA peer-to-peer, patch 3/5: p2p_map")],
  needs: ["vmaPeer"],
  hints: ["Is a grant made for one device reused for another?", "Can the hook return fewer addresses than pages?"],
  status: later("MMUN"),
};

export const mmun16: Rule = {
  id: "MMUN-16",
  level: "SHOULD",
  obliged: ["exporter"],
  statement:
    "A range once granted to a device is granted to it again as long as the VMA is valid, also after an invalidation.",
  intent: "Importers report failure at setup and have no one to tell when a later fault is refused.",
  sources: [proposal("2019 RFC, device VMA peer-to-peer, patch 3/5: p2p_map")],
  needs: ["vmaPeer"],
  hints: ["Which resource can run out between the first grant and a repeated one?"],
  status: later("MMUN"),
};

export const mmun17: Rule = {
  id: "MMUN-17",
  level: "MUST",
  obliged: ["importer"],
  statement:
    "The importer calls p2p_unmap from its notifier callback whenever one comes, and neither side counts on a lock being held then.",
  intent: "The exporter waits for this call before it moves or frees the memory.",
  sources: [proposal("2019 RFC, device VMA peer-to-peer, patch 3/5: p2p_unmap")],
  needs: ["vmaPeer"],
  hints: ["Is the unmap deferred to a worker or to the next use?"],
  status: later("MMUN"),
};

export const mmun18: Rule = {
  id: "MMUN-18",
  level: "MUST",
  obliged: ["exporter", "importer"],
  statement:
    "Granted memory may move, but only by way of a notifier invalidation, and once its callback has returned no one uses the old addresses.",
  intent: "Device memory is evicted under pressure, and the old place gets a new owner.",
  sources: [proposal("2019 RFC, device VMA peer-to-peer, patch 3/5: moving memory")],
  needs: ["vmaPeer"],
  hints: ["Is there a move path that does not go through the notifier?"],
  status: later("MMUN"),
};

export const mmun19: Rule = {
  id: "MMUN-19",
  level: "MUST",
  obliged: ["exporter"],
  statement: "Each CPU page-table entry of a granted VMA is empty or points to the memory that the peer was given.",
  intent: "CPU and peer would otherwise read different data at one and the same address.",
  sources: [proposal("2019 RFC, device VMA peer-to-peer, patch 3/5: CPU page table")],
  needs: ["vmaPeer"],
  hints: ["Are the CPU entries zapped before or after the storage changes?"],
  status: later("MMUN"),
};

export const mmun20: Rule = {
  id: "MMUN-20",
  level: "MUST",
  obliged: ["framework", "exporter"],
  provokedBy: ["importer"],
  statement:
    "Teardown of a VMA first notifies, then sees the importer's p2p_unmap, and only after that destroys the VMA.",
  intent: "Without the VMA the importer has no object left to unmap from.",
  sources: [thread("002", "the VMA lifetime must be strictly longer than map and unmap")],
  needs: ["vmaPeer"],
  temporal: ["T-32"],
  hints: ["What keeps the VMA alive while an unmap is on its way?"],
  status: later("MMUN"),
};

export const mmun21: Rule = {
  id: "MMUN-21",
  level: "MUST",
  obliged: ["exporter"],
  statement: "An importer without a notifier is refused by p2p_map, preferably with EOPNOTSUPP.",
  intent: "Nobody could tell it to let go, and its unmap could come after the VMA is gone.",
  sources: [
    proposal("2019 RFC, device VMA peer-to-peer, patch 3/5: duties of the importer"),
    thread("002", "can non-notifier users ever be supported?"),
  ],
  needs: ["vmaPeer"],
  hints: ["How does the hook learn whether its caller has a notifier on the range?"],
  status: later("MMUN"),
};

export const mmun31: Rule = {
  id: "MMUN-31",
  level: "MUST",
  obliged: ["importer"],
  statement: "Addresses granted without the write right are only read.",
  intent: "The exporter may have granted a view of memory that others trust to stay unchanged.",
  sources: [
    proposal("2019 RFC, device VMA peer-to-peer, patch 3/5: write argument"),
    derived("a grant covers what was asked for"),
  ],
  needs: ["vmaPeer"],
  hints: ["Is the write bit of the device entry taken from the grant?"],
  status: later("MMUN"),
};

export const mmun32: Rule = {
  id: "MMUN-32",
  level: "MUST",
  obliged: ["importer"],
  statement: "Every grant is ended by one p2p_unmap that names the same VMA, device, range and addresses.",
  intent: "The exporter finds its DMA mappings by these values and leaks those that are never named.",
  sources: [proposal("2019 RFC, device VMA peer-to-peer, patch 3/5: p2p_unmap"), derived("DMAMAP-01")],
  needs: ["vmaPeer"],
  hints: ["Is a partly invalidated range unmapped with its full size or in pieces?"],
  status: later("MMUN"),
};

export const rules: readonly Rule[] = [mmun15, mmun16, mmun17, mmun18, mmun19, mmun20, mmun21, mmun31, mmun32];
