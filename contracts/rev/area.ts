import type { Rule } from "../rule.ts";
import { rules as cpuAccess } from "./cpu-access.ts";
import { rules as device } from "./device.ts";
import { rules as permanent } from "./permanent.ts";
import { rules as pinnedImporter } from "./pinned-importer.ts";
import { rules as privateInterconnect } from "./private-interconnect.ts";
import { rules as refusal } from "./refusal.ts";
import { rules as retry } from "./retry.ts";
import { rules as revocable } from "./revocable.ts";
import { rules as revokedImporter } from "./revoked-importer.ts";
import { rules as teardown } from "./teardown.ts";
import { rules as unrevoke } from "./unrevoke.ts";
import { rules as waits } from "./waits.ts";

/** Revoke and unrevoke. */
export const revRules: readonly Rule[] = [
  ...revocable,
  ...refusal,
  ...waits,
  ...teardown,
  ...unrevoke,
  ...retry,
  ...pinnedImporter,
  ...revokedImporter,
  ...device,
  ...cpuAccess,
  ...permanent,
  ...privateInterconnect,
];
