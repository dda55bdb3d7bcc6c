/** An object while it is put together. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Gives an object that is put together one of its optional methods. Two other ways read as well and cost too much:
 * `{ ...(a && { a }), ...(b && { b }) }` takes half a microsecond a field, and a function literal that is assigned to
 * a property (`object.a = () => ...`) goes to V8's old generation at once, where it keeps everything it can reach,
 * here the whole run, until the next full collection.
 */
export function equip<T, K extends keyof T>(object: Mutable<T>, name: K, method: NonNullable<T[K]>): void {
  object[name] = method;
}
