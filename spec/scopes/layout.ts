import type { Scope, ScopeField } from "./scope.ts";

/** Where the fields of a scope lie in its scratch. */
export interface Layout<K extends string> {
  readonly fields: Readonly<Record<K, ScopeField>>;
  /** First slot of each field. That of id `a` is `slots.x + a`, of a pair `slots.x + a * count(second type) + b`. */
  readonly slots: Readonly<Record<K, number>>;
  /** Slots in all. */
  readonly length: number;
}

/** A field of plain numbers: one for the world, or one for each id or pair of ids. */
export function plain(size: number, ...of: readonly string[]): ScopeField {
  return { of, size, value: "plain" };
}

/** Slots that a field needs. */
export function slotsOf(field: ScopeField, ids: Readonly<Record<string, number>>): number {
  return field.of.reduce((product, type) => product * countOf(ids, type), 1);
}

/** Slots of a scope's state. */
export function lengthOf({ fields, ids }: Pick<Scope, "fields" | "ids">): number {
  return Object.values(fields).reduce((sum, field) => sum + slotsOf(field, ids), 0);
}

/** How many ids of a type there are. Throws for a type that the scope does not have. */
export function countOf(ids: Readonly<Record<string, number>>, type: string): number {
  const count = ids[type];
  if (count === undefined)
    throw new RangeError(`the scope has no ids of type "${type}" (it has ${Object.keys(ids).join(", ")})`);
  return count;
}

/** A field that names an id or none. */
export function refers(to: string, ids: Readonly<Record<string, number>>, ...of: readonly string[]): ScopeField {
  return { of, size: countOf(ids, to) + 1, value: { refers: to } };
}

/** A field that holds any of the ids of a type. */
export function setOf(type: string, ids: Readonly<Record<string, number>>, ...of: readonly string[]): ScopeField {
  return { of, size: 2 ** countOf(ids, type), value: { set: type } };
}

/** A field that the full state does not show: `project` leaves it alone, and a replay does not compare it. */
export function hidden(field: ScopeField): ScopeField {
  return { ...field, hidden: true };
}

/** Numbers the slots of fields, in the order they are declared. */
export function layout<const F extends Readonly<Record<string, ScopeField>>>(
  ids: Readonly<Record<string, number>>,
  fields: F,
): Layout<Extract<keyof F, string>> {
  let length = 0;
  const slots: Record<string, number> = {};
  for (const [name, field] of Object.entries(fields)) {
    slots[name] = length;
    length += slotsOf(field, ids);
  }
  return { fields, slots: slots as Record<Extract<keyof F, string>, number>, length };
}
