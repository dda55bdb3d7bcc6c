import type { EntryKind } from "../calls/page-tables.ts";
import type { MirrorForm, VmaKind } from "../calls/spaces.ts";
import { field, table, type Row } from "./schema.ts";

const space = table({
  /** References: the process's own and those of others. */
  users: field<number>(),
  /** The lock of the space. */
  lock: field<string | null>("ghost"),
  /** The process has given up its own. */
  exited: field<boolean>(),
  /** Its end has begun: no new mapping of it is worth anything. */
  released: field<boolean>(),
});

const vma = table({
  space: field<string>(),
  start: field<number>(),
  pages: field<number>(),
  kind: field<VmaKind>(),
  buffer: field<string | null>(),
  live: field<boolean>(),
});

/** Entries of the CPU's page tables, by space and page: `mm1:3`. */
const primary = table({
  space: field<string>(),
  page: field<number>(),
  target: field<string>("ghost"),
  write: field<boolean>(),
});

const notifier = table({
  space: field<string>(),
  by: field<string>(),
  start: field<number>(),
  pages: field<number>(),
  form: field<"interval" | "range">(),
  /** Of a range listener: the callbacks it offers. */
  ops: field<readonly string[]>(),
  shared: field<boolean>(),
  phase: field<"adding" | "added" | "removing" | "gone">(),
  /** Nothing was changing when it was added, so that it hears of everything from then on. */
  sure: field<boolean>("ghost"),
  /** The mirror it was made for. */
  mirror: field<string | null>("ghost"),
});

const mirror = table({
  importer: field<string>(),
  space: field<string>(),
  start: field<number>("ghost"),
  pages: field<number>("ghost"),
  form: field<MirrorForm>(),
  phase: field<"making" | "live" | "failed" | "ending" | "ended">(),
  notifier: field<string | null>(),
  /** The device's page table, known from the first entry on. */
  table: field<string | null>(),
});

/** Entries of devices' page tables, by table and page: `i1.table1:3`. */
const entry = table({
  table: field<string>(),
  page: field<number>(),
  via: field<EntryKind>(),
  target: field<string | null>("ghost"),
  address: field<number>("ghost"),
  write: field<boolean>(),
});

/** Peer access that was given and not given back, by the seq of the return. */
const grant = table({
  vma: field<string>(),
  device: field<string>(),
  start: field<number>(),
  pages: field<number>(),
  write: field<boolean>(),
  by: field<string>(),
  notifier: field<string | null>(),
  /** The fault that asked for it. */
  fault: field<number | null>("ghost"),
  addresses: field<readonly number[]>("ghost"),
  storage: field<string | null>("ghost"),
});

/** Address spaces, who mirrors them, and what devices' page tables hold. */
export const spaceTables = {
  spaces: space,
  vmas: vma,
  primaries: primary,
  notifiers: notifier,
  mirrors: mirror,
  entries: entry,
  grants: grant,
} as const;

export type NotifierState = Row<typeof notifier>;
export type MirrorState = Row<typeof mirror>;
export type EntryState = Row<typeof entry>;
export type GrantState = Row<typeof grant>;
