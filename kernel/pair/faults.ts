import type { KernelEdit } from "../mutants/edits.ts";

/** One-line faults of the tree's pair and of the core under it, on 7.3. Each has to be caught by the rule it names. */
export const pairEdits: readonly KernelEdit[] = [
  {
    name: "a revoke tells nobody",
    rule: "REV-03",
    file: "selftest.c",
    within: "iommufd_test_dmabuf_revoke",
    find: /dma_buf_invalidate_mappings\(\w+\);/,
    replace: ";",
  },
  {
    name: "only the first importer is told of a revoke",
    rule: "MOVE-02",
    file: "dma-buf.c",
    within: "dma_buf_invalidate_mappings",
    find: /(\w+->importer_ops->invalidate_mappings\(\w+\);)/,
    replace: "{ $1 break; }",
  },
  {
    name: "a revoke leaves the range in the domain",
    rule: "REV-48",
    file: "pages.c",
    within: "iopt_revoke_notify",
    find: /iopt_area_unmap_domain_range\([^;]*;/,
    replace: ";",
  },
  {
    name: "a revoke leaves the range in every domain but the first",
    rule: "REV-48",
    file: "pages.c",
    within: "iopt_revoke_notify",
    find: /(iopt_area_unmap_domain_range\([^;]*;)/,
    replace: "$1 break;",
  },
  {
    name: "a revoke is not remembered",
    rule: "REV-52",
    file: "pages.c",
    within: "iopt_revoke_notify",
    find: /\w+->dmabuf\.phys\.len = 0;/,
    replace: ";",
  },
  {
    name: "the private query is answered after a revoke",
    rule: "REV-49",
    file: "selftest.c",
    within: "iommufd_test_dma_buf_iommufd_map",
    find: /if \(\w+->revoked\)/,
    replace: "if (0)",
  },
  {
    name: "an unrevoke does not make the buffer usable again",
    rule: "REV-20",
    file: "selftest.c",
    within: "iommufd_test_dmabuf_revoke",
    find: /->revoked = revoked;/,
    replace: "->revoked |= revoked;",
  },
  {
    name: "the importer keeps its reference when it is done",
    rule: "REV-54",
    file: "pages.c",
    within: "iopt_release_pages",
    find: /dma_buf_put\(\w+\);/,
    replace: ";",
  },
];
