import { grown } from "./grown.ts";

/** Packed states in the order they were found, and which one is where: open addressing, at most two thirds full. */
export class StateTable {
  readonly lanes: number;
  size = 0;
  /** All states, one after the other. */
  states: Int32Array;
  /** The state from which each was reached first, by which instance, and how many states its namings make. */
  parents = new Int32Array(1024);
  vias = new Uint16Array(1024);
  orbits = new Uint16Array(1024);
  /** 1 + index of a state, or 0. */
  private slots: Int32Array;

  constructor(lanes: number) {
    this.lanes = lanes;
    this.states = new Int32Array(lanes * 1024);
    this.slots = new Int32Array(2048);
  }

  /** The index of a state, made known if it is not: then it equals the former `size`. */
  insert(packed: Int32Array): number {
    const { lanes } = this;
    const at = this.find(packed);
    const known = this.slots[at]!;
    if (known !== 0) return known - 1;
    const index = this.size;
    if ((index + 1) * lanes > this.states.length) this.states = grown(this.states);
    const { states } = this;
    for (let lane = 0; lane < lanes; lane += 1) states[index * lanes + lane] = packed[lane]!;
    this.slots[at] = this.size = index + 1;
    if (this.size * 3 > this.slots.length * 2) this.rehash();
    return index;
  }

  /** Notes how a new state was reached. */
  describe(index: number, parent: number, via: number, orbit: number): void {
    if (index >= this.parents.length) {
      this.parents = grown(this.parents);
      this.vias = grown(this.vias);
      this.orbits = grown(this.orbits);
    }
    this.parents[index] = parent;
    this.vias[index] = via;
    this.orbits[index] = orbit;
  }

  /** The index of a state, or -1. */
  indexOf(packed: Int32Array): number {
    return this.slots[this.find(packed)]! - 1;
  }

  /** Bytes taken, with the room that is not used yet. */
  get bytes(): number {
    const { states, slots, parents, vias, orbits } = this;
    return [states, slots, parents, vias, orbits].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  private find(packed: Int32Array): number {
    const { lanes, states, slots } = this;
    const mask = slots.length - 1;
    let at = hash(packed, 0, lanes) & mask;
    for (;;) {
      const known = slots[at]!;
      if (known === 0) return at;
      const from = (known - 1) * lanes;
      let lane = 0;
      while (lane < lanes && states[from + lane] === packed[lane]) lane += 1;
      if (lane === lanes) return at;
      at = (at + 1) & mask;
    }
  }

  private rehash(): void {
    const slots = new Int32Array(this.slots.length * 2);
    const mask = slots.length - 1;
    const { lanes, states, size } = this;
    for (let index = 0; index < size; index += 1) {
      let at = hash(states, index * lanes, lanes) & mask;
      while (slots[at] !== 0) at = (at + 1) & mask;
      slots[at] = index + 1;
    }
    this.slots = slots;
  }
}

function hash(from: Int32Array, at: number, lanes: number): number {
  let value = 0x9e3779b9;
  for (let lane = 0; lane < lanes; lane += 1) {
    value = Math.imul(value ^ from[at + lane]!, 0x85ebca6b);
    value ^= value >>> 15;
  }
  value = Math.imul(value, 0xc2b2ae35);
  return value ^ (value >>> 16);
}
