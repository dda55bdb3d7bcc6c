import type { RequestKind } from "../../spec/roles/env.ts";
import type { Attachment, SgTable } from "../../spec/roles/handles.ts";

/**
 * What a device with ATS sends: translated requests to memory of a peer, where an IOMMU is on and a switch on the way, and
 * to nothing else, as they cost. By the mark of the segment, not by where the buffer came from.
 */
export function requestKind({ device }: Attachment, { segments }: SgTable): RequestKind | undefined {
  const { traits, upstream } = device;
  if (!traits.ats) return undefined;
  const worthIt = traits.iommu === "translated" && upstream.length > 1;
  return worthIt && segments[0]?.peer !== undefined ? "translated" : "untranslated";
}
