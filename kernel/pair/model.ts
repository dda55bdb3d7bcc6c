import { addressOf, importers, pageSize, places, taskOf, type PairStep, type RecorderOps } from "./steps.ts";

/** A buffer of the tree's test exporter: `struct iommufd_test_dma_buf`. */
interface Buffer {
  readonly name: string;
  readonly size: number;
  descriptor: boolean;
  /** The program's own reference. */
  referenced: boolean;
  revoked: boolean;
  holder: "t2" | null;
  released: boolean;
}

/** Who is on the list of a buffer: a recorder of the module, or an import of iommufd (`struct iopt_pages`). */
type Listed =
  { readonly kind: "recorder"; readonly name: string; readonly buffer: string; readonly ops: RecorderOps } | Area;

/** Part of a buffer in an address space: `struct iopt_area` and the pages behind it. */
interface Area {
  readonly kind: "area";
  readonly name: string;
  readonly buffer: string;
  readonly importer: string;
  readonly start: number;
  readonly length: number;
  readonly place: number;
  /** False once an invalidate has taken the range away: for good, whatever the exporter says later. */
  alive: boolean;
}

/** A request that is carried out until it needs a lock: the buffer whose lock that is. */
type Running = Generator<string, void, void>;

/**
 * What the tree's test exporter and iommufd do, after `selftest.c`, `pages.c` and `io_pagetable.c` of
 * `drivers/iommu/iommufd` as of 7.3. Each step comes to a list of facts, in order, which a kernel has to show exactly.
 */
export class PairModel {
  readonly buffers = new Map<string, Buffer>();
  /** Newest first, as the kernel walks its list. */
  listed: Listed[] = [];
  readonly files = new Set<string>(importers);
  /** Devices by name, with their importer. */
  readonly plugged = new Map<string, string>();
  /** Domains beyond the one that devices are in, with their importer. */
  readonly domains = new Map<string, string>();
  /** Pending fences, with the buffer in whose reservation they are. Nobody of the pair waits for them. */
  readonly working = new Map<string, string>();
  /** The step of t1 that waits for a lock. */
  private waiting: { readonly running: Running; readonly facts: string[] } | null = null;
  private leaving: string[] = [];

  get isWaiting(): boolean {
    return this.waiting !== null;
  }

  /** Carries a step out. The facts of a step that waits grow when it goes on. */
  step(step: PairStep): string[] {
    const facts: string[] = [];
    this.leaving = [];
    if (taskOf(step) === "t2") this.second(step, facts);
    else this.proceed(this.run(step, facts), facts);
    for (const name of this.leaving) facts.push(`released ${name}`);
    // Ends of objects come in no order that a user could rely on.
    if (step.op === "quit") facts.sort();
    return facts;
  }

  /** What a device of each address space sees at every place of it, where there is a device. */
  sight(): readonly string[] {
    return importers.flatMap((importer) => {
      if (!this.isPlugged(importer)) return [];
      const areas = this.areas(importer).filter(({ alive }) => alive);
      return Array.from({ length: places }, (_, place) => {
        const area = areas.find((entry) => entry.place === place);
        return sightOf(importer, addressOf(place), area === undefined ? "nothing" : `${area.buffer}+${area.start}`);
      });
    });
  }

  areas(importer: string): readonly Area[] {
    const found = this.listed.filter((entry): entry is Area => entry.kind === "area" && entry.importer === importer);
    return found.toSorted((first, second) => first.place - second.place);
  }

  isPlugged(importer: string): boolean {
    return [...this.plugged.values()].includes(importer);
  }

  /** Page tables of the importer's space. */
  private tables(importer: string): number {
    const more = [...this.domains.values()].filter((owner) => owner === importer).length;
    return more + (this.isPlugged(importer) ? 1 : 0);
  }

  private second(step: PairStep, facts: string[]): void {
    if (step.op === "work") {
      this.working.set(step.fence, step.buffer);
      facts.push(`lock ${step.buffer}`, "ok", "ok", "ok", `unlock ${step.buffer}`);
    }
    if (step.op === "finish") {
      this.working.delete(step.fence);
      facts.push(`signals ${step.fence}`, "ok", "ok");
    }
    if (step.op !== "lock" && step.op !== "unlock") return;
    const buffer = this.buffers.get(step.buffer)!;
    facts.push(`${step.op} ${step.buffer}`);
    buffer.holder = step.op === "lock" ? "t2" : null;
    if (step.op === "lock" || this.waiting === null) return;
    const { running, facts: waiting } = this.waiting;
    this.waiting = null;
    waiting.push("resumed");
    this.proceed(running, waiting);
  }

  private proceed(running: Running, facts: string[]): void {
    for (;;) {
      const { done, value } = running.next();
      if (done === true) return;
      if (this.buffers.get(value)?.holder === "t2") {
        facts.push(`blocked ${value}`);
        this.waiting = { running, facts };
        return;
      }
    }
  }

  private *run(step: PairStep, facts: string[]): Running {
    switch (step.op) {
      case "export":
        this.buffers.set(step.buffer, {
          name: step.buffer,
          size: step.pages * pageSize,
          descriptor: true,
          referenced: true,
          revoked: false,
          holder: null,
          released: false,
        });
        break;
      case "close":
        this.buffers.get(step.buffer)!.descriptor = false;
        facts.push("ok");
        return this.drop(step.buffer);
      case "put":
        this.buffers.get(step.buffer)!.referenced = false;
        facts.push(`put ${step.buffer}`, "ok");
        return this.drop(step.buffer);
      case "attach": {
        yield* this.hold(step.buffer, facts);
        const { attachment: name, buffer, ops } = step;
        this.listed.unshift({ kind: "recorder", name, buffer, ops });
        break;
      }
      case "detach": {
        const entry = this.listed.find(({ name }) => name === step.attachment)!;
        yield* this.hold(entry.buffer, facts);
        this.listed = this.listed.filter((other) => other !== entry);
        break;
      }
      case "map":
        // Nobody but iommufd is given addresses.
        yield* this.hold(this.listed.find(({ name }) => name === step.attachment)!.buffer, facts);
        facts.push("EOPNOTSUPP");
        return;
      case "import":
        return yield* this.import(step, facts);
      case "release":
        return yield* this.release(step.import, facts);
      case "plug":
        // The first device brings the domain, and the domain is filled.
        if (!this.isPlugged(step.importer)) this.fill(step.importer, facts);
        this.plugged.set(step.device, step.importer);
        break;
      case "unplug": {
        const importer = this.plugged.get(step.device)!;
        this.plugged.delete(step.device);
        if (!this.isPlugged(importer)) this.empty(importer, facts);
        break;
      }
      case "domain": {
        const importer = this.plugged.get(step.device)!;
        this.fill(importer, facts);
        this.domains.set(step.domain, importer);
        break;
      }
      case "undomain": {
        const importer = this.domains.get(step.domain)!;
        this.domains.delete(step.domain);
        this.empty(importer, facts);
        break;
      }
      case "quit":
        this.quit(step.importer, facts);
        break;
      case "revoke":
      case "unrevoke":
        return yield* this.revoke(step.buffer, step.op === "revoke", facts);
      case "work":
      case "finish":
      case "lock":
      case "unlock":
        return;
    }
    facts.push("ok");
  }

  /** One hold of the lock by the core or by iommufd in which nothing of interest happens. */
  private *hold(buffer: string, facts: string[]): Running {
    yield buffer;
    facts.push(`lock ${buffer}`, `unlock ${buffer}`);
  }

  /** `iopt_map_file_pages`. */
  private *import(step: Extract<PairStep, { readonly op: "import" }>, facts: string[]): Running {
    const { import: name, importer, buffer: bufferName, start, length, place } = step;
    if (length === 0) return void facts.push("EINVAL");
    if (step.closed) return void facts.push("EBADF");
    const buffer = this.buffers.get(bufferName)!;
    facts.push(`get ${bufferName}`);
    if (buffer.size <= start + length - 1) return void facts.push(`put ${bufferName}`, "EINVAL");
    // iopt_map_dmabuf: attach, then pin and query in one hold of the lock.
    yield* this.hold(bufferName, facts);
    facts.push(`attach ${bufferName}`);
    yield* this.hold(bufferName, facts);
    if (buffer.revoked) {
      yield* this.leave(bufferName, facts);
      return void facts.push("ENODEV");
    }
    if (this.areas(importer).some((area) => area.place === place)) {
      // iopt_release_pages: one hold for the pin.
      yield* this.hold(bufferName, facts);
      yield* this.leave(bufferName, facts);
      return void facts.push("EEXIST");
    }
    this.listed.unshift({ kind: "area", name, buffer: bufferName, importer, start, length, place, alive: true });
    for (let table = 0; table < this.tables(importer); table += 1)
      facts.push(`on ${addressOf(place)} ${bufferName}+${start} ${length}`);
    facts.push("ok");
  }

  /** `dma_buf_detach` and `dma_buf_put` of what iommufd has. */
  private *leave(buffer: string, facts: string[]): Running {
    yield* this.hold(buffer, facts);
    facts.push(`detach ${buffer}`, `put ${buffer}`);
  }

  /** `iopt_unmap_iova`. */
  private *release(name: string, facts: string[]): Running {
    const area = this.listed.find((entry): entry is Area => entry.kind === "area" && entry.name === name);
    if (area === undefined) return void facts.push("ENOENT");
    this.takeDown(area, this.tables(area.importer), facts);
    this.listed = this.listed.filter((entry) => entry !== area);
    yield* this.hold(area.buffer, facts);
    yield* this.leave(area.buffer, facts);
    facts.push("ok");
    this.drop(area.buffer);
  }

  /** `iopt_fill_domain`: what was revoked meanwhile stays a hole. */
  private fill(importer: string, facts: string[]): void {
    for (const { alive, place, buffer, start, length } of this.areas(importer))
      if (alive) facts.push(`on ${addressOf(place)} ${buffer}+${start} ${length}`);
  }

  /** `iopt_unfill_domain`. */
  private empty(importer: string, facts: string[]): void {
    for (const area of this.areas(importer)) this.takeDown(area, 1, facts);
  }

  private takeDown(area: Area, tables: number, facts: string[]): void {
    for (let table = 0; area.alive && table < tables; table += 1) facts.push(off(area));
  }

  /** `iommufd_fops_release`. */
  private quit(importer: string, facts: string[]): void {
    const tables = this.tables(importer);
    for (const [domain, owner] of this.domains) if (owner === importer) this.domains.delete(domain);
    for (const [device, owner] of this.plugged) if (owner === importer) this.plugged.delete(device);
    const areas = this.areas(importer);
    this.listed = this.listed.filter((entry) => entry.kind !== "area" || entry.importer !== importer);
    this.files.delete(importer);
    for (const area of areas) {
      this.takeDown(area, tables, facts);
      const hold = [`lock ${area.buffer}`, `unlock ${area.buffer}`];
      facts.push(...hold, ...hold);
      facts.push(`detach ${area.buffer}`, `put ${area.buffer}`);
      this.drop(area.buffer);
    }
  }

  /** `iommufd_test_dmabuf_revoke`: everybody is told each time, also of the way back, and nobody is waited for. */
  private *revoke(name: string, revoked: boolean, facts: string[]): Running {
    const buffer = this.buffers.get(name)!;
    facts.push(`get ${name}`);
    yield name;
    facts.push(`lock ${name}`);
    buffer.revoked = revoked;
    for (const entry of this.listed) {
      if (entry.buffer !== name) continue;
      if (entry.kind === "area" || entry.ops === "callback") facts.push(`told ${entry.name}`);
      if (entry.kind === "area" && entry.alive) {
        this.takeDown(entry, this.tables(entry.importer), facts);
        entry.alive = false;
      }
    }
    facts.push("invalidated", `unlock ${name}`, `put ${name}`, "ok");
  }

  private drop(name: string): void {
    const buffer = this.buffers.get(name)!;
    const used = this.listed.some((entry) => entry.kind === "area" && entry.buffer === name);
    if (buffer.descriptor || buffer.referenced || used || buffer.released) return;
    buffer.released = true;
    this.leaving.push(name);
  }
}

function off({ place, length }: Area): string {
  return `off ${addressOf(place)} ${length}`;
}

/** What a device sees at an address, as a fact. */
export function sightOf(importer: string, address: number, what: string): string {
  return `${importer} at ${address}: ${what}`;
}
