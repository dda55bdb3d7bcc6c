import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { SourceEdit } from "./edit.ts";

/** Which kernel of a series: the usual one, or one that has the tree's iommufd pair as well. */
export type Variant = "usual" | "iommufd";

/**
 * What a variant needs changed in the source while it is built. User-Mode Linux has no DMA layer on top of IOMMUs, and the
 * IOMMU layer then wants an identity domain of every device: those of the test driver have a blocking one, whose number
 * is taken for none.
 */
const edits: Readonly<Record<Variant, readonly SourceEdit[]>> = {
  usual: [],
  iommufd: [
    {
      name: "devices keep the default domain of their driver",
      file: "iommu.c",
      within: "iommu_get_default_domain_type",
      find: /if \(!driver_type\)\s+driver_type = IOMMU_DOMAIN_IDENTITY;/,
      replace: ";",
    },
  ],
};

/** A variant as it is built. */
export interface VariantParts {
  /** Options, as one fragment; what is edited stands in it as remarks, so that it counts for the cache. */
  readonly fragment: string;
  readonly edits: readonly SourceEdit[];
}

/** Reads a variant's parts from the folder of our own sources. */
export function partsOf(own: string, variant: Variant): VariantParts {
  const fragment = (name: string) => readFileSync(join(own, "config", `${name}.config`), "utf8");
  const remarks = edits[variant].map(({ file, within, find, replace }) => {
    const pattern = find.source.replaceAll("\n", " ");
    return `# edited: ${file}, ${within}: ${pattern} becomes ${replace}\n`;
  });
  const options = variant === "usual" ? fragment("um") : fragment("um") + fragment(variant);
  return { fragment: options + remarks.join(""), edits: edits[variant] };
}
