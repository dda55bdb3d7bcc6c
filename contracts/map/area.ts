import type { Rule } from "../rule.ts";
import { rules as addresses } from "./addresses.ts";
import { rules as calls } from "./calls.ts";
import { rules as failures } from "./failures.ts";
import { rules as fences } from "./fences.ts";
import { rules as tables } from "./tables.ts";
import { rules as use } from "./use.ts";

/** Mapping and unmapping. */
export const mapRules: readonly Rule[] = [...calls, ...addresses, ...tables, ...fences, ...failures, ...use];
