/** All orders of the numbers below `count`, each as a map from old to new; the first changes nothing. */
export function permutations(count: number): readonly Uint8Array[] {
  if (count === 0) return [new Uint8Array(0)];
  const all: Uint8Array[] = [];
  for (const shorter of permutations(count - 1))
    for (let place = count - 1; place >= 0; place -= 1) {
      const longer = new Uint8Array(count);
      for (let id = 0; id < count - 1; id += 1) longer[id] = shorter[id]! < place ? shorter[id]! : shorter[id]! + 1;
      longer[count - 1] = place;
      all.push(longer);
    }
  return all;
}

/** A permutation as one number: no other of the same length has it. */
export function permutationKey(permutation: Uint8Array): number {
  let key = 0;
  for (const place of permutation) key = key * permutation.length + place;
  return key;
}
