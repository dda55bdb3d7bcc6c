import { answering, record } from "../call-record.ts";

/** What an entry of a device's page table leads to: a page of the CPU's table, a DMA address, or physical memory. */
export const entryKinds = ["page", "address", "physical"] as const;
export type EntryKind = (typeof entryKinds)[number];

const accesses = ["read", "write", "speculativeRead"] as const;

/** A device's own page table: the secondary table of a mirror, of a key with paging on demand, of a guest. */
export const pageTableCalls = {
  /** `target`: the page or the storage that it leads to now; `address`: of DMA, otherwise the byte in the storage. */
  install: record(
    { table: "name", page: "integer", via: entryKinds, target: "nameOrNull", address: "integer", write: "flag" },
    (of) => `install ${of.target ?? "nothing"} as page ${of.page} of ${of.table}${of.write ? ", writable" : ""}`,
  ),
  zap: record(
    { table: "name", start: "integer", pages: "integer" },
    (of) => `zap pages ${of.start} + ${of.pages} of ${of.table}`,
  ),
  touch: answering(
    { table: "name", page: "integer", access: accesses },
    { answer: ["ok", "fault"], target: "nameOrNull" },
    (of) => `${of.access} at page ${of.page} of ${of.table}`,
  ),
} as const;
