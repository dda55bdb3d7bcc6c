import type { Rule } from "../rule.ts";
import { rules as exportRules } from "./export.ts";
import { rules as fdRules } from "./fd.ts";
import { rules as fileRules } from "./file.ts";
import { rules as identityRules } from "./identity.ts";
import { rules as keepaliveRules } from "./keepalive.ts";
import { rules as referencesRules } from "./references.ts";
import { rules as requestRules } from "./request.ts";
import { rules as teardownRules } from "./teardown.ts";

/** Lifetime and reference counting. */
export const lifeRules: readonly Rule[] = [
  ...exportRules,
  ...identityRules,
  ...fdRules,
  ...requestRules,
  ...fileRules,
  ...referencesRules,
  ...keepaliveRules,
  ...teardownRules,
];
