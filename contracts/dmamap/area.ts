import type { Rule } from "../rule.ts";
import { rules as bounceAndShared } from "./bounce-and-shared.ts";
import { rules as iova } from "./iova.ts";
import { rules as limits } from "./limits.ts";
import { rules as mmio } from "./mmio.ts";
import { rules as ownership } from "./ownership.ts";
import { rules as pairing } from "./pairing.ts";

/** DMA API rules behind a mapping. */
export const dmamapRules: readonly Rule[] = [...pairing, ...limits, ...mmio, ...bounceAndShared, ...ownership, ...iova];
