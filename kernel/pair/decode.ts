import { errnoByName } from "../../spec/errno.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import { eventsOf } from "./history.ts";
import { watcher } from "./compile.ts";
import { sightOf } from "./model.ts";
import { addressOf, importers, places, type PairStep } from "./steps.ts";

/** One line of the module, read. */
export interface Line {
  readonly kind: string;
  /** -1: nobody's task, as the worker that ends files. */
  readonly actor: number;
  /** Place of the step. */
  readonly index: number;
  readonly atomic: boolean;
  /** Of a `p` line: what it tells. */
  readonly word: string;
  readonly numbers: readonly number[];
  readonly text: string;
}

/** What a kernel showed of one program. */
export interface PairRun {
  /** By step, as the model has them. */
  readonly facts: readonly (readonly string[])[];
  readonly sights: readonly (readonly string[])[];
  /** Complaints of the kernel, by their first lines. */
  readonly complaints: readonly string[];
  readonly events: readonly HistoryEvent[];
  /** Null: the lines end before the program does. */
  readonly ending: { readonly lockdep: boolean; readonly stuck: number; readonly late: number } | null;
}

const errnoNames = new Map<number, string>(Object.entries(errnoByName).map(([name, number]) => [number, name]));
/** Where the slots of buffers' own reservation objects begin. */
const firstReservation = 8;
const invalidateHook = "invalidate";

/** Memory of buffers: what a device's page table leads to has a name. */
export class Memories {
  private readonly sizes = new Map<string, number>();
  private readonly bases = new Map<string, number>();

  made(buffer: string, size: number): void {
    this.sizes.set(buffer, size);
  }

  /** The first mapping of a buffer tells where it lies. */
  learn(buffer: string, base: number): void {
    if (!this.bases.has(buffer)) this.bases.set(buffer, base);
  }

  /** The buffer and the byte behind a physical address; of several the newest: memory that is freed is used again. */
  name(physical: number): string {
    const found = [...this.bases].findLast(
      ([name, base]) => physical >= base && physical < base + this.sizes.get(name)!,
    );
    return found === undefined ? "unknown memory" : `${found[0]}+${physical - found[1]}`;
  }

  forget(buffer: string): void {
    this.bases.delete(buffer);
  }
}

/** Reads the lines of one program. Throws an Error for a line that means nothing. */
export function decodePair(steps: readonly PairStep[], lines: readonly string[], hooks: readonly string[]): PairRun {
  const facts: string[][] = steps.map(() => []);
  const sights: string[][] = steps.map(() => []);
  const complaints: string[] = [];
  const read: Line[] = [];
  let ending: PairRun["ending"] = null;
  for (const text of lines) {
    const line = readLine(text);
    if (line.kind === "V") {
      const [, lockdep, , stuck, late] = text.split(" ").slice(1).map(Number);
      ending = { lockdep: lockdep === 1, stuck: stuck!, late: late! };
    } else read.push(line);
  }
  const reader = new FactReader(steps, hooks);
  for (const line of read) {
    if (line.kind === "W") complaints.push(line.text);
    const step = steps[line.index];
    if (step === undefined) {
      // What comes before the first step has to work, and is not told.
      if (line.kind === "k") facts[0]?.push(`not prepared: ${line.text}`);
      continue;
    }
    if (line.actor === watcher) sights[line.index]!.push(...reader.sight(line, step));
    else facts[line.index]!.push(...reader.facts(line));
  }
  steps.forEach(({ op }, index) => {
    if (op === "quit") facts[index]!.sort();
  });
  return { facts, sights, complaints, ending, events: eventsOf(steps, read, hooks) };
}

function readLine(text: string): Line {
  const words = text.split(" ");
  const kind = words[0]!;
  const told = kind === "p";
  return {
    kind,
    actor: Number(words[1]),
    index: Number(words[2]),
    atomic: words[3] === "1",
    word: told ? words[4]! : "",
    numbers: words.slice(told ? 5 : 4).map(Number),
    text: words.slice(4).join(" ").trim(),
  };
}

/** Says in the model's words what a line tells. */
class FactReader {
  private readonly steps: readonly PairStep[];
  private readonly hooks: readonly string[];
  private readonly memories = new Memories();
  /** Who holds which buffer's lock, by actor. */
  private readonly held = new Map<number, Set<number>>();
  private readonly asleep = new Set<number>();
  /** Places of steps that answered 0. */
  private readonly succeeded = new Set<number>();
  /** Imports behind attachments of iommufd's, by their numbers. */
  private readonly others = new Map<number, string>();
  /** Buffers of recorders, by slot. */
  private readonly recorders = new Map<number, string>();

  constructor(steps: readonly PairStep[], hooks: readonly string[]) {
    this.steps = steps;
    this.hooks = hooks;
    for (const step of steps) {
      if (step.op === "export") this.memories.made(step.buffer, step.pages * 4096);
      if (step.op === "attach") this.recorders.set(Number(step.attachment.slice(1)) - 1, step.buffer);
    }
  }

  facts(line: Line): readonly string[] {
    const { kind, actor, numbers, text } = line;
    const [first = -1, second = 0, third = 0] = numbers;
    switch (kind) {
      case "L":
        this.locks(actor).add(first);
        return [`lock ${lockName(first)}`];
      case "U":
        this.locks(actor).delete(first);
        return [`unlock ${lockName(first)}`];
      case "B":
        // Devices come and go by waiting for other things.
        if (first !== 0) {
          this.asleep.add(actor);
          return [];
        }
        return [`blocked ${lockName(second)}`];
      case "R":
        return this.asleep.delete(actor) ? [] : ["resumed"];
      case "r":
        if (first === 0) this.succeeded.add(line.index);
        return [first === 0 ? "ok" : (errnoNames.get(first) ?? `errno ${first}`)];
      case "k":
        return [`not carried out: ${text}`];
      case "h":
        return this.hooks[first] === invalidateHook ? [this.told(actor, second)] : [`hook ${this.hooks[first]}`];
      case "p":
        return this.trace(line, [first, second, third]);
      default:
        return [];
    }
  }

  /** What a device of the importer sees, place by place. */
  sight({ kind, numbers, word }: Line, step: PairStep): readonly string[] {
    if (kind !== "p" || word !== "seen") return [];
    const importer = this.ownerOf(numbers[0]!, step);
    return Array.from({ length: places }, (_, place) => {
      const physical = numbers[1 + place]!;
      return sightOf(importer, addressOf(place), physical === 0 ? "nothing" : this.memories.name(physical));
    });
  }

  private trace({ word, index }: Line, [first, second, third]: readonly [number, number, number]): readonly string[] {
    switch (word) {
      case "get":
      case "put":
        return [`${word} ${bufferName(first)}`];
      case "attach": {
        const step = this.steps[index];
        if (step?.op === "import") this.others.set(first, step.import);
        return [`attach ${bufferName(second)}`];
      }
      case "detach":
        return [`detach ${bufferName(second)}`];
      case "guard": {
        // Taken anywhere else it is no callback's.
        const { op } = this.steps[index]!;
        return op === "revoke" || op === "unrevoke" ? [`told ${this.others.get(first) ?? "nobody known"}`] : [];
      }
      case "told":
        return ["invalidated"];
      case "released":
        this.memories.forget(bufferName(first));
        return [`released ${bufferName(first)}`];
      case "on": {
        const step = this.steps[index]!;
        if (step.op === "import") this.memories.learn(step.buffer, second - step.start);
        else this.learnAt(index, first, second);
        return [`on ${first} ${this.memories.name(second)} ${third}`];
      }
      case "off":
        return [`off ${first} ${third}`];
      default:
        throw new Error(`the module tells of "${word}", which means nothing`);
    }
  }

  /** A domain is filled: the range at an address is the last import there that the importer of the device made. */
  private learnAt(index: number, address: number, physical: number): void {
    const plug = this.steps[index]!;
    if (plug.op !== "plug") return;
    const made = this.steps.findLast(
      (step, at) =>
        at < index &&
        this.succeeded.has(at) &&
        step.op === "import" &&
        step.importer === plug.importer &&
        addressOf(step.place) === address,
    );
    if (made?.op === "import") this.memories.learn(made.buffer, physical - made.start);
  }

  private told(actor: number, slot: number): string {
    const buffer = Number((this.recorders.get(slot) ?? "b0").slice(1)) - 1;
    const has = this.locks(actor).has(firstReservation + buffer);
    return `told a${slot + 1}${has ? "" : " without the lock"}`;
  }

  /** Whose space the device was plugged into, as of a step. */
  private ownerOf(device: number, step: PairStep): string {
    const before = this.steps.slice(0, this.steps.indexOf(step) + 1);
    const plug = before.findLast((entry) => entry.op === "plug" && entry.device === `d${device + 1}`);
    return plug?.op === "plug" ? plug.importer : importers[0];
  }

  private locks(actor: number): Set<number> {
    let held = this.held.get(actor);
    if (held === undefined) this.held.set(actor, (held = new Set()));
    return held;
  }
}

/** Names behind slots. */
export const bufferName = (slot: number) => `b${slot + 1}`;
export const lockName = (slot: number) => bufferName(slot - firstReservation);
