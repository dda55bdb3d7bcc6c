import { slotsOf } from "../../spec/scopes/layout.ts";
import type { Scope, Scratch } from "../../spec/scopes/scope.ts";

/**
 * Packs a scratch into int32 lanes and back: each slot has as many bits as its domain needs and lies within one lane.
 * Exact: states with the same lanes are equal.
 */
export class Codec {
  /** Slots of a scratch. */
  readonly length: number;
  /** Lanes of a packed state. */
  readonly lanes: number;
  /** Domain size of each slot. */
  readonly sizes: Int32Array;
  readonly lane: Int32Array;
  readonly shift: Int32Array;
  readonly mask: Int32Array;
  /** 1: the full state does not show the slot. */
  private readonly isHidden: Uint8Array;
  private readonly scope: string;
  private readonly names: readonly string[];

  constructor(scope: Scope) {
    const sizes: number[] = [];
    const names: string[] = [];
    const isHidden: number[] = [];
    for (const [name, field] of Object.entries(scope.fields)) {
      if (!Number.isSafeInteger(field.size) || field.size < 2 || field.size > 2 ** 30)
        throw new RangeError(`scope ${scope.name}: the field ${name} has ${field.size} values; give it 2 to 2^30`);
      for (let slot = 0; slot < slotsOf(field, scope.ids); slot += 1) {
        sizes.push(field.size);
        isHidden.push(field.hidden === true ? 1 : 0);
        names.push(field.of.length === 0 ? name : `${name}[${slot}]`);
      }
    }
    this.length = sizes.length;
    this.sizes = Int32Array.from(sizes);
    this.scope = scope.name;
    this.names = names;
    this.isHidden = Uint8Array.from(isHidden);
    this.lane = new Int32Array(this.length);
    this.shift = new Int32Array(this.length);
    this.mask = new Int32Array(this.length);
    let [lane, used] = [0, 0];
    for (const [slot, size] of sizes.entries()) {
      const bits = 32 - Math.clz32(size - 1);
      if (used + bits > 32) [lane, used] = [lane + 1, 0];
      this.lane[slot] = lane;
      this.shift[slot] = used;
      this.mask[slot] = 2 ** bits - 1;
      used += bits;
    }
    this.lanes = lane + 1;
  }

  pack(s: Scratch, into: Int32Array, at: number): void {
    const { lane, shift, length, lanes } = this;
    for (let index = 0; index < lanes; index += 1) into[at + index] = 0;
    for (let slot = 0; slot < length; slot += 1) into[at + lane[slot]!]! |= s[slot]! << shift[slot]!;
  }

  unpack(from: Int32Array, at: number, s: Scratch): void {
    const { lane, shift, mask, length } = this;
    for (let slot = 0; slot < length; slot += 1) s[slot] = (from[at + lane[slot]!]! >>> shift[slot]!) & mask[slot]!;
  }

  /** Throws a RangeError for a value outside its domain; `what` put it there. */
  check(s: Scratch, what: string): void {
    for (const [slot, value] of s.entries()) {
      const most = this.sizes[slot]! - 1;
      if (value < 0 || value > most)
        throw new RangeError(
          `scope ${this.scope}: ${what} sets ${this.nameOf(slot)} to ${value}, but its values are 0 to ${most}`,
        );
    }
  }

  /** What a slot is called: `signaled[1]`. */
  nameOf(slot: number): string {
    return this.names[slot]!;
  }

  /** The first slot in which a state is not the expected one, in words; hidden ones are left out. */
  difference(expected: Scratch, actual: Scratch): string | null {
    for (let slot = 0; slot < this.length; slot += 1)
      if (expected[slot] !== actual[slot] && this.isHidden[slot] === 0)
        return `${this.nameOf(slot)} is ${actual[slot]}, the scope says ${expected[slot]}`;
    return null;
  }
}
