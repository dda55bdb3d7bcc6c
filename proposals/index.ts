import type { Proposal } from "../conformance/proposal/proposal.ts";
import compositor from "./compositor.ts";
import coreRevoke from "./core-revoke.ts";
import dmaOnlyList from "./dma-only-list.ts";
import followPfn from "./follow-pfn.ts";
import getPfnFenced from "./get-pfn-fenced.ts";
import getPfn from "./get-pfn.ts";
import importerMaps from "./importer-maps.ts";
import mappingTypes from "./mapping-types.ts";
import mmioPhys from "./mmio-phys.ts";
import secureProvider from "./secure-provider.ts";
import unrevoke from "./unrevoke.ts";
import vmaP2p from "./vma-p2p.ts";

/** The proposals that come with the suite, in the order in which they are told. */
export const proposals: readonly Proposal[] = [
  getPfn,
  getPfnFenced,
  ...followPfn,
  vmaP2p,
  ...dmaOnlyList,
  ...importerMaps,
  ...mmioPhys,
  ...secureProvider,
  ...compositor,
  coreRevoke,
  ...unrevoke,
  ...mappingTypes,
];
