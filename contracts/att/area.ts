import type { Rule } from "../rule.ts";
import { rules as callRules } from "./call.ts";
import { rules as detachRules } from "./detach.ts";
import { rules as deviceRules } from "./device.ts";
import { rules as listRules } from "./list.ts";
import { rules as refusalRules } from "./refusal.ts";

/** Attach and detach. */
export const attRules: readonly Rule[] = [...callRules, ...refusalRules, ...deviceRules, ...listRules, ...detachRules];
