import { addedOperation } from "./operations/added.ts";
import { operationOf } from "./operations/operations.ts";
import { errnoName } from "./errno.ts";
import type { CallEvent, CbEvent, CbRetEvent, HistoryEvent, LockForm, RetEvent, WaitFor } from "./event.ts";
import { callPhrases, hookPhrases, stepPhrases } from "./phrases.ts";
import type { Step } from "./program.ts";

type Phrase<T> = (of: T) => string;

/** A step in one short line: `map a1 bidirectional as m1`. Without its id and task, which stand in columns of their own. */
export function printStep(step: Step): string {
  const phrase = (stepPhrases[step.op] ?? addedPhrase(step.op)) as Phrase<Step>;
  const marks = `${step.interrupted === true ? " (signal pending)" : ""}${step.misuse === true ? " (misuse)" : ""}`;
  const text = phrase(step);
  return `${text}${unnamed(step, text)}${marks}`;
}

/** How a contract beside the core says it. */
function addedPhrase(op: string): Phrase<Step> {
  const phrase = addedOperation(op)?.phrase;
  return (step) => phrase?.(fieldsIn(step)) ?? op;
}

function fieldsIn(of: object): Readonly<Record<string, unknown>> {
  return of as Readonly<Record<string, unknown>>;
}

/** Names and words that the phrase leaves out: ` (owner i1)`. */
function unnamed(step: Step, text: string): string {
  const values = step as unknown as Readonly<Record<string, unknown>>;
  return Object.entries(operationOf(step.op).fields)
    .filter(([, { shape }]) => shape.kind === "refer" || shape.kind === "create")
    .map(([field]) => [field, values[field]] as const)
    .filter(([, value]) => typeof value === "string" && !text.includes(value))
    .map(([field, value]) => ` (${field} ${String(value)})`)
    .join("");
}

const formWords: Readonly<Record<LockForm, string>> = {
  plain: "lock",
  interruptible: "lock, interruptible,",
  slow: "lock, slow path,",
  slowInterruptible: "lock, slow path, interruptible,",
  try: "try to lock",
};

/** What a task waits for: `the lock b1.resv`. */
export function printWait(wait: WaitFor): string {
  switch (wait.kind) {
    case "lock":
      return `the lock ${wait.lock}`;
    case "fence":
      return `fence ${wait.fence}`;
    case "unmapped":
      return `the unmaps of ${wait.buffer}`;
    case "other":
      return wait.what;
  }
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.join(" ");
}

function tableText({
  table,
  segments,
}: {
  readonly table: string | null;
  readonly segments: readonly unknown[];
}): string {
  if (table === null) return "no table";
  return `${table}, ${segments.length} segment${segments.length === 1 ? "" : "s"}`;
}

/** What a return answers beside its errno; empty for most. */
function answerOf(event: RetEvent): string {
  switch (event.op) {
    case "exportFd":
      return `number ${event.number}`;
    case "get":
      return event.buffer ?? "no buffer";
    case "attach":
      return event.peer2peer ? "peer-to-peer" : "";
    case "map":
    case "mapUnlocked":
      return tableText(event);
    case "exportSyncFile":
    case "mergeSyncFiles":
      return `${event.fence ?? "no fence"}${event.members.length > 0 ? ` of ${list(event.members)}` : ""}`;
    case "syncFileInfo":
      return `${event.fences} fences, status ${event.status}${event.records.length > 0 ? `: ${list(event.records.map(({ fence, status }) => `${fence}:${status}`))}` : ""}`;
    case "pollSyncFile":
      return event.answer ? "ready" : "not ready";
    case "poll":
      return event.readable || event.writable
        ? `ready for ${[...(event.readable ? ["input"] : []), ...(event.writable ? ["output"] : [])].join(" and ")}`
        : "not ready";
    case "vmap":
    case "vmapUnlocked":
      return `${event.address ?? "no address"}${event.iomem ? ", I/O memory" : ""}`;
    case "isRevocable":
    case "testSignaled":
    case "checkAndSignal":
    case "isSignaled":
    case "isLater":
    case "removeCallback":
    case "fenceGetLive":
      return event.answer ? "yes" : "no";
    case "seek":
    case "waitFences":
    case "waitFence":
      return String(event.result);
    case "getName":
      return JSON.stringify(event.name);
    case "listBuffers":
      return list(event.buffers);
    case "iterateFences":
      return list(event.entries.map(({ fence, usage }) => `${fence}:${usage}`));
    case "getFences":
      return list(event.fences);
    case "getSingleton":
      return event.fence ?? "no fence";
    case "getStatus":
      return `status ${event.status}`;
    case "timestamp":
      return `time ${event.time}`;
    case "waitAny":
      return `${event.result}, index ${event.index}`;
    case "createArray":
    case "createChain":
      return event.created ? "" : "no memory";
    case "findSeqno":
      return event.found ?? "no fence";
    case "merge":
      return event.merged ?? "no memory";
    default:
      return "";
  }
}

function hookAnswerOf(event: CbRetEvent): string {
  switch (event.hook) {
    case "map":
      return tableText(event);
    case "vmap":
      return `${event.address ?? "no address"}${event.iomem ? ", I/O memory" : ""}`;
    case "enableSignaling":
    case "signaled":
      return event.answer ? "yes" : "no";
    case "fenceWait":
      return String(event.result);
    default:
      return "";
  }
}

/** `ok, T1, 2 segments` or `ENODEV`: an answer counts only where there was no error. */
function outcome(errno: number, answer: string): string {
  return errno === 0 && answer !== "" ? `ok, ${answer}` : errnoName(errno);
}

function called(event: CallEvent | RetEvent): string {
  const phrase = callPhrases[event.op] as Phrase<typeof event> | undefined;
  return phrase?.(event) ?? addedOperation(event.op)?.phrase(fieldsIn(event)) ?? event.op;
}

function hooked(event: CbEvent | CbRetEvent): string {
  return (hookPhrases[event.hook] as Phrase<typeof event>)(event);
}

function hex(address: number): string {
  return `0x${address.toString(16)}`;
}

function failed(errno: number): string {
  return errno === 0 ? "" : `: ${errnoName(errno)}`;
}

function printDevice(event: Extract<HistoryEvent, { kind: "device" }>): string {
  switch (event.change) {
    case "memoryOn":
    case "memoryOff":
      return `memory of ${event.exporter ?? "a device"} goes ${event.change === "memoryOn" ? "on" : "off"}`;
    case "stop":
      return `device stopped for ${event.attachment ?? "an attachment"}`;
    case "jobHang":
      return `${event.job ?? "a job"} hangs`;
    case "jobStart":
      return `${event.job ?? "a job"} begins`;
    case "jobEnd":
      return `${event.job ?? "a job"} ends`;
  }
}

function printPeer(event: Extract<HistoryEvent, { kind: "peer" }>): string {
  const { op, provider, clients } = event;
  switch (op) {
    case "providerInit":
      return `the BAR of ${provider} is made known to peers`;
    case "providerFor":
      return `provider of ${provider} → ${event.result === 1 ? "there" : "none"}`;
    case "providerGone":
      return `the BAR of ${provider} is no longer known to peers`;
    case "mapType":
      return `how ${list(clients)} reaches ${provider} → ${event.type ?? "?"}`;
    case "distance":
      return `distance of ${list(clients)} from ${provider} → ${event.result}`;
    case "pageLookup":
      return `page lookup in ${provider}${event.optIn ? " with opt-in" : ""}${event.longTerm ? " for long" : ""}`;
  }
}

function printDma(event: Extract<HistoryEvent, { kind: "dma" }>): string {
  const { op, device, object, storage, address, length, direction, attributes } = event;
  const of = object === null ? "" : ` ${object}`;
  const what = storage === null ? "" : ` ${storage} + ${hex(event.offset)}`;
  const marks = attributes.length === 0 ? "" : ` with ${attributes.join(" ")}`;
  return `DMA ${op}${of} for ${device}${what} at ${hex(address)} + ${hex(length)} ${direction}${marks}`;
}

/** An event in one short line: `i1: map a1 bidirectional as m1`. Without seq, task and step, which stand in columns. */
export function printEvent(event: HistoryEvent): string {
  switch (event.kind) {
    case "call":
      return `${event.by}: ${called(event)}`;
    case "ret":
      return `${event.by}: ${called(event)} → ${outcome(event.errno, answerOf(event))}`;
    case "cb":
      return `to ${event.to}: ${hooked(event)}`;
    case "cbret":
      return `from ${event.to}: ${hooked(event)} → ${outcome(event.errno, hookAnswerOf(event))}${event.injected ? " (injected)" : ""}`;
    case "lock": {
      const context = event.acquire === null ? "" : ` in ${event.acquire}`;
      return `${event.by}: ${formWords[event.form]} ${event.lock}${context} → ${errnoName(event.errno)}${event.waited ? " after a wait" : ""}`;
    }
    case "unlock":
      return `${event.by}: unlock ${event.lock}`;
    case "blocked":
      return `waits for ${printWait(event.wait)}${event.interruptible ? ", interruptible" : ""}`;
    case "resumed":
      return `goes on after waiting for ${printWait(event.wait)}${failed(event.errno)}`;
    case "signal":
      return `${event.fence} signals at time ${event.time}${event.error === 0 ? "" : ` with error ${event.error}`}`;
    case "access":
      return `${event.importer}: ${event.access} at ${hex(event.address)} through ${event.mapping ?? "no mapping"} of ${event.attachment} → ${event.answer === "fault" ? "fault" : (event.storage ?? "ok")}`;
    case "cpu":
      return `${event.by}: CPU ${event.access} at ${event.offset} through ${event.view} → ${event.answer === "ok" ? (event.storage ?? "ok") : event.answer}`;
    case "page":
      return `${event.view}: ${event.count} pages from page ${event.page} ${event.on ? `show ${event.storage ?? "nothing"} at ${event.offset}` : "lose their entries"}`;
    case "alloc":
      return `${event.by}: take ${event.what} ${event.id}${failed(event.errno)}`;
    case "free":
      return `${event.by}: give back ${event.what} ${event.id}`;
    case "epoch":
      return `${event.buffer}: ${event.change}, now ${event.storage ?? "without storage"}`;
    case "translate":
      return `${event.device}: ${hex(event.address)} + ${hex(event.length)} ${event.on ? `reaches ${event.storage} at ${event.offset}` : "reaches nothing any more"}`;
    case "contract":
      return `under the contract ${event.name} (${event.hash.slice(0, 8)})`;
    case "platform":
      return `a platform of ${event.devices.length} devices and ${event.bridges.length} bridges`;
    case "peer":
      return `${event.by}: ${printPeer(event)}${failed(event.errno)}`;
    case "dma":
      return `${event.by}: ${printDma(event)}${failed(event.errno)}`;
    case "helper": {
      const what = event.op === "physVecToSgt" ? `table of ${event.ranges.length} ranges` : "give back";
      return `${event.by}: ${what} ${event.table ?? ""} for ${event.attachment ?? "no attachment"}${failed(event.errno)}`;
    }
    case "touch":
      return `${event.what} of ${event.storage ?? "all"} for ${event.device ?? "the guest"}${failed(event.errno)}`;
    case "list":
      return `${event.attachment} ${event.listed ? "enters" : "leaves"} its buffer's list`;
    case "device":
      return printDevice(event);
    case "warn":
      return `kernel warning: ${event.text}`;
    case "fault":
      return `fault of the harness or adapter: ${event.text}`;
    case "drain":
      return "the program's steps are over, the drain begins";
    case "end":
      if (event.waiting.length === 0) return "end, nobody waits";
      return `end, ${event.waiting.map(({ task, wait }) => `${task} waits for ${printWait(wait)}`).join("; ")}`;
  }
}
