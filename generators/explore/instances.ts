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

/** A call with a choice of ids: of its outcomes at most one is enabled. */
export interface Call {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  /** What all outcomes ask for; null: each asks for itself. */
  readonly may: Condition | null;
  readonly outcomes: readonly Outcome[];
}

/** What is left to ask of an outcome once its call may be made. */
export interface Outcome {
  readonly instance: Instance;
  readonly when: Condition;
  readonly apply: ScopeOperation["apply"];
  /** It changes nothing. */
  readonly stays: boolean;
}

/** The instances of a scope by the call they are an outcome of. */
export function callsOf(instances: readonly Instance[]): readonly Call[] {
  const calls = new Map<string, Instance[]>();
  for (const instance of instances) {
    const key = `${instance.operation.call} ${instance.ids.join(" ")}`;
    const known = calls.get(key);
    if (known === undefined) calls.set(key, [instance]);
    else known.push(instance);
  }
  return [...calls.values()].map((outcomes) => {
    const { operation, a, b, c } = outcomes[0]!;
    const may = operation.guard?.may ?? null;
    const isShared = may !== null && outcomes.every((outcome) => outcome.operation.guard?.may === may);
    return {
      a,
      b,
      c,
      may: isShared ? may : null,
      outcomes: outcomes.map((instance) => ({
        instance,
        when: isShared ? instance.operation.guard!.when : instance.operation.enabled,
        apply: instance.operation.apply,
        stays: instance.operation.apply === unchanged,
      })),
    };
  });
}
