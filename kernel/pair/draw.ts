import { Random } from "../../generators/random.ts";
import { PairModel } from "./model.ts";
import { devices, pageSize, places, recorderOps, type PairOperation, type PairStep } from "./steps.ts";

/** A program, what the model says of each of its steps, and what the devices see after it. */
export interface PairProgram {
  readonly seed: number;
  readonly steps: readonly PairStep[];
  readonly facts: readonly (readonly string[])[];
  readonly sights: readonly (readonly string[])[];
}

const weights: Readonly<Record<PairOperation, number>> = {
  export: 6,
  close: 3,
  put: 3,
  attach: 8,
  detach: 3,
  map: 2,
  import: 18,
  release: 8,
  plug: 8,
  unplug: 4,
  domain: 5,
  undomain: 2,
  quit: 0.3,
  revoke: 9,
  unrevoke: 6,
  work: 4,
  finish: 5,
  lock: 5,
  unlock: 12,
};
const operations = Object.keys(weights) as PairOperation[];

/** Most objects of a kind in a program: what the module and a batch's lines have room for. */
const most = { buffers: 6, recorders: 24, imports: 24, domains: 24, fences: 24 } as const;
/** Domains that a program has at a time, beyond those of devices. */
const atOnce = 3;
const longest = 60;
/** Draws of an operation until none is taken to be possible. */
const patience = 1000;

type Unnamed = PairStep extends infer S ? (S extends PairStep ? Omit<S, "id"> : never) : never;

/** Draws a program step by step; each is one that the model can carry out when its turn comes. */
export function drawPair(seed: number): PairProgram {
  return follow(seed, (random, drawer) => drawer.next(random));
}

/** The facts of a program that is there. */
export function replayPair(steps: readonly PairStep[]): PairProgram {
  let at = 0;
  return follow(0, () => steps[at++] ?? null, steps.length);
}

function follow(
  seed: number,
  choose: (random: Random, drawer: Drawer) => Unnamed | PairStep | null,
  length?: number,
): PairProgram {
  const random = new Random(seed);
  const drawer = new Drawer();
  const wanted = length ?? random.logarithmic(5, longest);
  const steps: PairStep[] = [];
  const facts: (readonly string[])[] = [];
  const sights: (readonly string[])[] = [];
  for (let choosing = true; ;) {
    const chosen: Unnamed | PairStep | null = choosing && steps.length < wanted ? choose(random, drawer) : null;
    choosing &&= chosen !== null;
    // What is left is given back, so that every buffer comes to its end.
    const step = chosen ?? (length === undefined ? drawer.last() : null);
    if (step === null) break;
    const named = { id: `s${steps.length + 1}`, ...step } as PairStep;
    steps.push(named);
    facts.push(drawer.model.step(named));
    sights.push(drawer.model.sight());
  }
  return { seed, steps, facts, sights };
}

/** Picks steps by what the model's state allows. */
class Drawer {
  readonly model = new PairModel();
  private recorders = 0;
  private imports = 0;
  private domains = 0;
  private fences = 0;
  /** Imports that succeeded, or seem to have, with their importer and place. */
  private readonly made = new Map<string, { readonly importer: string; readonly place: number }>();

  /** The next step, or null where nothing can be done any more, or hardly anything. */
  next(random: Random): Unnamed | null {
    for (let tries = 0; tries < patience; tries += 1) {
      const op = this.model.buffers.size === 0 ? "export" : this.pick(random);
      const step = this.make(op, random);
      if (step !== null) return step;
    }
    return null;
  }

  /** A step on the way to nothing being left, or null. */
  last(): Unnamed | null {
    const { model } = this;
    const held = this.held();
    if (held !== undefined) return { op: "unlock", buffer: held };
    const [fence] = model.working.keys();
    if (fence !== undefined) return { op: "finish", fence };
    const recorder = model.listed.find(({ kind }) => kind === "recorder");
    if (recorder !== undefined) return { op: "detach", attachment: recorder.name };
    const [importer] = model.files;
    if (importer !== undefined) return { op: "quit", importer };
    for (const { name, descriptor, referenced } of model.buffers.values()) {
      if (descriptor) return { op: "close", buffer: name };
      if (referenced) return { op: "put", buffer: name };
    }
    return null;
  }

  private pick(random: Random): PairOperation {
    let left = random.below(operations.reduce((sum, op) => sum + weights[op] * 10, 0));
    return operations.find((op) => (left -= weights[op] * 10) < 0)!;
  }

  /** A step of this operation, or null where there is none now. */
  private make(op: PairOperation, random: Random): Unnamed | null {
    const { model } = this;
    const held = this.held();
    if (op === "unlock") return held === undefined ? null : { op, buffer: held };
    // Who waits waits for the lock that t2 has.
    if (model.isWaiting) return null;
    const live = [...model.buffers.values()].filter(({ released }) => !released);
    const pick = <T>(items: readonly T[]): T | undefined => (items.length === 0 ? undefined : random.pick(items));
    switch (op) {
      case "export":
        if (model.buffers.size === most.buffers) return null;
        return { op, buffer: `b${model.buffers.size + 1}`, pages: random.between(1, 8) };
      case "close": {
        const name = pick(live.filter(({ descriptor, name }) => descriptor && name !== held))?.name;
        return name === undefined ? null : { op, buffer: name };
      }
      case "put": {
        const unused = live.filter(({ referenced, name }) => referenced && name !== held && !this.isUsed(name));
        const name = pick(unused)?.name;
        return name === undefined ? null : { op, buffer: name };
      }
      case "attach": {
        const name = pick(live.filter(({ referenced }) => referenced))?.name;
        if (name === undefined || this.recorders === most.recorders) return null;
        this.recorders += 1;
        const ops = random.chance(0.7) ? "callback" : random.pick(recorderOps);
        return { op, attachment: `a${this.recorders}`, buffer: name, ops };
      }
      case "detach":
      case "map": {
        const name = pick(model.listed.filter(({ kind }) => kind === "recorder"))?.name;
        return name === undefined ? null : { op, attachment: name };
      }
      case "import":
        return this.import(random, live);
      case "release":
        return this.release(random);
      case "plug": {
        const importer = pick([...model.files]);
        const device = devices.find((name) => !model.plugged.has(name));
        return importer === undefined || device === undefined ? null : { op, device, importer };
      }
      case "unplug": {
        const device = pick([...model.plugged.keys()]);
        return device === undefined ? null : { op, device };
      }
      case "domain": {
        const device = pick([...model.plugged.keys()]);
        if (device === undefined || model.domains.size === atOnce || this.domains === most.domains) return null;
        this.domains += 1;
        return { op, domain: `h${this.domains}`, device };
      }
      case "undomain": {
        const domain = pick([...model.domains.keys()]);
        return domain === undefined ? null : { op, domain };
      }
      case "quit": {
        // The order in which a file's objects end is nobody's promise, and who waits for whom follows from it.
        const importer = pick([...model.files]);
        return importer === undefined || held !== undefined ? null : { op, importer };
      }
      case "revoke":
      case "unrevoke": {
        const name = pick(live.filter(({ descriptor }) => descriptor))?.name;
        return name === undefined ? null : { op, buffer: name };
      }
      case "work": {
        const name = pick(live.filter(({ referenced }) => referenced))?.name;
        if (name === undefined || held !== undefined || this.fences === most.fences) return null;
        this.fences += 1;
        return { op, fence: `f${this.fences}`, buffer: name };
      }
      case "finish": {
        const fence = pick([...model.working.keys()]);
        return fence === undefined ? null : { op, fence };
      }
      case "lock": {
        const name = pick(live.filter(({ referenced }) => referenced))?.name;
        return name === undefined || held !== undefined ? null : { op, buffer: name };
      }
    }
  }

  private import(random: Random, live: readonly { readonly name: string; readonly size: number }[]): Unnamed | null {
    const { model } = this;
    const open = live.filter(({ name }) => model.buffers.get(name)!.descriptor);
    if (open.length === 0 || model.files.size === 0 || this.imports === most.imports) return null;
    const { name: buffer, size } = random.pick(open);
    const importer = random.pick([...model.files]);
    const pages = size / pageSize;
    const first = random.chance(0.6) ? 0 : random.below(pages);
    const wrong = random.chance(0.12) ? random.pick(["closed", "empty", "beyond"] as const) : "nothing";
    const count = wrong === "empty" ? 0 : wrong === "beyond" ? pages - first + 1 : random.between(1, pages - first);
    this.imports += 1;
    const name = `m${this.imports}`;
    const taken = new Set(model.areas(importer).map(({ place }) => place));
    const free = Array.from({ length: places }, (_, place) => place).filter((place) => !taken.has(place));
    const place = free.length > 0 && random.chance(0.85) ? random.pick(free) : random.below(places);
    this.made.set(name, { importer, place });
    return {
      op: "import",
      import: name,
      importer,
      buffer,
      start: first * pageSize,
      length: count * pageSize,
      place,
      closed: wrong === "closed",
    };
  }

  /** What is there, or now and then once more what was. */
  private release(random: Random): Unnamed | null {
    const { model } = this;
    const there = model.listed.filter(({ kind }) => kind === "area").map(({ name }) => name);
    if (there.length > 0 && random.chance(0.9)) return { op: "release", import: random.pick(there) };
    const gone = [...this.made].filter(
      ([, { importer, place }]) =>
        model.files.has(importer) && !model.areas(importer).some((area) => area.place === place),
    );
    return gone.length === 0 ? null : { op: "release", import: random.pick(gone)[0] };
  }

  private held(): string | undefined {
    return [...this.model.buffers.values()].find(({ holder }) => holder !== null)?.name;
  }

  /** Whether the program has to keep its reference. */
  private isUsed(buffer: string): boolean {
    const { listed, working } = this.model;
    if ([...working.values()].includes(buffer)) return true;
    return listed.some((entry) => entry.kind === "recorder" && entry.buffer === buffer);
  }
}
