import type { ResolvedSegment } from "../../spec/calls.ts";
import type { Step } from "../../spec/program.ts";
import { pageSize, type Direction } from "../../spec/roles/handles.ts";
import { importerOfAttachment } from "./buffer-calls.ts";
import { accessKinds, directions } from "./encode-step.ts";
import type { Slots } from "./slots.ts";

interface Translation {
  readonly device: number;
  readonly address: number;
  readonly length: number;
  readonly storage: number;
  readonly offset: number;
}

interface LiveMapping {
  readonly attachment: string;
  readonly direction: Direction;
  readonly table: number;
}

/** What the lines tell of buffers and of the memory behind them. */
export class Memory {
  private readonly slots: Slots;
  private readonly translations: Translation[] = [];
  /** Live mappings by name. */
  private readonly live = new Map<string, LiveMapping>();
  private exporting = "";

  constructor(slots: Slots) {
    this.slots = slots;
  }

  buffer(slot: number): string | null {
    return this.slots.name("buffer", slot) ?? null;
  }

  exporterOf(slot: number): string {
    const name = this.buffer(slot);
    return this.slots.setup.buffers.find((entry) => entry.name === name)?.exporter ?? "program";
  }

  attachment(slot: number): { readonly attachment: string; readonly importer: string; readonly exporter: string } {
    const attachment = this.slots.name("attachment", slot) ?? `attachment${slot}`;
    const buffer = this.slots.made("attachment", attachment)?.buffer ?? null;
    const exporter = this.slots.setup.buffers.find((entry) => entry.name === buffer)?.exporter ?? "program";
    return { attachment, importer: importerOfAttachment(attachment, this.slots), exporter };
  }

  tableName(id: number): string | null {
    return id < 0 ? null : `table${id + 1}`;
  }

  /** A map has answered: its mapping lives. */
  mapped(step: Step<"map" | "mapUnlocked">, errno: number, table: number): void {
    if (errno === 0 && step.attachment !== null)
      this.live.set(step.mapping, { attachment: step.attachment, direction: step.direction, table });
  }

  /** Which mapping an unmap ends: of a table that was handed out more than once, the oldest in that direction. */
  unmapped(name: string): string {
    const named = this.live.get(name);
    if (named === undefined) return name;
    const same = [...this.live].filter(
      ([, { table, attachment }]) => table === named.table && attachment === named.attachment,
    );
    const [oldest] = same.find(([, { direction }]) => direction === named.direction) ?? same[0]!;
    this.live.delete(oldest);
    return oldest;
  }

  /** What the importer unmaps in its callback. */
  unmapArgs(slot: number, directionNumber: number) {
    const mapping = this.slots.name("mapping", slot) ?? `mapping${slot}`;
    const { attachment = null } = this.live.get(mapping) ?? {};
    const direction = directions[directionNumber] ?? "bidirectional";
    this.live.delete(mapping);
    return { by: importerOfAttachment(attachment, this.slots), attachment, mapping, direction, altered: false };
  }

  /** The reservation object of a buffer that was just exported. */
  exported(): { readonly resv: string | null } {
    return { resv: this.exporting === "" ? null : this.exporting };
  }

  /** Before the answer of an export is read: which buffer it is. */
  exports(step: Step, errno: number): void {
    if (step.op !== "export") return;
    const { resv } = this.slots.setup.buffers.find((entry) => entry.name === step.buffer)!;
    this.exporting = resv ?? (errno === 0 ? `${step.buffer}.resv` : "");
  }

  /** A table as a map's answer carries it: its id, then address and length of each segment. */
  table(
    attachment: string | null,
    [id = -1, ...pairs]: readonly number[],
  ): {
    readonly table: string | null;
    readonly segments: readonly ResolvedSegment[];
  } {
    const device = this.deviceOf(attachment);
    const segments: ResolvedSegment[] = [];
    for (let at = 0; at + 1 < pairs.length; at += 2) segments.push(this.resolve(device, pairs[at]!, pairs[at + 1]!));
    return { table: this.tableName(id), segments };
  }

  /** An event about memory, devices or the list of attachments. */
  event(kind: "a" | "f" | "e" | "t" | "A" | "l" | "g" | "C", numbers: readonly number[]): object {
    const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0, sixth = 0] = numbers;
    switch (kind) {
      case "a":
        return {
          kind: "alloc",
          what: "storage",
          id: storageName(first),
          by: this.exporterOf(second),
          placement: "system",
          errno: 0,
        };
      case "f":
        return { kind: "free", what: "storage", id: storageName(first), by: this.exporterOf(second) };
      case "e":
        return {
          kind: "epoch",
          buffer: this.buffer(first),
          change: third === 1 ? "move" : "export",
          storage: storageName(second),
        };
      case "t":
        return this.translate(second === 1, {
          device: first,
          address: third,
          length: fourth,
          storage: fifth,
          offset: sixth,
        });
      case "A":
        return this.access(first, second, third, fourth);
      case "g":
        return {
          kind: "page",
          buffer: this.slots.made("view", this.view(first))?.buffer ?? "",
          view: this.view(first),
          on: second === 1,
          page: third,
          count: fourth,
          storage: second === 1 ? storageName(fifth) : null,
          offset: sixth,
        };
      case "C":
        return this.cpu(first, second, third, fourth === 1 ? fifth : null, sixth);
      case "l":
        return { kind: "list", attachment: this.attachment(first).attachment, listed: second === 1 };
    }
  }

  private translate(on: boolean, translation: Translation): object {
    const { device, address, length, storage, offset } = translation;
    if (on) this.translations.push(translation);
    else {
      const index = this.translations.findIndex(
        (entry) => entry.device === device && entry.address === address && entry.length === length,
      );
      if (index >= 0) this.translations.splice(index, 1);
    }
    const name = this.slots.setup.devices[device]?.name ?? `device${device}`;
    return { kind: "translate", device: name, on, address, length, storage: storageName(storage), offset };
  }

  /** `seen`: what memory of an exporter of the kernel's own said of itself, 0 where none was looked at. */
  private access(slot: number, kind: number, address: number, seen: number): object {
    const mapping = this.slots.name("mapping", slot) ?? `mapping${slot}`;
    const attachment = this.slots.made("mapping", mapping)?.attachment ?? "";
    const reached = this.resolve(this.deviceOf(attachment), address, 1).storage;
    const storage = reached !== null && seen > 0 ? storageName(seen) : reached;
    return {
      kind: "access",
      importer: importerOfAttachment(attachment, this.slots),
      attachment,
      mapping,
      job: null,
      access: accessKinds[kind],
      address,
      answer: storage === null ? "fault" : "ok",
      storage,
    };
  }

  private view(slot: number): string {
    return this.slots.name("view", slot) ?? `view${slot}`;
  }

  /**
   * What the CPU found: the number that memory is filled with is that of its storage, and for exporters of the kernel's own
   * that of the page, from 1; 0 where there is one page behind all.
   */
  private cpu(slot: number, kind: number, byte: number, seen: number | null, page: number): object {
    const made = this.slots.made("view", this.view(slot));
    const offset = byte + (made !== undefined && "offset" in made ? made.offset * pageSize : 0);
    return {
      kind: "cpu",
      by: "program",
      buffer: made?.buffer ?? "",
      view: this.view(slot),
      access: accessKinds[kind],
      offset,
      io: false,
      answer: seen === null ? "sigbus" : "ok",
      storage: seen === null ? null : storageName(seen),
      storageOffset: seen === null ? 0 : page > 0 ? (page - 1) * pageSize + (offset % pageSize) : offset,
    };
  }

  private deviceOf(attachment: string | null): number {
    const importer = importerOfAttachment(attachment, this.slots);
    const device = this.slots.setup.importers.find((entry) => entry.name === importer)?.device;
    return this.slots.setup.devices.findIndex((entry) => entry.name === device);
  }

  private resolve(device: number, address: number, length: number): ResolvedSegment {
    const found = this.translations.find(
      (entry) => entry.device === device && address >= entry.address && address < entry.address + entry.length,
    );
    return {
      address,
      length,
      storage: found === undefined ? null : storageName(found.storage),
      offset: found === undefined ? 0 : found.offset + (address - found.address),
    };
  }
}

function storageName(number: number): string {
  return `storage${number}`;
}
