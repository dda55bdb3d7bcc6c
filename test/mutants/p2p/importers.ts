import { PinnedImport } from "../../../reference-impl/importers/pinned-importer.ts";
import { PinnedRevocableImporter } from "../../../reference-impl/importers/pinned-revocable-importer.ts";
import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import type { Attachment, DmaBuf, SgTable } from "../../../spec/roles/handles.ts";
import type { JobUse } from "../../../spec/roles/importer.ts";
import type { Mutant } from "../mutant.ts";
import { faultyImporter } from "./kit.ts";

/** What the first card of a driver mapped of a buffer: the others use it as well. */
interface Common {
  readonly device: Attachment["device"];
  readonly table: SgTable;
}

/** Faults of importers that use memory of peers. */
export const mutants: readonly Mutant[] = [
  faultyImporter(
    "P2P-17",
    "every buffer is taken for a peer's",
    (reached) =>
      class extends DynamicImporter {
        protected override requestKind({ device }: Attachment) {
          if (!device.traits.ats) return undefined;
          reached();
          return "translated" as const;
        }
      },
    { also: ["P2P-19"] },
  ),
  faultyImporter(
    "P2P-18",
    "the IOMMU translates everything",
    (reached) =>
      class extends DynamicImporter {
        protected override requestKind({ device }: Attachment) {
          if (!device.traits.ats) return undefined;
          reached();
          return "untranslated" as const;
        }
      },
  ),
  faultyImporter(
    "P2P-19",
    "who has ATS uses it",
    (reached) =>
      class extends DynamicImporter {
        protected override requestKind({ device }: Attachment) {
          if (!device.traits.ats) return undefined;
          reached();
          return "translated" as const;
        }
      },
  ),
  ...(["P2P-33", "DMAMAP-28"] as const).map((rule) =>
    faultyImporter(
      rule,
      "the cards of one driver share their addresses",
      (reached) => {
        const common = new WeakMap<DmaBuf, Common>();
        return class extends PinnedRevocableImporter {
          override submit(uses: readonly JobUse[]) {
            for (const { import: imported, kind } of uses) {
              if (!(imported instanceof PinnedImport) || !imported.live) continue;
              const { attachment, table } = imported;
              if (attachment === null || table === null) continue;
              const first = common.get(attachment.buffer);
              if (first === undefined) common.set(attachment.buffer, { device: attachment.device, table });
              else if (first.device !== attachment.device) {
                reached();
                this.env.access(attachment, first.table, kind);
              }
            }
            return super.submit(uses);
          }
        };
      },
      { kind: "pinnedRevocable", also: ["ATT-22", "DMAMAP-28"] },
    ),
  ),
];
