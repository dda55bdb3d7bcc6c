import type { DirectMapping } from "../../../reference-impl/dma/direct.ts";
import type { IommuMapping } from "../../../reference-impl/dma/iommu.ts";
import { ReferenceDma } from "../../../reference-impl/dma/mapping.ts";
import type { PhysVecHelper } from "../../../reference-impl/dma/phys-vec.ts";
import type { DmaFramework } from "../../../spec/roles/dma.ts";
import type { PeerFramework } from "../../../spec/roles/peers.ts";
import { faultyPart, inExporter, inImporter, type Rest } from "../faulty.ts";
import type { Mutant } from "../mutant.ts";

export const faultyExporter = inExporter;
export const faultyImporter = inImporter;

/** A fault in the peer-to-peer part. */
export const faultyPeers = faultyPart<PeerFramework>((peers) => ({ peers }));

/** A fault in the DMA API as all devices see it. */
export const faultyDma = faultyPart<DmaFramework>((dma) => ({ dma }));

/** A fault in one part of the DMA API: `within` puts the faulty class where the reference makes its own. */
function faultyWithin<Part>(within: (Faulty: Part) => typeof ReferenceDma) {
  return (rule: string, words: string, fault: (reached: () => void) => Part, rest: Rest = {}): Mutant =>
    faultyDma(rule, words, (reached) => within(fault(reached)), rest);
}

/** A fault for devices that are mapped directly. */
export const faultyDirect = faultyWithin<typeof DirectMapping>(
  (Faulty) =>
    class extends ReferenceDma {
      protected override createDirect() {
        return new Faulty(this.env);
      }
    },
);

/** A fault for devices behind an IOMMU. */
export const faultyIommu = faultyWithin<typeof IommuMapping>(
  (Faulty) =>
    class extends ReferenceDma {
      protected override createIommu() {
        return new Faulty(this.env, this.direct);
      }
    },
);

/** A fault in the helper for ranges. */
export const faultyHelper = faultyWithin<typeof PhysVecHelper>(
  (Faulty) =>
    class extends ReferenceDma {
      protected override createHelper() {
        return new Faulty(this.env);
      }
    },
);
