import type { Rule } from "../rule.ts";
import { rules as callbacks } from "./callbacks.ts";
import { rules as containers } from "./containers.ts";
import { rules as lifetime } from "./lifetime.ts";
import { rules as order } from "./order.ts";
import { rules as promise } from "./promise.ts";
import { rules as signal } from "./signal.ts";
import { rules as signalling } from "./signalling.ts";
import { rules as waits } from "./waits.ts";

export const fenceRules: readonly Rule[] = [
  ...signal,
  ...promise,
  ...signalling,
  ...callbacks,
  ...waits,
  ...order,
  ...containers,
  ...lifetime,
];
