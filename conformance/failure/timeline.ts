import type { HistoryEvent } from "../../spec/event.ts";
import { errnoName } from "../../spec/errno.ts";
import { printEvent, printWait } from "../../spec/print-step.ts";
import { diffStates } from "../../spec/state/codec.ts";
import { observe } from "../../spec/state/observe.ts";
import { initialState } from "../../spec/state/state.ts";
import { shortChange } from "./short-change.ts";

/** One line of a timeline: which event, who did it in whose column, and what it changed. */
export interface TimelineRow {
  readonly seq: number;
  readonly task: string;
  /** Calls by programs and importers stand left, what exporters and frameworks do stands right. */
  readonly side: "left" | "right";
  /** Nesting: a callback stands inside its call. */
  readonly depth: number;
  readonly text: string;
  readonly change: string;
}

/** Kinds that only matter where a proof names them. */
const details: ReadonlySet<HistoryEvent["kind"]> = new Set([
  "lock",
  "unlock",
  "translate",
  "contract",
  "alloc",
  "free",
  "list",
  "device",
  "drain",
]);

/**
 * The history as rows. An uneventful call and its return share a row; what neither the program asked for nor the proof
 * needs is left out, and so is the drain, unless the proof reaches into it.
 */
export function timeline(events: readonly HistoryEvent[], proof: readonly number[]): readonly TimelineRow[] {
  const needed = new Set(proof);
  const last = Math.max(...proof);
  const drain = events.find((event) => event.kind === "drain")?.seq ?? events.length;
  const state = initialState();
  const rows: TimelineRow[] = [];
  const depths = new Map<string, number>();
  for (const event of events) {
    if (event.seq > last) break;
    const before = structuredClone(state);
    observe(state, event);
    const depth = depthAt(depths, event);
    const visible = needed.has(event.seq) || (event.seq < drain && isVisible(events, event, needed));
    if (!visible) continue;
    const change = diffStates(before, state, { ghost: false })
      .flatMap((entry) => shortChange(entry) ?? [])
      .join(", ");
    rows.push({ seq: event.seq, task: event.task, side: sideOf(event), depth, text: textOf(events, event), change });
  }
  return rows;
}

function depthAt(depths: Map<string, number>, event: HistoryEvent): number {
  const depth = depths.get(event.task) ?? 0;
  switch (event.kind) {
    case "call":
    case "cb":
      depths.set(event.task, depth + 1);
      return depth;
    case "ret":
    case "cbret":
      depths.set(event.task, Math.max(0, depth - 1));
      return Math.max(0, depth - 1);
    default:
      return depth;
  }
}

/** A return right behind its call adds nothing. */
function isVisible(events: readonly HistoryEvent[], event: HistoryEvent, needed: ReadonlySet<number>): boolean {
  if (details.has(event.kind)) return false;
  const opened = event.kind === "ret" ? event.call : event.kind === "cbret" ? event.cb : -1;
  if (opened < 0) return true;
  return !isAlone(events, opened, event.seq) || needed.has(event.seq);
}

/** Whether nothing worth a row stands between a call and its return. */
function isAlone(events: readonly HistoryEvent[], from: number, to: number): boolean {
  for (let seq = from + 1; seq < to; seq += 1) if (!details.has(events[seq]!.kind)) return false;
  return true;
}

function textOf(events: readonly HistoryEvent[], event: HistoryEvent): string {
  if (event.kind === "blocked") return `waits for ${printWait(event.wait)}`;
  if (event.kind === "resumed") return "goes on";
  const text = printEvent(event);
  if (event.kind !== "call" && event.kind !== "cb") return text;
  const ret = events.find(
    (other) =>
      (other.kind === "ret" && event.kind === "call" && other.call === event.seq) ||
      (other.kind === "cbret" && event.kind === "cb" && other.cb === event.seq),
  );
  if (ret === undefined) return `${text} …`;
  if (!isAlone(events, event.seq, ret.seq)) return text;
  return `${text} → ${ret.kind === "ret" || ret.kind === "cbret" ? errnoName(ret.errno) : ""}`;
}

function sideOf(event: HistoryEvent): TimelineRow["side"] {
  switch (event.kind) {
    case "call":
    case "ret":
    case "lock":
    case "unlock":
      return isExporterSide(event.by) ? "right" : "left";
    case "cb":
    case "cbret":
      return isExporterSide(event.to) ? "right" : "left";
    case "alloc":
    case "free":
      return isExporterSide(event.by) ? "right" : "left";
    case "epoch":
    case "warn":
      return "right";
    default:
      return "left";
  }
}

function isExporterSide(name: string): boolean {
  return name.startsWith("e") || name === "framework";
}
