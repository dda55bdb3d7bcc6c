import { fences } from "./fences.ts";
import { locking } from "./locking.ts";
import type { Scope } from "./scope.ts";

/** The scopes of the core contract, at the size at which each is explored and toured. */
export const scopes: readonly Scope[] = [fences({ fence: 2, callback: 1, waiter: 1 }), locking({ task: 3, lock: 2 })];
