import { errnoByName } from "../../spec/errno.ts";
import { bufferName, fenceName, firstReservation, lockName, type Line } from "./line.ts";
import { Memories } from "./memories.ts";
import { sightOf } from "./model.ts";
import { addressOf, importerOf, importers, pageSize, places, type PairStep } from "./steps.ts";

const errnoNames = new Map<number, string>(Object.entries(errnoByName).map(([name, number]) => [number, name]));
const invalidateHook = "invalidate";

/** Says in the model's words what a line tells. */
export class FactReader {
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
      if (step.op === "export") this.memories.made(step.buffer, step.pages * pageSize);
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
      case "S":
        return [`signals ${fenceName(first)}`];
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
    const importer = importerOf(this.steps, this.steps[index]!);
    const made = this.steps.findLast(
      (step, at) =>
        at < index &&
        this.succeeded.has(at) &&
        step.op === "import" &&
        step.importer === importer &&
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
