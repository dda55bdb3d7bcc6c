import type { Rule } from "../rule.ts";
import { rules as exportFences } from "./export-fences.ts";
import { rules as importEffect } from "./import-effect.ts";
import { rules as importFences } from "./import-fences.ts";
import { rules as poll } from "./poll.ts";
import { rules as syncFile } from "./sync-file.ts";

export const syncRules: readonly Rule[] = [...exportFences, ...importFences, ...importEffect, ...syncFile, ...poll];
