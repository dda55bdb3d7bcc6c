import type { Rule } from "../rule.ts";
import { rules as guardedMemory } from "./guarded-memory.ts";
import { rules as install } from "./install.ts";
import { rules as outcome } from "./outcome.ts";

/** The page-fault path of an importer. */
export const faultRules: readonly Rule[] = [...install, ...outcome, ...guardedMemory];
