import type { Rule } from "../rule.ts";
import { rules as classification } from "./classification.ts";
import { rules as addresses } from "./addresses.ts";
import { rules as providers } from "./providers.ts";
import { rules as peerSegments } from "./peer-segments.ts";
import { rules as routing } from "./routing.ts";

/** Peer-to-peer: topology, addresses, providers, request routing. */
export const p2pRules: readonly Rule[] = [...addresses, ...classification, ...providers, ...peerSegments, ...routing];
