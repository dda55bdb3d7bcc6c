/** A copy twice as long. */
export function grown<T extends Int32Array | Uint16Array>(array: T): T {
  const copy = new (array.constructor as new (length: number) => T)(array.length * 2);
  copy.set(array);
  return copy;
}
