import type { Rule } from "../rule.ts";
import { rules as automaticRules } from "./automatic.ts";
import { rules as effectRules } from "./effect.ts";
import { rules as explicitRules } from "./explicit.ts";

/** Pinning. */
export const pinRules: readonly Rule[] = [...explicitRules, ...automaticRules, ...effectRules];
