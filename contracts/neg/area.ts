import type { Rule } from "../rule.ts";
import { rules as consent } from "./consent.ts";
import { rules as match } from "./match.ts";
import { rules as methods } from "./methods.ts";
import { rules as stability } from "./stability.ts";

/** Negotiation of capabilities and stability levels. */
export const negRules: readonly Rule[] = [...stability, ...consent, ...match, ...methods];
