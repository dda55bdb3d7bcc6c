import type { Guest } from "../calls/faults.ts";
import type { MappingModel } from "../roles/mapping-model.ts";
import { field, table, type Row } from "./schema.ts";

/** What was agreed on for an attachment, by its name. */
const agreement = table({
  model: field<MappingModel>(),
  importer: field<string>(),
});

/** Physical lists that are mapped, by attachment. */
const physicalList = table({
  storage: field<string | null>("ghost"),
  write: field<boolean>(),
  /** An invalidate callback for the attachment has begun since. */
  stale: field<boolean>(),
});

const slot = table({
  importer: field<string>(),
  buffer: field<string>(),
  offset: field<number>(),
  length: field<number>(),
  owner: field<Guest>(),
  phase: field<"binding" | "live" | "failed" | "ended">(),
  attachment: field<string | null>(),
  table: field<string | null>(),
});

/** Device page tables of imports, by the import's name. */
const demandTable = table({
  table: field<string>(),
  importer: field<string>(),
});

/** Rights on buffers: the guest that one is bound to, and whether it may be written. */
const right = table({
  owner: field<Guest | null>(),
  write: field<boolean>(),
});

/** Faults on demand, slots of guests, and what was negotiated. */
export const faultTables = {
  agreements: agreement,
  physicalLists: physicalList,
  slots: slot,
  demandTables: demandTable,
  rights: right,
} as const;

export type SlotState = Row<typeof slot>;
