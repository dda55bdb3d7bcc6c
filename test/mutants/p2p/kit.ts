import { referenceSystem } from "../../../conformance/reference-system.ts";
import type { DirectMapping } from "../../../reference-impl/dma/direct.ts";
import type { IommuMapping } from "../../../reference-impl/dma/iommu.ts";
import { ReferenceDma } from "../../../reference-impl/dma/mapping.ts";
import type { PhysVecHelper } from "../../../reference-impl/dma/phys-vec.ts";
import type { Factory } from "../../../harness/system.ts";
import type { DmaFramework } from "../../../spec/roles/dma.ts";
import type { Env } from "../../../spec/roles/env.ts";
import type { Exporter } from "../../../spec/roles/exporter.ts";
import type { Importer } from "../../../spec/roles/importer.ts";
import type { PeerFramework } from "../../../spec/roles/peers.ts";
import { mutant, type Mutant } from "../mutant.ts";

type Rest = Parameters<typeof mutant>[3];
type Made<Role> = (reached: () => void) => new (env: Env) => Role;

/** A fault in the peer-to-peer part. */
export function faultyPeers(rule: string, words: string, fault: Made<PeerFramework>, rest: Rest = {}): Mutant {
  return mutant(
    rule,
    words,
    (reached) => {
      const Faulty = fault(reached);
      return referenceSystem({ peers: (env) => new Faulty(env) });
    },
    rest,
  );
}

function faultyPart(rule: string, words: string, part: (reached: () => void) => Factory<DmaFramework>, rest: Rest) {
  return mutant(rule, words, (reached) => referenceSystem({ dma: part(reached) }), rest);
}

/** A fault in the DMA API as all devices see it. */
export function faultyDma(rule: string, words: string, fault: Made<DmaFramework>, rest: Rest = {}): Mutant {
  return faultyPart(
    rule,
    words,
    (reached) => {
      const Faulty = fault(reached);
      return (env) => new Faulty(env);
    },
    rest,
  );
}

/** A fault for devices that are mapped directly. */
export function faultyDirect(
  rule: string,
  words: string,
  fault: (reached: () => void) => typeof DirectMapping,
  rest: Rest = {},
): Mutant {
  return faultyDma(
    rule,
    words,
    (reached) => {
      const Faulty = fault(reached);
      return class extends ReferenceDma {
        protected override createDirect() {
          return new Faulty(this.env);
        }
      };
    },
    rest,
  );
}

/** A fault for devices behind an IOMMU. */
export function faultyIommu(
  rule: string,
  words: string,
  fault: (reached: () => void) => typeof IommuMapping,
  rest: Rest = {},
): Mutant {
  return faultyDma(
    rule,
    words,
    (reached) => {
      const Faulty = fault(reached);
      return class extends ReferenceDma {
        protected override createIommu() {
          return new Faulty(this.env, this.direct);
        }
      };
    },
    rest,
  );
}

/** A fault in the helper for ranges. */
export function faultyHelper(
  rule: string,
  words: string,
  fault: (reached: () => void) => typeof PhysVecHelper,
  rest: Rest = {},
): Mutant {
  return faultyDma(
    rule,
    words,
    (reached) => {
      const Faulty = fault(reached);
      return class extends ReferenceDma {
        protected override createHelper() {
          return new Faulty(this.env);
        }
      };
    },
    rest,
  );
}

/** A fault in a kind of exporter, the subject unless named. */
export function faultyExporter(
  rule: string,
  words: string,
  fault: Made<Exporter>,
  rest: Rest & { readonly kind?: string } = {},
): Mutant {
  const { kind = "subject", ...others } = rest;
  return mutant(
    rule,
    words,
    (reached) => {
      const Faulty = fault(reached);
      return referenceSystem({ exporters: { [kind]: (env) => new Faulty(env) } });
    },
    others,
  );
}

/** A fault in a kind of importer, the subject unless named. */
export function faultyImporter(
  rule: string,
  words: string,
  fault: Made<Importer>,
  rest: Rest & { readonly kind?: string } = {},
): Mutant {
  const { kind = "subject", ...others } = rest;
  return mutant(
    rule,
    words,
    (reached) => {
      const Faulty = fault(reached);
      return referenceSystem({ importers: { [kind]: (env) => new Faulty(env) } });
    },
    others,
  );
}
