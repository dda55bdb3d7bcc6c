/** Which objects of a running program the ids of a scope stand for. Objects of several ids are keyed by all of them. */
export class Names {
  private readonly known = new Map<string, string>();
  private readonly make: (kind: string) => string;
  private count = 0;

  /** `make` answers a name that the program has not used yet for an object of this kind. */
  constructor(objects: Readonly<Record<string, readonly string[]>>, make: (kind: string) => string) {
    this.make = make;
    for (const [kind, names] of Object.entries(objects))
      for (const [id, name] of names.entries()) this.known.set(`${kind} ${id}`, name);
  }

  /** The object of this kind that the ids stand for; null where there has been none yet. */
  find(kind: string, ...ids: readonly number[]): string | null {
    return this.known.get(`${kind} ${ids.join(" ")}`) ?? null;
  }

  /** The same where the scope is sure that there is one. Throws where there is none. */
  of(kind: string, ...ids: readonly number[]): string {
    const name = this.find(kind, ...ids);
    if (name === null)
      throw new RangeError(`the scope names a ${kind} of ids ${ids.join(", ")} that was never created`);
    return name;
  }

  /** A new name, which the ids stand for from now on. */
  fresh(kind: string, ...ids: readonly number[]): string {
    const name = this.make(kind);
    this.known.set(`${kind} ${ids.join(" ")}`, name);
    return name;
  }

  /** The ids stand for no object of this kind any more. */
  drop(kind: string, ...ids: readonly number[]): void {
    this.known.delete(`${kind} ${ids.join(" ")}`);
  }

  /** Every name there is now, by the kind and ids it stands for. */
  entries(): Iterable<readonly [key: string, name: string]> {
    return this.known;
  }

  /** The name under a key of `entries`. */
  at(key: string): string | undefined {
    return this.known.get(key);
  }

  /** Another that starts out the same: to ask for steps without carrying them out. */
  copy(): Names {
    const copy = new Names({}, this.make);
    for (const [key, name] of this.known) copy.known.set(key, name);
    copy.count = this.count;
    return copy;
  }

  /** A number never given before, from 1: sequence numbers. */
  number(): number {
    return (this.count += 1);
  }
}
