import type { Blocking, Suspendable, Suspension, Tick } from "../spec/roles/suspendable.ts";
import { HarnessFault } from "./fault.ts";

const tick: Tick = { tick: true };

/** Microtask turns an async method may take without calling `env` before it counts as waiting for something foreign. */
const patience = 2000;

interface PendingCall {
  readonly call: Generator<Suspension, unknown, unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Calls that an async method has awaited and nobody has run yet. One async method runs at a time, so one list is enough. */
let awaited: PendingCall[] | null = null;

function then(
  this: Generator<Suspension, unknown, unknown>,
  resolve: (value: unknown) => void,
  reject: (error: unknown) => void,
): void {
  if (awaited === null) {
    reject(new HarnessFault("an env call was awaited outside the method that made it"));
    return;
  }
  awaited.push({ call: this, resolve, reject });
}

/** Makes what a generator function returns awaitable too, without wrapping each object it makes. */
export function awaitable<A extends readonly unknown[], T>(
  generatorFunction: (...args: A) => Generator<Suspension, T, unknown>,
): (...args: A) => Blocking<T> {
  // oxlint-disable-next-line unicorn/no-thenable -- being awaitable is the point
  Object.defineProperty(generatorFunction.prototype, "then", { value: then });
  return generatorFunction as unknown as (...args: A) => Blocking<T>;
}

function isGenerator(value: unknown): value is Generator<Suspension, unknown, unknown> {
  return typeof value === "object" && value !== null && typeof (value as { next?: unknown }).next === "function";
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** What `yield*` takes: it suspends any number of times and answers a T. */
type Settling<T> = Iterable<Suspension, T, unknown>;

/** A value that is there already. Cheaper than a generator, and most calls end in one. */
class Settled<T> {
  private readonly value: T;

  constructor(value: T) {
    this.value = value;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorReturnResult<T> {
    return { done: true, value: this.value };
  }
}

/** Finishes whatever a role method returned: a plain value, a generator, or a promise. `what` names the method in errors. */
export function settle<T>(value: Suspendable<T>, what: string): Settling<T> {
  if (typeof value === "object" && value !== null) {
    if (isGenerator(value)) return value as Settling<T>;
    if (isThenable(value)) return settlePromise(value, what) as Settling<T>;
  }
  return new Settled(value as T);
}

function* settlePromise(promise: PromiseLike<unknown>, what: string): Generator<Suspension, unknown, unknown> {
  const calls: PendingCall[] = [];
  let outcome: { readonly ok: boolean; readonly value: unknown } | null = null;
  const outer = awaited;
  awaited = calls;
  promise.then(
    (value) => (outcome = { ok: true, value }),
    (error: unknown) => (outcome = { ok: false, value: error }),
  );
  for (let idle = 0; ; idle += 1) {
    const next = calls.shift();
    if (next !== undefined) {
      idle = 0;
      awaited = null;
      try {
        next.resolve(yield* next.call);
      } catch (error) {
        next.reject(error);
      }
      awaited = calls;
      continue;
    }
    const settled = outcome as { readonly ok: boolean; readonly value: unknown } | null;
    if (settled !== null) {
      awaited = outer;
      if (settled.ok) return settled.value;
      throw settled.value;
    }
    if (idle >= patience) {
      awaited = outer;
      throw new HarnessFault(
        `${what} awaits something that env does not control (a timer, a file, another promise) or never settles; use env for every wait`,
      );
    }
    yield tick;
    awaited = calls;
  }
}
