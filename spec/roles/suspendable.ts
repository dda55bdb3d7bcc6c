/**
 * What a generator yields to the scheduler: the site of a preemption point, or a wait.
 * Role code never builds one; it passes on what `env` yields with `yield*`.
 */
export type Suspension = string | Wait | Tick;

/** A wait as the scheduler sees it: who is waited for, and when it is over. */
export interface Wait {
  readonly reason: WaitReason;
  /** Evaluated whenever somebody else has run; must have no side effect. */
  readonly ready: () => boolean;
  /** True if a pending interruption ends the wait early. */
  readonly interruptible: boolean;
}

/** Handed up while an async method runs in JavaScript's own microtasks. */
export interface Tick {
  readonly tick: true;
}

/** What a blocked task waits for: an edge of the wait-for graph. */
export type WaitReason =
  | { readonly kind: "lock"; readonly lock: object }
  | { readonly kind: "fence"; readonly fence: object }
  | { readonly kind: "unmapped"; readonly buffer: object }
  | { readonly kind: "other"; readonly what: string };

/**
 * The result of an `env` call that may block. One object, two ways to wait for it:
 * `yield* env.lock(resv)` in a generator, `await env.lock(resv)` in an async method.
 * Nothing happens until one of the two is used.
 */
export type Blocking<T> = Generator<Suspension, T, unknown> & PromiseLike<T>;

/** What a role method may return: a plain value (the method cannot block), a generator, or a promise. */
export type Suspendable<T> = T | Generator<Suspension, T, unknown> | PromiseLike<T>;
