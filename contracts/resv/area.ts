import type { Rule } from "../rule.ts";
import { rules as acquireContext } from "./acquire-context.ts";
import { rules as backingOff } from "./backing-off.ts";
import { rules as entries } from "./entries.ts";
import { rules as lock } from "./lock.ts";
import { rules as publishing } from "./publishing.ts";
import { rules as slots } from "./slots.ts";
import { rules as snapshots } from "./snapshots.ts";
import { rules as usage } from "./usage.ts";
import { rules as waiting } from "./waiting.ts";

/** The reservation object: lock, acquire context, slots and fences. */
export const resvRules: readonly Rule[] = [
  ...lock,
  ...acquireContext,
  ...backingOff,
  ...slots,
  ...entries,
  ...usage,
  ...publishing,
  ...snapshots,
  ...waiting,
];
