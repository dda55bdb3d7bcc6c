/** A rule that one of the tree's two does not keep, and why that is so. */
export interface Deviation {
  readonly rule: string;
  readonly who: "exporter" | "importer";
  readonly statement: string;
  readonly source: string;
}

/** What the tree's test exporter and iommufd are known to break. A rule outside this list makes a run fail. */
export const deviations: readonly Deviation[] = [
  {
    rule: "REV-12",
    who: "exporter",
    statement: "A revoke of a revoked buffer tells everybody once more.",
    source: "drivers/iommu/iommufd/selftest.c, iommufd_test_dmabuf_revoke, 7.3",
  },
  {
    rule: "REV-06",
    who: "exporter",
    statement: "A revoke waits for no fence of the buffer.",
    source: "drivers/iommu/iommufd/selftest.c, iommufd_test_dmabuf_revoke, 7.3",
  },
  {
    rule: "MOVE-29",
    who: "exporter",
    statement: "The same: who still works on the buffer when everybody was told is not asked for.",
    source: "drivers/iommu/iommufd/selftest.c, iommufd_test_dmabuf_revoke, 7.3",
  },
  {
    rule: "REV-23",
    who: "exporter",
    statement: "An unrevoke of a buffer that is not revoked tells everybody, and iommufd loses good ranges for good.",
    source: "drivers/iommu/iommufd/selftest.c, iommufd_test_dmabuf_revoke, 7.3",
  },
  {
    rule: "ATT-24",
    who: "exporter",
    statement: "It accepts importers that cannot be told, and revokes all the same; what is mapped is iommufd's alone.",
    source: "drivers/iommu/iommufd/selftest.c, iommufd_test_dma_buf_attach, iommufd_test_dma_buf_map, 7.3",
  },
];
