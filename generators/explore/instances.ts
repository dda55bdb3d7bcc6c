import { countOf } from "../../spec/scopes/layout.ts";
import type { Scope, ScopeOperation } from "../../spec/scopes/scope.ts";

/** An operation of a scope with the ids it takes. */
export interface Instance {
  /** Place in the list of all instances of the scope. */
  readonly index: number;
  readonly operation: ScopeOperation;
  /** As many as the operation takes. */
  readonly ids: readonly number[];
  /** The same, with zeros for those it does not take. */
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** Every operation of a scope with every choice of its ids, in the order they are declared. */
export function instancesOf(scope: Scope): readonly Instance[] {
  const instances: Instance[] = [];
  for (const operation of scope.operations) {
    if (operation.takes.length > 3)
      throw new RangeError(`scope ${scope.name}: ${operation.name} takes ${operation.takes.length} ids; three at most`);
    for (const ids of choices(operation.takes.map((type) => countOf(scope.ids, type)))) {
      const [a = 0, b = 0, c = 0] = ids;
      instances.push({ index: instances.length, operation, ids, a, b, c });
    }
  }
  return instances;
}

function choices(counts: readonly number[]): readonly (readonly number[])[] {
  const [count, ...rest] = counts;
  if (count === undefined) return [[]];
  const tails = choices(rest);
  return Array.from({ length: count }, (_, id) => id).flatMap((id) => tails.map((tail) => [id, ...tail]));
}
