import type { Rule } from "../rule.ts";
import { rules as brackets } from "./brackets.ts";
import { rules as coherence } from "./coherence.ts";
import { rules as hookLocks } from "./hook-locks.ts";
import { rules as kindsOfMemory } from "./kinds-of-memory.ts";
import { rules as requests } from "./requests.ts";
import { rules as mmap } from "./mmap.ts";
import { rules as vmap } from "./vmap.ts";

export const cpuRules: readonly Rule[] = [
  ...brackets,
  ...requests,
  ...coherence,
  ...vmap,
  ...mmap,
  ...kindsOfMemory,
  ...hookLocks,
];
