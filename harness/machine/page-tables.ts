import { ENOMEM } from "../../spec/errno.ts";
import { pageSize, type Storage } from "../../spec/roles/handles.ts";
import type { AccessKind, PageTable, PageTarget } from "../../spec/roles/env.ts";
import type { AddressSpace, MmPage } from "../../spec/roles/spaces.ts";
import type { World } from "../world.ts";

interface Entry {
  readonly target: PageTarget;
  readonly write: boolean;
}

/** A device's own page table. */
class HarnessPageTable implements PageTable {
  readonly name: string;
  /** The space whose page table the device walks itself; null for one that only knows what was installed. */
  walks: AddressSpace | null;
  readonly entries = new Map<number, Entry>();

  constructor(name: string, walks: AddressSpace | null) {
    this.name = name;
    this.walks = walks;
  }
}

class HarnessPage implements MmPage {
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }
}

/** Page tables of devices, the CPU's entries that some of them walk, and pages of ordinary memory. */
export class PageTables {
  private readonly world: World;
  private readonly primaries = new Map<AddressSpace, Map<number, Entry>>();

  constructor(world: World) {
    this.world = world;
  }

  /** A fresh page; null where a failure was asked for. */
  allocatePage(by: string): MmPage | null {
    const { world } = this;
    const id = world.names.next("page", world.scheduler.current.stepId);
    const errno = world.failure("page") === 0 ? 0 : ENOMEM;
    world.recorder.emit({ kind: "alloc", what: "page", id, by, placement: "system", errno });
    return errno === 0 ? new HarnessPage(id) : null;
  }

  create(by: string, walks: AddressSpace | undefined): PageTable {
    const { names, scheduler } = this.world;
    const table = new HarnessPageTable(`${by}.${names.next("pageTable", scheduler.current.stepId)}`, walks ?? null);
    names.bind(table, table.name);
    return table;
  }

  stopWalking(table: PageTable): void {
    (table as HarnessPageTable).walks = null;
  }

  /** What the CPU's page table says of a page, for devices that walk it. */
  setPrimary(space: AddressSpace, page: number, target: MmPage | Storage | null, write: boolean): void {
    let entries = this.primaries.get(space);
    if (entries === undefined) this.primaries.set(space, (entries = new Map()));
    if (target instanceof HarnessPage) entries.set(page, { target: { via: "page", page: target }, write });
    else entries.delete(page);
  }

  install(by: string, table: PageTable, page: number, target: PageTarget, write: boolean): void {
    (table as HarnessPageTable).entries.set(page, { target, write });
    const to = { via: target.via, target: this.behind(target), address: addressOf(target) };
    const args = { table: table.name, page, ...to, write };
    const call = this.world.recorder.emit({ kind: "call", op: "install", by, ...args });
    this.world.recorder.emit({ kind: "ret", op: "install", by, call, errno: 0, ...args });
  }

  zap(by: string, table: PageTable, start: number, pages: number): void {
    const { entries } = table as HarnessPageTable;
    for (const page of entries.keys()) if (page >= start && page < start + pages) entries.delete(page);
    const args = { table: table.name, start, pages };
    const call = this.world.recorder.emit({ kind: "call", op: "zap", by, ...args });
    this.world.recorder.emit({ kind: "ret", op: "zap", by, call, errno: 0, ...args });
  }

  touch(by: string, table: PageTable, page: number, access: AccessKind): "ok" | "fault" {
    const args = { table: table.name, page, access };
    const call = this.world.recorder.emit({ kind: "call", op: "touch", by, ...args });
    const entry = this.find(by, table as HarnessPageTable, page);
    const target = entry === undefined || (access === "write" && !entry.write) ? null : this.behind(entry.target);
    const answer = target === null ? "fault" : "ok";
    this.world.recorder.emit({ kind: "ret", op: "touch", by, call, errno: 0, ...args, answer, target });
    return answer;
  }

  cpuTouch(by: string, target: PageTarget): void {
    const args = { target: this.behind(target) ?? "nothing" };
    const call = this.world.recorder.emit({ kind: "call", op: "cpuTouch", by, ...args });
    this.world.recorder.emit({ kind: "ret", op: "cpuTouch", by, call, errno: 0, ...args });
  }

  /** The entry a device uses: its own, or the CPU's if it walks that one; then it keeps what it found. */
  private find(by: string, table: HarnessPageTable, page: number): Entry | undefined {
    const own = table.entries.get(page);
    if (own !== undefined || table.walks === null) return own;
    const found = this.primaries.get(table.walks)?.get(page);
    if (found !== undefined) this.install(by, table, page, found.target, found.write);
    return found;
  }

  /** What an entry leads to now. */
  private behind(target: PageTarget): string | null {
    switch (target.via) {
      case "page":
        return target.page.id;
      case "address":
        return this.world.translations.resolve(target.device, target.address)?.storage.id ?? null;
      case "physical":
        return target.storage.id;
    }
  }
}

function addressOf(target: PageTarget): number {
  switch (target.via) {
    case "page":
      return 0;
    case "address":
      return target.address;
    case "physical":
      return Math.floor(target.offset / pageSize) * pageSize;
  }
}
