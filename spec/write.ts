import type { HistoryEvent } from "./event.ts";
import type { History } from "./history.ts";
import { operationOf } from "./operations/operations.ts";
import { traitNames } from "./platform.ts";
import type { Program, Step } from "./program.ts";

type Plain = Readonly<Record<string, unknown>>;

/** One line: `{ "id": "s1", "task": "t1" }`, keys in the order the object has them. */
function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, field]) => `${JSON.stringify(key)}: ${inline(field)}`);
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
}

/** The fields named, in that order; those the object lacks are left out. */
function pick(object: object, keys: readonly string[]): Plain {
  const plain = object as Plain;
  return Object.fromEntries(keys.filter((key) => plain[key] !== undefined).map((key) => [key, plain[key]]));
}

function rows(items: readonly unknown[], indent: string): string {
  if (items.length === 0) return "[]";
  return `[\n${items.map((item) => `${indent}  ${inline(item)}`).join(",\n")}\n${indent}]`;
}

function stepRow(step: Step): Plain {
  const fields = Object.keys(operationOf(step.op).fields);
  return pick(step, ["id", "task", "op", ...fields, "interrupted", "misuse"]);
}

const setupKeys = {
  devices: ["name", "dmaBits", "maxSegment", ...traitNames],
  exporters: ["name", "kind", "device"],
  importers: ["name", "kind", "device", "ops", "allowPeer2peer", "onInvalidate"],
  buffers: ["name", "exporter", "size", "placement", "resv", "shared"],
} as const;

function programText(program: Program, indent: string): string {
  const inner = `${indent}  `;
  const { setup } = program;
  const tables = (Object.keys(setupKeys) as (keyof typeof setupKeys)[]).map((key) => {
    const items: readonly object[] = setup[key];
    return `${inner}  "${key}": ${rows(
      items.map((item) => pick(item, setupKeys[key])),
      `${inner}  `,
    )}`;
  });
  tables.push(`${inner}  "reservations": ${inline(setup.reservations)}`);
  if (setup.platform !== undefined) {
    const { cpuGood, peerSupport, bridges } = setup.platform;
    const tree = { cpuGood, peerSupport, bridges: bridges.map((row) => pick(row, ["name", "parent", "acs", "allow"])) };
    tables.push(`${inner}  "platform": ${inline(tree)}`);
  }
  const schedule = program.schedule.map((point) => pick(point, ["step", "site", "nth", "until"]));
  const failures = program.failures.map((point) => pick(point, ["step", "site", "nth", "errno"]));
  const fields = [
    `"schema": ${program.schema}`,
    `"contract": ${JSON.stringify(program.contract)}`,
    `"profile": ${JSON.stringify(program.profile)}`,
    `"setup": {\n${tables.join(",\n")}\n${inner}}`,
    `"steps": ${rows(program.steps.map(stepRow), inner)}`,
    `"schedule": ${rows(schedule, inner)}`,
    `"failures": ${rows(failures, inner)}`,
  ];
  return `{\n${fields.map((field) => inner + field).join(",\n")}\n${indent}}`;
}

/** A program as its file has it: fixed key order, one step a line, a line end at the end. Equal programs give equal text. */
export function writeProgram(program: Program): string {
  return `${programText(program, "")}\n`;
}

// What identifies an event comes first; the rest is sorted, so that equal events give equal text whoever made them.
const leading = ["seq", "kind", "op", "hook", "task", "step", "atomic", "by", "to", "call", "cb", "errno", "injected"];

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const rest = Object.keys(value)
    .filter((key) => !leading.includes(key))
    .toSorted();
  return Object.fromEntries(
    Object.entries(pick(value, [...leading, ...rest])).map(([key, field]) => [key, sorted(field)]),
  );
}

const headerKeys = ["implementation", "version", "profile", "capabilities", "observes"];

/** A history as one JSON value: fixed key order, one event a line, a line end at the end. Equal histories give equal text. */
export function writeHistory(history: History): string {
  const fields = [
    `"schema": ${history.schema}`,
    `"header": ${inline(pick(history.header, headerKeys))}`,
    `"program": ${history.program === null ? "null" : programText(history.program, "  ")}`,
    `"events": ${rows(history.events.map(sorted), "  ")}`,
  ];
  return `{\n${fields.map((field) => `  ${field}`).join(",\n")}\n}\n`;
}

/** The first line of a history of one event a line, without its line end. */
export function headerLine({ schema, header, program }: Omit<History, "events">): string {
  const written: unknown = program === null ? null : JSON.parse(writeProgram(program));
  return JSON.stringify({ kind: "header", schema, header: pick(header, headerKeys), program: written });
}

/** One event as a line, without its line end. */
export function eventLine(event: HistoryEvent): string {
  return JSON.stringify(sorted(event));
}

/** The last line, without its line end: how many events came before it. */
export function footerLine(events: number): string {
  return JSON.stringify({ kind: "footer", events });
}

/** A history of one event a line between a header and a footer line: what a recorder can write as it goes. */
export function writeHistoryLines(history: History): string {
  return `${[headerLine(history), ...history.events.map(eventLine), footerLine(history.events.length)].join("\n")}\n`;
}
