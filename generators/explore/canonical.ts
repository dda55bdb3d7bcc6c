import type { Scope, Scratch } from "../../spec/scopes/scope.ts";
import type { Codec } from "./codec.ts";
import { permutationKey } from "./permutations.ts";
import type { IdType, Symmetry } from "./symmetry.ts";
import { Words } from "./words.ts";

/** Ids of one type in the order of their words, as namings. */
interface TypeOrders {
  readonly type: IdType;
  /** Number of an order by its key. */
  readonly byKey: ReadonlyMap<number, number>;
  /** For each set of "equal to the next in order" bits, the orders that permute only equals. */
  readonly ties: readonly (readonly number[])[];
  /** What one order after another is: `after[second * orders + first]`. */
  readonly after: Int32Array;
}

/**
 * Brings states to one form for all namings of their ids: ids in the order of their words, and of the namings that the
 * words leave open the one with the smallest packed state.
 */
export class Canonical {
  /** The naming that was applied last. */
  naming = 0;
  /** Namings that leave the last state as it is. */
  stabilizer = 1;
  /** The last state in canonical form, packed. */
  readonly packed: Int32Array;
  private readonly codec: Codec;
  private readonly symmetry: Symmetry;
  private readonly words: Words;
  private readonly orders: readonly TypeOrders[];
  private readonly renamed: Scratch;
  private readonly candidate: Int32Array;
  private readonly places: Uint8Array;
  /** Namings the words leave open. */
  private open: number[] = [];

  constructor(scope: Scope, codec: Codec, symmetry: Symmetry) {
    this.codec = codec;
    this.symmetry = symmetry;
    this.words = new Words(scope, symmetry);
    this.orders = symmetry.types.map(typeOrders);
    this.renamed = new Int32Array(codec.length);
    this.packed = new Int32Array(codec.lanes);
    this.candidate = new Int32Array(codec.lanes);
    this.places = new Uint8Array(Math.max(0, ...symmetry.types.map(({ count }) => count)));
  }

  /** Brings a state to its canonical form; see `packed`, `naming` and `stabilizer`. */
  of(s: Scratch): void {
    this.words.of(s);
    let open: number[] = [0];
    for (let index = 0; index < this.orders.length; index += 1) open = this.sorted(index, open);
    this.open = open;
    this.smallest(s);
  }

  /** The namings so far, each with every order that the words of this type allow. */
  private sorted(index: number, open: number[]): number[] {
    const { type, byKey, ties, after } = this.orders[index]!;
    const { count, stride, orders } = type;
    if (count < 2) return open;
    const { words } = this.words;
    const base = this.words.bases[index]!;
    const { places } = this;
    let key = 0;
    let equal = 0;
    // Place of an id: how many have smaller words, or equal ones and a smaller number.
    for (let id = 0; id < count; id += 1) {
      const word = words[base + id]!;
      let place = 0;
      for (let other = 0; other < count; other += 1) {
        const its = words[base + other]!;
        if (its < word || (its === word && other < id)) place += 1;
        if (its === word && other > id) equal |= 1 << place;
      }
      places[id] = place;
      key = key * count + place;
    }
    const first = byKey.get(key)!;
    const tied = ties[tieBits(equal, places, words, base, count)]!;
    if (tied.length === 1 && open.length === 1) {
      open[0]! += first * stride;
      return open;
    }
    const next: number[] = [];
    for (const naming of open) for (const tie of tied) next.push(naming + after[tie * orders.length + first]! * stride);
    return next;
  }

  private smallest(s: Scratch): void {
    const { open, codec, symmetry, renamed, packed, candidate } = this;
    this.stabilizer = 0;
    for (const naming of open) {
      symmetry.apply(naming, s, renamed);
      codec.pack(renamed, candidate, 0);
      const order = this.stabilizer === 0 ? -1 : compare(candidate, packed);
      if (order > 0) continue;
      if (order === 0) this.stabilizer += 1;
      else {
        packed.set(candidate);
        this.naming = naming;
        this.stabilizer = 1;
      }
    }
  }
}

/** Which neighbours in the order of words are equal. */
function tieBits(some: number, places: Uint8Array, words: Int32Array, base: number, count: number): number {
  if (some === 0) return 0;
  let bits = 0;
  for (let id = 0; id < count; id += 1)
    for (let other = 0; other < count; other += 1)
      if (places[other] === places[id]! + 1 && words[base + other] === words[base + id]) bits |= 1 << places[id]!;
  return bits;
}

function typeOrders(type: IdType): TypeOrders {
  const { count, orders } = type;
  const byKey = new Map(orders.map((order, index) => [permutationKey(order), index]));
  const ties = Array.from({ length: 2 ** Math.max(0, count - 1) }, (_, bits) =>
    orders.flatMap((order, index) => (permutesOnlyEquals(order, bits) ? [index] : [])),
  );
  const after = new Int32Array(orders.length * orders.length);
  for (const [second, outer] of orders.entries())
    for (const [first, inner] of orders.entries())
      after[second * orders.length + first] = byKey.get(permutationKey(inner.map((place) => outer[place]!)))!;
  return { type, byKey, ties, after };
}

/** Bit i of `bits`: places i and i + 1 hold equals. */
function permutesOnlyEquals(order: Uint8Array, bits: number): boolean {
  return order.every((to, from) => {
    for (let place = Math.min(to, from); place < Math.max(to, from); place += 1)
      if (((bits >> place) & 1) === 0) return false;
    return true;
  });
}

function compare(first: Int32Array, second: Int32Array): number {
  for (let lane = 0; lane < first.length; lane += 1) {
    const difference = first[lane]! - second[lane]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
