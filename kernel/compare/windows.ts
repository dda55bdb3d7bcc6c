import { EINTR } from "../../spec/errno.ts";
import type { HistoryEvent } from "../../spec/event.ts";

/** What happened from the beginning of one step to the beginning of the next, as comparable words in a fixed order. */
export interface Window {
  /** The step; null before the first. */
  readonly step: string | null;
  readonly words: readonly string[];
}

/** Cuts a history at the beginning of each step and writes every event in words that do not depend on who recorded it. */
export function windowsOf(events: readonly HistoryEvent[]): readonly Window[] {
  const contexts = new Ranks();
  const windows: { step: string | null; words: string[] }[] = [{ step: null, words: [] }];
  const seen = new Set<string>();
  const idle = idleMoments(events);
  for (const [index, event] of events.entries()) {
    const { step } = event;
    if (idle.has(index) || isPrivateLock(event)) continue;
    if (step !== null && !seen.has(step)) {
      seen.add(step);
      windows.push({ step, words: [] });
    }
    const word = wordOf(event, contexts);
    if (word !== null) windows.at(-1)!.words.push(word);
  }
  // One complaint of the kernel may take several lines.
  return windows.map(({ step, words }) => ({ step, words: once("warn", words).toSorted() }));
}

/**
 * Moments of waits that are nobody's promise: a wait that a pending signal ended before it began, and somebody who is
 * woken only to wait on for the same. Places of the events, which always come in pairs.
 */
function idleMoments(events: readonly HistoryEvent[]): ReadonlySet<number> {
  const idle = new Set<number>();
  const last = new Map<string, number>();
  for (const [index, event] of events.entries()) {
    const before = last.get(event.task);
    last.set(event.task, index);
    const previous = before === undefined ? undefined : events[before];
    if (before === undefined || previous === undefined) continue;
    const futile =
      event.kind === "resumed" && event.errno === EINTR && previous.kind === "blocked" && before === index - 1;
    const again =
      event.kind === "blocked" &&
      previous.kind === "resumed" &&
      previous.errno === 0 &&
      previous.step === event.step &&
      JSON.stringify(previous.wait) === JSON.stringify(event.wait);
    if (futile || again) idle.add(before).add(index);
  }
  return idle;
}

/** Numbers replaced by the order of their first appearance. */
class Ranks {
  private readonly known = new Map<number, number>();

  of(value: number): number {
    let rank = this.known.get(value);
    if (rank === undefined) this.known.set(value, (rank = this.known.size + 1));
    return rank;
  }
}

/** Fields that differ between two runs of the same thing. */
const ignored: ReadonlySet<string> = new Set([
  "seq",
  "call",
  "cb",
  "atomic",
  "time",
  "kind",
  "number",
  "descriptor",
  "injected",
  "table",
  "segments",
  "cpuHooks",
]);

/** Of an exporter, or of a task's memory, which the kernel's side borrows. */
function isPrivateLock(event: HistoryEvent): boolean {
  return (event.kind === "lock" || event.kind === "unlock") && event.lockClass !== "reservation";
}

function wordOf(event: HistoryEvent, contexts: Ranks): string | null {
  switch (event.kind) {
    // What it was called with is the program's; what came of it is in the return.
    case "call":
      return null;
    case "warn":
      return "warn";
    case "drain":
      return null;
    case "cb":
    case "cbret":
      // What the core does for itself is nobody's promise, and is not seen.
      if (event.to === "framework") return null;
      // How often an owner is asked in vain is nobody's promise.
      if (event.hook === "signaled" && !(event.kind === "cbret" && event.answer)) return null;
      return `${event.kind} ${fields(event, contexts)}`;
    case "free":
      // Memory has names of each side's own.
      if (event.what !== "fence") return null;
      return `${event.kind} ${fields(event, contexts)}`;
    case "ret":
      if (event.by === "framework") return null;
      return `ret ${fields(event, contexts)}`;
    case "lock":
    case "unlock":
    case "blocked":
    case "resumed":
    case "signal":
    case "list":
    case "end":
      return `${event.kind} ${fields(event, contexts)}`;
    case "cpu":
      return `cpu ${event.task} ${event.view} ${event.access} ${event.offset} ${event.answer}`;
    // Of memory and devices, which the two sides do not model alike.
    case "access":
    case "page":
    case "contract":
    case "platform":
    case "peer":
    case "dma":
    case "helper":
    case "touch":
    case "alloc":
    case "epoch":
    case "translate":
    case "device":
    case "fault":
      return null;
  }
}

function fields(event: HistoryEvent, contexts: Ranks): string {
  const task = event.task.startsWith("deferred") ? "deferred" : event.task;
  const words: string[] = [];
  const lock = event.kind === "lock" || event.kind === "unlock";
  const values = event as unknown as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(values).toSorted()) {
    // In whose name the program itself locks is nothing that a kernel knows.
    if (ignored.has(key) || (lock && key === "by" && values[key] !== "framework")) continue;
    words.push(`${key}=${text(key, key === "task" ? task : values[key], contexts)}`);
  }
  return words.join(" ");
}

function text(key: string, value: unknown, contexts: Ranks): string {
  // How much time was left is nobody's promise.
  if (key === "result" && typeof value === "number" && value > 0) return "+";
  // Kernels count in jiffies.
  if (key === "timeout" && typeof value === "number" && value > 0) return "+";
  if (key === "context" && typeof value === "number") return String(contexts.of(value));
  // Kernel addresses have names of each side's own.
  if (key === "address" && typeof value === "string") return "some";
  return JSON.stringify(value);
}

function once(word: string, words: readonly string[]): readonly string[] {
  return words.includes(word) ? [word, ...words.filter((other) => other !== word)] : words;
}
