import type { Suspendable, Suspension } from "../spec/roles/suspendable.ts";

/**
 * Finishes what a hook returned: a plain value as it is, a generator by running it in place.
 * A promise never gets here, as the seam that hands hooks to the framework settles those itself.
 */
export function* settle<T>(value: Suspendable<T>): Generator<Suspension, T, unknown> {
  if (isGenerator(value)) return yield* value;
  if (isPromise(value))
    throw new Error("a hook answered a promise: an async hook has to be wrapped before the framework gets it");
  return value;
}

function isGenerator<T>(value: Suspendable<T>): value is Generator<Suspension, T, unknown> {
  return typeof value === "object" && value !== null && "next" in value && typeof value.next === "function";
}

function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
