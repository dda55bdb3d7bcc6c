import type { Scope } from "../../spec/scopes/scope.ts";
import type { Random } from "../random.ts";

/**
 * The scope with other objects behind its ids: what is alike for the scope need not be for an implementation.
 * Objects of one id type change places together.
 */
export function renamed(scope: Scope, random: Random): Scope {
  const orders = new Map(Object.entries(scope.ids).map(([type, count]) => [type, orderOf(count, random)]));
  const objects = Object.entries(scope.objects).map(([kind, names]) => {
    const order = orders.get(kind);
    return [kind, order === undefined ? names : names.map((_, id) => names[order[id]!]!)] as const;
  });
  return { ...scope, objects: Object.fromEntries(objects) };
}

function orderOf(count: number, random: Random): readonly number[] {
  const left = Array.from({ length: count }, (_, id) => id);
  return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)[0]!);
}
