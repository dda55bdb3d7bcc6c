import type { ObjectKind } from "../spec/operations/define.ts";

/** Kinds of things that get names in a history; those of programs and a few that only histories have. */
export type NamedKind =
  | ObjectKind
  | "table"
  | "storage"
  | "resource"
  | "lock"
  | "exporterJob"
  | "iovaSpace"
  | "address"
  | "poller"
  | "notifier"
  | "page"
  | "pageTable";

/**
 * Names of objects. A step names what it creates; whatever else appears is named after its step
 * (`s7.attachment1`), so that removing another step renames nothing.
 */
export class Names {
  private readonly byObject = new Map<object, string>();
  private readonly byName = new Map<string, object>();
  private readonly counts = new Map<string, number>();
  private readonly wanted: { readonly step: string | null; readonly kind: NamedKind; readonly name: string }[] = [];

  /** The next object of this kind that the step creates takes this name. */
  want(step: string | null, kind: NamedKind, name: string): void {
    this.wanted.push({ step, kind, name });
  }

  /** Names the step asked for and did not use are dropped. */
  forget(step: string): void {
    for (let index = this.wanted.length - 1; index >= 0; index -= 1)
      if (this.wanted[index]!.step === step) this.wanted.splice(index, 1);
  }

  /** A wanted name that was not taken is dropped. */
  forgetName(name: string): void {
    const index = this.wanted.findIndex((entry) => entry.name === name);
    if (index >= 0) this.wanted.splice(index, 1);
  }

  /** The name of an object, given now if it has none. */
  of(object: object, kind: NamedKind, step: string | null): string {
    const known = this.byObject.get(object);
    if (known !== undefined) return known;
    const name = this.next(kind, step);
    this.bind(object, name);
    return name;
  }

  /** A name for something that is no object of ours, or is not there yet. */
  next(kind: NamedKind, step: string | null): string {
    if (this.wanted.length > 0) {
      const index = this.wanted.findIndex((entry) => entry.kind === kind && entry.step === step);
      if (index >= 0) return this.wanted.splice(index, 1)[0]!.name;
    }
    const prefix = `${step ?? "world"}.${kind}`;
    const count = (this.counts.get(prefix) ?? 0) + 1;
    this.counts.set(prefix, count);
    return prefix + String(count);
  }

  bind(object: object, name: string): void {
    this.byObject.set(object, name);
    this.byName.set(name, object);
  }

  /** The name an object has, null if it has none. */
  known(object: object): string | null {
    return this.byObject.get(object) ?? null;
  }

  /** The object behind a name. The caller knows its kind from the operation's fields. */
  object<T extends object>(name: string): T | undefined {
    return this.byName.get(name) as T | undefined;
  }
}
