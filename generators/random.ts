/** A small deterministic random source (sfc32): the only one generators use. */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  /** Any integer is a seed; equal seeds give equal draws. */
  constructor(seed: number) {
    this.a = seed | 0;
    this.b = (seed / 2 ** 32) | 0;
    this.c = 0x9e3779b9;
    for (let index = 0; index < 12; index += 1) this.next();
  }

  /** 32 random bits, unsigned. */
  next(): number {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** An integer from 0 to `bound` - 1. */
  below(bound: number): number {
    return Math.floor((this.next() / 2 ** 32) * bound);
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.next() < probability * 2 ** 32;
  }

  /** One of a non-empty list. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** A number between two bounds, uniform on a logarithmic scale. */
  logarithmic(low: number, high: number): number {
    return Math.round(Math.exp(Math.log(low) + (this.next() / 2 ** 32) * (Math.log(high) - Math.log(low))));
  }
}
