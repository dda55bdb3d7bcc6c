/** Steps of inserting, removing or replacing one character that lead from one word to the other. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}

/** The end of a sentence: `, did you mean "map"?` if one of the words is close to what was written, else `; …`. */
export function didYouMean(written: string, words: Iterable<string>, otherwise: string): string {
  if (written.length > 64) return `; ${otherwise}`;
  let best = "";
  let least = Math.max(1, Math.floor(written.length / 3)) + 1;
  for (const word of words) {
    const found = distance(written.toLowerCase(), word.toLowerCase());
    if (found < least) {
      best = word;
      least = found;
    }
  }
  return best === "" ? `; ${otherwise}` : `, did you mean "${best}"?`;
}
