import { contractNamed } from "../added-contract.ts";
import { hash128 } from "../hash.ts";
import type { Field } from "./schema.ts";
import { stateSchema, type State, type TableName } from "./state.ts";

/** What to look at. */
export interface CodecOptions {
  /** Ghost fields too: those that no behaviour depends on. Default false. */
  readonly ghost?: boolean;
}

/** One difference between two states. */
export interface StateChange {
  /** Null for a field of the state itself, such as `draining`. */
  readonly table: string | null;
  readonly row: string;
  /** Null: the whole row appeared (`from` undefined) or went (`to` undefined). */
  readonly field: string | null;
  readonly from: unknown;
  readonly to: unknown;
}

type PlainRow = Readonly<Record<string, unknown>>;

const tableNames = Object.keys(stateSchema) as readonly TableName[];

/** Fields of the state that are no table: those that matter, and those that only dates rows. */
const scalars = { draining: "core", clock: "ghost", platform: "ghost" } as const satisfies Record<
  Exclude<keyof State, TableName | "added">,
  Field<unknown>["role"]
>;

function fieldsOf(table: TableName, ghost: boolean): readonly string[] {
  const fields: Readonly<Record<string, Field<unknown>>> = stateSchema[table];
  return Object.keys(fields).filter((name) => ghost || fields[name]!.role !== "ghost");
}

// Computed once: encoding is done for every state of a run.
const fieldsWith = Object.fromEntries(tableNames.map((table) => [table, fieldsOf(table, true)])) as Record<
  TableName,
  readonly string[]
>;
const fieldsWithout = Object.fromEntries(tableNames.map((table) => [table, fieldsOf(table, false)])) as Record<
  TableName,
  readonly string[]
>;

function fieldsFor(table: TableName, { ghost = false }: CodecOptions): readonly string[] {
  return (ghost ? fieldsWith : fieldsWithout)[table];
}

function scalarsFor({ ghost = false }: CodecOptions): readonly (keyof typeof scalars)[] {
  return (Object.keys(scalars) as (keyof typeof scalars)[]).filter((name) => ghost || scalars[name] !== "ghost");
}

function rowsOf(state: State, table: TableName): ReadonlyMap<string, PlainRow> {
  return state[table];
}

/** A table with its rows and the fields of them that are looked at. */
interface Shown {
  readonly table: string;
  readonly rows: ReadonlyMap<string, PlainRow>;
  readonly fields: readonly string[];
}

/** All tables of a state: those of the core, and behind them those of its contract. */
function tablesOf(state: State, options: CodecOptions): readonly Shown[] {
  const core = tableNames.map((table) => ({ table, rows: rowsOf(state, table), fields: fieldsFor(table, options) }));
  if (state.added === null) return core;
  const declared = contractNamed(state.added.contract)?.tables ?? {};
  const own = Object.entries(state.added.tables).map(([table, rows]) => {
    const fields = Object.entries(declared[table] ?? {});
    const shown = fields.filter(([, { role }]) => options.ghost === true || role !== "ghost");
    return { table, rows, fields: shown.map(([name]) => name) };
  });
  return [...core, ...own];
}

const noRows: ReadonlyMap<string, PlainRow> = new Map();

function encodeValue(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(encodeValue).join(",")}]`;
  const object = value as PlainRow;
  const fields = Object.keys(object)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${encodeValue(object[key])}`);
  return `{${fields.join(",")}}`;
}

/**
 * A state as text: one line a row, tables in the order of `stateSchema`, rows by name, fields as declared.
 * Equal states give equal text, and two states with the same text are equal.
 */
export function encodeState(state: State, options: CodecOptions = {}): string {
  const lines = scalarsFor(options).map((name) => `${name} ${encodeValue(state[name])}`);
  for (const { table, rows, fields } of tablesOf(state, options)) {
    for (const name of [...rows.keys()].toSorted()) {
      const row = rows.get(name)!;
      lines.push(`${table} ${JSON.stringify(name)} [${fields.map((field) => encodeValue(row[field])).join(",")}]`);
    }
  }
  return lines.join("\n");
}

/** A hash of a state: 32 hex digits. The same as for every state with the same encoding. */
export function hashState(state: State, options: CodecOptions = {}): string {
  return hash128(encodeState(state, options));
}

/** False, 0, null and empty: what a row has before anything happened to it. */
function isNeutral(value: unknown): boolean {
  return (
    value === false || value === 0 || value === null || value === "" || (Array.isArray(value) && value.length === 0)
  );
}

function printValue(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(printValue).join(" ");
  if (typeof value !== "object" || value === null) return value === null ? "none" : JSON.stringify(value);
  return `(${Object.values(value as PlainRow)
    .filter((field) => !isNeutral(field))
    .map(printValue)
    .join(" ")})`;
}

function printField(name: string, value: unknown): string {
  return value === true ? name : `${name} ${printValue(value)}`;
}

function printRow(row: PlainRow, fields: readonly string[]): string {
  return fields
    .filter((field) => !isNeutral(row[field]))
    .map((field) => printField(field, row[field]))
    .join(", ");
}

/** One of a table: `buffer` for `buffers`. */
function singular(table: string): string {
  return table.slice(0, -1);
}

/** A state for people: one line a row, without what is false, 0 or empty. Nothing for the initial state. */
export function printState(state: State, options: CodecOptions = {}): string {
  const lines = scalarsFor(options).flatMap((name) => (isNeutral(state[name]) ? [] : [printField(name, state[name])]));
  for (const { table, rows, fields } of tablesOf(state, options)) {
    for (const [name, row] of [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      const text = printRow(row, fields);
      lines.push(`${singular(table)} ${name}${text === "" ? "" : `: ${text}`}`);
    }
  }
  return lines.join("\n");
}

/**
 * What differs between two states, in the order of `stateSchema`. The two must not share rows: `observe` writes in place,
 * so keep a `structuredClone` of the state before.
 */
export function diffStates(before: State, after: State, options: CodecOptions = {}): readonly StateChange[] {
  const changes: StateChange[] = [];
  for (const name of scalarsFor(options))
    if (before[name] !== after[name] && encodeValue(before[name]) !== encodeValue(after[name]))
      changes.push({ table: null, row: name, field: null, from: before[name], to: after[name] });
  const earlier = tablesOf(before, options);
  for (const [index, { table, rows: current, fields }] of tablesOf(after, options).entries()) {
    const old = earlier[index]?.rows ?? noRows;
    for (const row of [...new Set([...old.keys(), ...current.keys()])].toSorted()) {
      const from = old.get(row);
      const to = current.get(row);
      if (from === undefined || to === undefined) {
        changes.push({ table, row, field: null, from, to });
        continue;
      }
      for (const field of fields)
        if (encodeValue(from[field]) !== encodeValue(to[field]))
          changes.push({ table, row, field, from: from[field], to: to[field] });
    }
  }
  return changes;
}

/** A change for people: `a1: phase attaching → attached`. */
export function printChange({ table, row, field, from, to }: StateChange): string {
  if (table === null) return `${row}: ${printValue(from)} → ${printValue(to)}`;
  if (field !== null) return `${row}: ${field} ${printValue(from)} → ${printValue(to)}`;
  return `${to === undefined ? "no" : "new"} ${singular(table)} ${row}`;
}
