import type { Rule } from "../rule.ts";
import { rules as boundedUnmap } from "./bounded-unmap.ts";
import { rules as delivery } from "./delivery.ts";
import { rules as insideCallback } from "./inside-callback.ts";
import { rules as oldMappings } from "./old-mappings.ts";
import { rules as pipelinedMove } from "./pipelined-move.ts";
import { rules as quiescence } from "./quiescence.ts";
import { rules as relocation } from "./relocation.ts";
import { rules as reuse } from "./reuse.ts";

/** Move notification and the invalidation of mappings, revoke left out. */
export const moveRules: readonly Rule[] = [
  ...delivery,
  ...insideCallback,
  ...oldMappings,
  ...relocation,
  ...pipelinedMove,
  ...reuse,
  ...boundedUnmap,
  ...quiescence,
];
