import { lengthOf, slotsOf } from "../../spec/scopes/layout.ts";
import type { Scope, Scratch } from "../../spec/scopes/scope.ts";
import type { Symmetry } from "./symmetry.ts";

/**
 * A word for each id that says what the state holds about it and that no naming changes: ids with different words are
 * different, ids with equal words may be alike or not.
 */
export class Words {
  /** First word of each id type, in the order of the types. */
  readonly bases: readonly number[];
  readonly words: Int32Array;
  private readonly length: number;
  /** Words of the ids that own a slot; -1: none. */
  private readonly first: Int32Array;
  private readonly second: Int32Array;
  /** First word of the ids that its value refers to or holds; -1: it is plain. */
  private readonly target: Int32Array;
  private readonly isSet: Uint8Array;
  private readonly salt: Int32Array;

  constructor(scope: Scope, symmetry: Symmetry) {
    const bases = new Map<string, number>();
    let words = 0;
    for (const { name, count } of symmetry.types) {
      bases.set(name, words);
      words += count;
    }
    this.bases = symmetry.types.map(({ name }) => bases.get(name)!);
    this.words = new Int32Array(words);
    const fields = Object.values(scope.fields);
    this.length = lengthOf(scope);
    this.first = new Int32Array(this.length).fill(-1);
    this.second = new Int32Array(this.length).fill(-1);
    this.target = new Int32Array(this.length).fill(-1);
    this.isSet = new Uint8Array(this.length);
    this.salt = new Int32Array(this.length);
    let slot = 0;
    for (const [index, { of, value }] of fields.entries()) {
      const slots = slotsOf({ of, size: 2, value }, scope.ids);
      const inner = of.length === 2 ? symmetry.type(of[1]!).count : 1;
      for (let place = 0; place < slots; place += 1, slot += 1) {
        if (of.length > 0) this.first[slot] = bases.get(of[0]!)! + Math.floor(place / inner);
        if (of.length === 2) this.second[slot] = bases.get(of[1]!)! + (place % inner);
        this.salt[slot] = Math.imul(index + 1, 0x9e3779b1);
        if (value === "plain") continue;
        this.target[slot] = bases.get("refers" in value ? value.refers : value.set)!;
        this.isSet[slot] = "set" in value ? 1 : 0;
      }
    }
  }

  /** Computes the words of a state. */
  of(s: Scratch): void {
    const { words, first, second, target, salt } = this;
    words.fill(0);
    for (let slot = 0; slot < this.length; slot += 1) {
      const value = s[slot]!;
      // Says nothing: as it is for all ids before anything happens.
      if (value === 0) continue;
      const to = target[slot]!;
      const owner = first[slot]!;
      let what: number;
      if (to < 0) what = mix(salt[slot]! + value);
      else if (this.isSet[slot] === 1) what = this.members(to, value, salt[slot]!);
      else {
        what = mix(salt[slot]!);
        words[to + value - 1]! += what ^ 0x55555555;
      }
      if (owner < 0) continue;
      words[owner]! += what;
      if (second[slot]! >= 0) words[second[slot]!]! += what ^ 0x33333333;
    }
  }

  private members(to: number, members: number, salt: number): number {
    let count = 0;
    const what = mix(salt) ^ 0x0f0f0f0f;
    for (let rest = members, id = 0; rest !== 0; rest >>>= 1, id += 1)
      if ((rest & 1) === 1) {
        count += 1;
        this.words[to + id]! += what;
      }
    return mix(salt + count);
  }
}

function mix(value: number): number {
  const mixed = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39);
}
