import type { AccessEvent, CbRetEvent, CpuEvent } from "../../spec/event.ts";
import type { TouchEvent } from "../../spec/platform-event.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import { bracketCovers } from "../../spec/state/observe/cpu.ts";
import type { State } from "../../spec/state/state.ts";
import type { Verdict } from "../monitor.ts";

/** The newest write to a page that everybody who keeps the rules has to see from now on. */
interface Write {
  readonly event: AccessEvent | CpuEvent;
  /** When it became visible to the other side: the begin or end that synchronised it; null: not yet. */
  handedOver: number | null;
}

/**
 * What pages hold as far as the contract says it: the last write, while nothing has made the content undefined. Who wrote with
 * a device has handed over when a bracket for reading opens; who wrote with the CPU, when a bracket for writing closes.
 */
export class Contents {
  private readonly pages = new Map<string, Write | null>();

  deviceWrites(event: AccessEvent, state: State): void {
    const page = devicePage(event, state);
    if (page === null) return;
    // Inside a bracket the content is undefined until both sides have synchronised again.
    this.pages.set(page, bracketsOn(state, event.storage).length > 0 ? null : { event, handedOver: null });
  }

  cpuWrites(event: CpuEvent, state: State): void {
    if (event.storage === null) return;
    const shared = bracketsOn(state, event.storage).length > 1;
    this.pages.set(pageOf(event.storage, event.storageOffset), shared ? null : { event, handedOver: null });
  }

  /** A begin or end hook has synchronised the buffer's storage. */
  synchronised(event: CbRetEvent<"beginCpu" | "endCpu">, state: State): void {
    const buffer = state.buffers.get(event.buffer);
    if (event.errno !== 0 || buffer === undefined || buffer.storage === null) return;
    const begins = event.hook === "beginCpu";
    for (const [page, write] of this.pages) {
      if (write === null || !page.startsWith(`${buffer.storage} `)) continue;
      const byDevice = write.event.kind === "access";
      if (begins === byDevice && bracketCovers(event.direction, begins ? "read" : "write"))
        write.handedOver ??= event.seq;
      // Another bracket begins while somebody's writes are still in the caches: they may be lost.
      else if (begins && !byDevice && write.handedOver === null) this.pages.set(page, null);
    }
  }

  /** Caches are emptied for the CPU outside an end hook: with them what the CPU has not written back may go. */
  dropped(event: TouchEvent, state: State): void {
    if (event.what !== "cachesForCpu" || event.storage === null) return;
    const frames = state.tasks.get(event.task)?.frames ?? [];
    if (frames.some((frame) => frame.kind === "cb" && frame.hook === "endCpu")) return;
    for (const [page, write] of this.pages)
      if (write?.event.kind === "cpu" && write.handedOver === null && page.startsWith(`${event.storage} `))
        this.pages.set(page, null);
  }

  /** The CPU reads what a device wrote before the bracket opened. */
  cpuReads(event: CpuEvent, state: State, verdict: Verdict): void {
    if (event.seen === undefined) return;
    const write = event.storage === null ? null : this.pages.get(pageOf(event.storage, event.storageOffset));
    const buffer = state.buffers.get(event.buffer);
    if (write?.event.kind !== "access" || write.handedOver === null || event.answer !== "ok") return;
    // In the reader's own bracket, opened after the write.
    const own = buffer?.brackets.some(
      ({ by, direction, since }) => by === event.by && bracketCovers(direction, "read") && since >= write.handedOver!,
    );
    if (buffer === undefined || own !== true || !synchronises(buffer.cpuHooks)) return;
    verdict.exercised();
    if (event.seen !== write.event.seq)
      verdict.violated(
        `the CPU reads ${event.buffer} and does not see what ${write.event.importer} wrote before the bracket`,
        write.event,
      );
  }

  /** A device reads what the CPU wrote in a bracket that has been closed. */
  deviceReads(event: AccessEvent, state: State, verdict: Verdict): void {
    if (event.seen === undefined) return;
    const page = devicePage(event, state);
    const write = page === null ? null : this.pages.get(page);
    if (write?.event.kind !== "cpu" || write.handedOver === null || event.answer !== "ok") return;
    const buffer = state.buffers.get(write.event.buffer);
    if (buffer === undefined || !synchronises(buffer.cpuHooks) || bracketsOn(state, event.storage).length > 0) return;
    verdict.exercised();
    if (event.seen !== write.event.seq)
      verdict.violated(
        `${event.importer} reads ${write.event.buffer} and does not see what the CPU wrote before the bracket was closed`,
        write.event,
      );
  }

  /** What the CPU wrote and has not handed over. */
  unfinished(event: AccessEvent, state: State): CpuEvent | undefined {
    const page = devicePage(event, state);
    const write = page === null ? null : this.pages.get(page);
    return write?.event.kind === "cpu" ? write.event : undefined;
  }
}

function synchronises(hooks: readonly string[]): boolean {
  return hooks.includes("beginCpu") && hooks.includes("endCpu");
}

function pageOf(storage: string, offset: number): string {
  return `${storage} ${Math.floor(offset / pageSize)}`;
}

/** The page that a device touched, from its translation. */
function devicePage(event: AccessEvent, state: State): string | null {
  if (event.storage === null || event.mapping === null || event.answer !== "ok") return null;
  const segments = state.mappings.get(event.mapping)?.segments ?? [];
  const segment = segments.find(({ address, length }) => event.address >= address && event.address < address + length);
  return segment?.storage === event.storage
    ? pageOf(event.storage, segment.offset + event.address - segment.address)
    : null;
}

function bracketsOn(state: State, storage: string | null) {
  for (const buffer of state.buffers.values()) if (buffer.storage === storage) return buffer.brackets;
  return [];
}
