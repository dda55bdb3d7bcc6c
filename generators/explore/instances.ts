import { countOf } from "../../spec/scopes/layout.ts";
import { unchanged, type Condition, type Scope, type ScopeOperation } from "../../spec/scopes/scope.ts";

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

/** Stored in 16 bits. */
const mostInstances = 65_536;

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
  if (instances.length > mostInstances)
    throw new RangeError(`scope ${scope.name} has more than ${mostInstances} operations with ids; give it fewer ids`);
  return instances;
}

function choices(counts: readonly number[]): readonly (readonly number[])[] {
  const [count, ...rest] = counts;
  if (count === undefined) return [[]];
  const tails = choices(rest);
  return Array.from({ length: count }, (_, id) => id).flatMap((id) => tails.map((tail) => [id, ...tail]));
}

/** Calls that ask for the same first, with the same ids. */
export interface CallGroup {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  /** What all of them ask for; null: nothing. */
  readonly may: Condition | null;
  /** The outcomes of each call: at most one of them is enabled. */
  readonly calls: readonly (readonly Outcome[])[];
}

/** What is left to ask of an outcome once its call may be made. */
export interface Outcome {
  readonly instance: Instance;
  readonly when: Condition;
  readonly apply: ScopeOperation["apply"];
  /** It changes nothing. */
  readonly stays: boolean;
}

/** The instances of a scope by what they ask for first, and then by the call they are an outcome of. */
export function groupsOf(instances: readonly Instance[]): readonly CallGroup[] {
  const groups = new Map<string, Instance[]>();
  const numbers = new Map<Condition | string, number>();
  for (const instance of instances) {
    const { guard, call } = instance.operation;
    const first = guard?.may ?? call;
    if (!numbers.has(first)) numbers.set(first, numbers.size);
    append(groups, `${numbers.get(first)} ${instance.ids.join(" ")}`, instance);
  }
  return [...groups.values()].map((members) => {
    const [{ operation, a, b, c }] = members as [Instance, ...Instance[]];
    const calls = new Map<string, Outcome[]>();
    for (const instance of members) {
      const { guard, enabled, apply, call } = instance.operation;
      append(calls, call, { instance, when: guard?.when ?? enabled, apply, stays: apply === unchanged });
    }
    return { a, b, c, may: operation.guard?.may ?? null, calls: [...calls.values()] };
  });
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const known = lists.get(key);
  if (known === undefined) lists.set(key, [item]);
  else known.push(item);
}
