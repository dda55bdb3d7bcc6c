import type { ResolvedSegment } from "../../spec/calls.ts";
import type { CbEvent, CbRetEvent, RetEvent, TranslateEvent, WarnEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import type { Verdict } from "../monitor.ts";
import { innermost } from "../shared/lookup.ts";
import { hex } from "./segments.ts";

/** Tables that map hooks handed out, by attachment. */
export type Tables = Map<string, CbRetEvent<"map">[]>;

export function noteTable(event: CbRetEvent<"map">, tables: Tables): void {
  if (event.errno !== 0 || event.table === null) return;
  const known = tables.get(event.attachment);
  if (known === undefined) tables.set(event.attachment, [event]);
  else known.push(event);
}

/** Whether a table is handed out, to this attachment or, where it is shared, to another. */
export function isHandedOut(state: State, table: string | null): boolean {
  for (const row of state.attachments.values()) if (row.hookMaps.some((entry) => entry.table === table)) return true;
  return false;
}

/** When a translation ended last, by device and address: what is there now was made later, for somebody else. */
export class Endings {
  private readonly last = new Map<string, number>();

  note({ on, device, address, seq }: TranslateEvent): void {
    if (!on) this.last.set(`${device}@${address}`, seq);
  }

  /** A segment that the device still reaches the mapped storage through, as it has since the map. */
  stillMapped(state: State, device: string, table: CbRetEvent<"map">): ResolvedSegment | undefined {
    return table.segments.find(({ address, storage }) => {
      const key = `${device}@${address}`;
      const isOld = (this.last.get(key) ?? -1) < table.seq;
      return storage !== null && isOld && state.translations.get(key)?.storage === storage;
    });
  }
}

/**
 * Whether an unmap hook is asked for what its map hook made: the table is handed out, and nobody changed it.
 * Otherwise importer or core are at fault, whatever the exporter does with it.
 */
export function isFair(event: CbEvent<"unmap">, state: State): boolean {
  const caller = innermost(state, event.task);
  const altered = caller?.kind === "call" && (caller.op === "unmap" || caller.op === "unmapUnlocked") && caller.altered;
  const row = state.attachments.get(event.attachment);
  return !altered && row?.hookMaps.some(({ table }) => table === event.table) === true;
}

/** Forgets a table that the exporter cannot be judged by any more. */
export function forgetTable(event: CbEvent<"unmap">, tables: Tables): void {
  const known = tables.get(event.attachment);
  if (known !== undefined)
    tables.set(
      event.attachment,
      known.filter(({ table }) => table !== event.table),
    );
}

interface Made {
  readonly map: CbRetEvent<"map">;
  readonly epoch: number;
  /** It was unmapped when the storage had moved since. */
  moved: boolean;
}

/** MAP-36: what each map set up, and what its unmap took down. */
export class Teardowns {
  private readonly made = new Map<string, Made>();
  private readonly endings = new Endings();
  /** Unmap hooks that were asked for something else than their map hook made, by seq. */
  private readonly unfair = new Set<number>();

  begin(event: CbEvent<"unmap">, state: State): void {
    if (isFair(event, state)) return;
    this.unfair.add(event.seq);
    this.made.delete(event.table ?? "");
  }

  noteMap(event: CbRetEvent<"map">, state: State): void {
    if (event.errno !== 0 || event.table === null) return;
    this.made.set(event.table, { map: event, epoch: epochOf(state, event.attachment), moved: false });
  }

  noteUnmap(event: CbRetEvent<"unmap">, state: State): void {
    const made = this.made.get(event.table ?? "");
    if (made !== undefined && epochOf(state, event.attachment) > made.epoch) made.moved = true;
  }

  /** An unmap hook ends a translation. */
  judgeTranslation(event: TranslateEvent, state: State, verdict: Verdict): void {
    this.endings.note(event);
    const hook = innermost(state, event.task);
    if (event.on || hook?.kind !== "cb" || hook.hook !== "unmap" || this.unfair.has(hook.seq)) return;
    const own = this.made.get(hook.table ?? "");
    if (own === undefined || hasAddress(own.map, event.address)) return;
    verdict.exercised();
    for (const { map } of this.made.values()) {
      const row = state.attachments.get(map.attachment);
      if (row?.device !== event.device || !hasAddress(map, event.address)) continue;
      if (row.hookMaps.some(({ table }) => table === map.table))
        verdict.violated(
          `the unmap of ${hook.table ?? "?"} takes down ${hex(event.address)}, which belongs to ${map.table ?? "?"}`,
          map,
          hook,
        );
    }
  }

  /** The machine objects to what an unmap hook does. */
  judgeWarning(event: WarnEvent, state: State, verdict: Verdict): void {
    const hook = innermost(state, event.task);
    if (
      hook?.kind !== "cb" ||
      hook.hook !== "unmap" ||
      this.unfair.has(hook.seq) ||
      !event.text.startsWith("DMA unmap")
    )
      return;
    verdict.exercised();
    verdict.violated(`the unmap of ${hook.table ?? "?"} takes down what no map set up: ${event.text}`, hook);
  }

  judgeDetach(event: RetEvent<"detach">, state: State, verdict: Verdict): void {
    const row = event.attachment === null ? undefined : state.attachments.get(event.attachment);
    if (row?.phase !== "detaching" || event.attachment === null) return;
    for (const { map, moved } of this.made.values()) {
      if (!moved || map.attachment !== event.attachment || isHandedOut(state, map.table)) continue;
      verdict.exercised();
      const left = this.endings.stillMapped(state, row.device, map);
      if (left !== undefined)
        verdict.violated(
          `${map.table ?? "?"} was unmapped after a move, and ${hex(left.address)} of it is still mapped for ${row.device}`,
          map,
        );
    }
  }
}

function hasAddress(map: CbRetEvent<"map">, address: number): boolean {
  return map.segments.some((segment) => address >= segment.address && address < segment.address + segment.length);
}

function epochOf(state: State, attachment: string): number {
  return state.buffers.get(state.attachments.get(attachment)?.buffer ?? "")?.epoch ?? 0;
}
