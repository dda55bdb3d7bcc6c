import type { Rule } from "../rule.ts";
import { rules as dmaOnly } from "./dma-only.ts";
import { rules as invalidation } from "./invalidation.ts";
import { rules as mirror } from "./mirror.ts";
import { rules as notices } from "./notices.ts";
import { rules as peerMap } from "./peer-map.ts";
import { rules as registration } from "./registration.ts";

/** MMU notifiers and the VMA variant of peer access. */
export const mmunRules: readonly Rule[] = [
  ...mirror,
  ...invalidation,
  ...notices,
  ...registration,
  ...peerMap,
  ...dmaOnly,
];
