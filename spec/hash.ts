/** One round over four lanes of 32 bits. The multipliers are odd and have about half their bits set. */
const factors = [597_399_067, 2_869_860_233, 951_274_213, 2_716_044_179] as const;

/**
 * 128 bits of a text as 32 hex digits, the same on every machine. Not for secrets.
 * Four lanes, each fed by every UTF-16 unit and by its neighbour (the construction known as cyrb128).
 */
export function hash128(text: string): string {
  let first = 1_779_033_703;
  let second = 3_144_134_277;
  let third = 1_013_904_242;
  let fourth = 2_773_480_762;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    first = second ^ Math.imul(first ^ unit, factors[0]);
    second = third ^ Math.imul(second ^ unit, factors[1]);
    third = fourth ^ Math.imul(third ^ unit, factors[2]);
    fourth = first ^ Math.imul(fourth ^ unit, factors[3]);
  }
  first = Math.imul(third ^ text.length ^ (first >>> 18), factors[0]);
  second = Math.imul(fourth ^ (second >>> 22), factors[1]);
  third = Math.imul(first ^ (third >>> 17), factors[2]);
  fourth = Math.imul(second ^ (fourth >>> 19), factors[3]);
  first ^= second ^ third ^ fourth;
  return [first, second ^ first, third ^ first, fourth ^ first].map(hex).join("");
}

function hex(lane: number): string {
  return (lane >>> 0).toString(16).padStart(8, "0");
}
