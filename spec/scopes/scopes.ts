import { containers } from "./containers.ts";
import { entries } from "./entries.ts";
import { fences } from "./fences.ts";
import { lifetime } from "./lifetime.ts";
import { locking } from "./locking.ts";
import { moving } from "./moving.ts";
import { revoking } from "./revoking.ts";
import type { Scope } from "./scope.ts";
import { sharing } from "./sharing.ts";

/** The scopes of the core contract, at the size at which each is explored and toured. */
export const scopes: readonly Scope[] = [
  fences({ fence: 2, callback: 1, waiter: 1 }),
  locking({ task: 3, lock: 2 }),
  lifetime({ buffer: 2, fd: 2 }),
  sharing({ importer: 2, mapping: 3 }),
  moving({ importer: 3, mapping: 3 }),
  entries({ fence: 2, entry: 3 }),
  containers({ fence: 3 }),
  revoking({ importer: 3 }),
];
