import { countOf, lengthOf, slotsOf } from "../../spec/scopes/layout.ts";
import type { Scope, Scratch } from "../../spec/scopes/scope.ts";
import { permutations } from "./permutations.ts";

/** Namings a scope may have: beyond that the tables below would be large and ties slow. */
const mostNamings = 5040;

/** One id type of a scope. */
export interface IdType {
  readonly name: string;
  readonly count: number;
  /** All orders of its ids, from old to new. */
  readonly orders: readonly Uint8Array[];
  /** What one step of this type adds to the number of a naming. */
  readonly stride: number;
}

/**
 * All namings of the ids of a scope: the product of the orders of each id type, numbered from 0, which changes nothing.
 * References and sets are mapped along.
 */
export class Symmetry {
  readonly types: readonly IdType[];
  /** How many namings there are. */
  readonly order: number;
  private readonly length: number;
  /** For each naming and slot, the slot its value goes to. */
  private readonly slotTo: Int32Array;
  /** For each slot, where the map of its values begins within a naming; -1 where values stay. */
  private readonly valueBase: Int32Array;
  private readonly valueTo: Int32Array;
  private readonly valuesPerNaming: number;

  constructor(scope: Scope) {
    let order = 1;
    this.types = Object.entries(scope.ids).map(([name, count]) => {
      const orders = permutations(count);
      const type = { name, count, orders, stride: order };
      order *= orders.length;
      if (order > mostNamings)
        throw new RangeError(`scope ${scope.name}: its ids have more than ${mostNamings} namings; give it fewer ids`);
      return type;
    });
    this.order = order;
    const fields = Object.values(scope.fields);
    this.length = lengthOf(scope);
    this.slotTo = new Int32Array(order * this.length);
    this.valueBase = new Int32Array(this.length).fill(-1);

    const bases = new Map<string, number>();
    let values = 0;
    for (const { size, value } of fields) {
      if (value === "plain" || bases.has(keyOf(value))) continue;
      bases.set(keyOf(value), values);
      values += size;
    }
    this.valuesPerNaming = values;
    this.valueTo = new Int32Array(order * values);
    for (let naming = 0; naming < order; naming += 1) {
      for (const { value } of fields)
        if (value !== "plain") this.mapValues(naming, bases.get(keyOf(value))!, value, scope);
    }

    let first = 0;
    for (const field of fields) {
      const slots = slotsOf(field, scope.ids);
      for (let naming = 0; naming < order; naming += 1)
        for (let slot = 0; slot < slots; slot += 1)
          this.slotTo[naming * this.length + first + slot] = first + this.movedSlot(naming, field.of, slot);
      if (field.value !== "plain") this.valueBase.fill(bases.get(keyOf(field.value))!, first, first + slots);
      first += slots;
    }
  }

  /** The id that this id of a type becomes. */
  moved(naming: number, type: IdType, id: number): number {
    return this.orderOf(naming, type)[id]!;
  }

  /** What a naming does to the ids of one type. */
  orderOf(naming: number, { orders, stride }: IdType): Uint8Array {
    return orders[Math.floor(naming / stride) % orders.length]!;
  }

  /** The type of this name. Throws for one that the scope does not have. */
  type(name: string): IdType {
    const found = this.types.find((type) => type.name === name);
    if (found === undefined) throw new RangeError(`there are no ids of type "${name}"`);
    return found;
  }

  /** Writes a state under a naming. `from` and `to` must differ. */
  apply(naming: number, from: Scratch, to: Scratch): void {
    const { length, slotTo, valueBase, valueTo } = this;
    const slots = naming * length;
    const values = naming * this.valuesPerNaming;
    for (let slot = 0; slot < length; slot += 1) {
      const base = valueBase[slot]!;
      const value = from[slot]!;
      to[slotTo[slots + slot]!] = base < 0 ? value : valueTo[values + base + value]!;
    }
  }

  private mapValues(naming: number, base: number, value: Reference, scope: Scope): void {
    const at = naming * this.valuesPerNaming + base;
    if ("refers" in value) {
      const type = this.type(value.refers);
      for (let id = 0; id < type.count; id += 1) this.valueTo[at + id + 1] = this.moved(naming, type, id) + 1;
      return;
    }
    const type = this.type(value.set);
    for (let members = 0; members < 2 ** countOf(scope.ids, value.set); members += 1) {
      let moved = 0;
      for (let id = 0; id < type.count; id += 1) if ((members >> id) & 1) moved |= 1 << this.moved(naming, type, id);
      this.valueTo[at + members] = moved;
    }
  }

  private movedSlot(naming: number, of: readonly string[], slot: number): number {
    let rest = slot;
    let moved = 0;
    let weight = 1;
    for (const name of of.toReversed()) {
      const type = this.type(name);
      moved += this.moved(naming, type, rest % type.count) * weight;
      rest = Math.floor(rest / type.count);
      weight *= type.count;
    }
    return moved;
  }
}

type Reference = { readonly refers: string } | { readonly set: string };

function keyOf(value: Reference): string {
  return "refers" in value ? `refers ${value.refers}` : `set ${value.set}`;
}
