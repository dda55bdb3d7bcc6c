import type { SourceEdit } from "../build/edit.ts";

/** A fault put into a kernel. */
export interface KernelEdit extends SourceEdit {
  /** The rule that has to catch it. */
  readonly rule: string;
}

/** Faults of the core, on 6.12. A run says which are caught by the rule they name; one that is not makes it fail. */
export const kernelEdits: readonly KernelEdit[] = [
  {
    name: "only the first importer is told of a move",
    rule: "MOVE-02",
    file: "dma-buf.c",
    within: "dma_buf_move_notify",
    find: /(\w+->importer_ops->move_notify\(\w+\);)/,
    replace: "{ $1 break; }",
  },
  {
    name: "the attach of a static importer does not pin",
    rule: "PIN-10",
    file: "dma-buf.c",
    within: "dma_buf_dynamic_attach",
    find: /ret = [^;]*ops->pin\(\w+\);/,
    replace: "ret = 0;",
  },
  {
    name: "a detach forgets the pin that its attach made",
    rule: "PIN-10",
    file: "dma-buf.c",
    within: "dma_buf_detach",
    find: /\w+->ops->unpin\(\w+\);/,
    replace: ";",
  },
  {
    name: "a cached table is handed out for any direction",
    rule: "MAP-08",
    file: "dma-buf.c",
    within: "dma_buf_map_attachment",
    find: /return ERR_PTR\(-EBUSY\);/,
    replace: ";",
  },
  {
    name: "a static map does not wait for the memory",
    rule: "MAP-18",
    file: "dma-buf.c",
    within: "__map_dma_buf",
    find: /if \(!dma_buf_attachment_is_dynamic\(\w+\)\)/,
    replace: "if (0)",
  },
  {
    name: "an unmap does not reach the exporter",
    rule: "MAP-38",
    file: "dma-buf.c",
    within: "dma_buf_unmap_attachment",
    find: /__unmap_dma_buf\([^;]*;/,
    replace: ";",
  },
  {
    name: "a weaker fence takes the place of a stronger one",
    rule: "RESV-21",
    file: "dma-resv.c",
    within: "dma_resv_add_fence",
    find: /old_usage >= usage/,
    replace: "true",
  },
  {
    name: "only one entry of a timeline is exchanged",
    rule: "RESV-45",
    file: "dma-resv.c",
    within: "dma_resv_replace_fences",
    find: /(dma_fence_put\(old\);)/,
    replace: "$1 break;",
  },
  {
    name: "a wait ends after the first fence",
    rule: "RESV-36",
    file: "dma-resv.c",
    within: "dma_resv_wait_timeout",
    find: /if \(ret <= 0\)/,
    replace: "if (1)",
  },
  {
    name: "readers without the lock miss the level they ask for",
    rule: "RESV-38",
    file: "dma-resv.c",
    within: "dma_resv_iter_walk_unlocked",
    find: /(\w+->usage) >= (\w+->fence_usage)/,
    replace: "$1 > $2",
  },
  {
    name: "a second signal says that it was the first",
    rule: "FENCE-02",
    file: "dma-fence.c",
    within: "dma_fence_signal_timestamp_locked",
    find: /return -EINVAL;/,
    replace: "return 0;",
  },
  {
    name: "signaling is enabled more than once",
    rule: "FENCE-35",
    file: "dma-fence.c",
    within: "__dma_fence_enable_signaling",
    find: /!was_set && /,
    replace: "",
  },
  {
    name: "a callback that was taken back is said to have run",
    rule: "FENCE-15",
    file: "dma-fence.c",
    within: "dma_fence_remove_callback",
    find: /return ret;/,
    replace: "return false;",
  },
  {
    name: "a callback is accepted on a signaled fence",
    rule: "FENCE-12",
    file: "dma-fence.c",
    within: "dma_fence_add_callback",
    find: /return -ENOENT;/,
    replace: "return 0;",
  },
  {
    name: "a callback is accepted and never called",
    rule: "FENCE-13",
    file: "dma-fence.c",
    within: "dma_fence_add_callback",
    find: /list_add_tail\(/,
    replace: "if (0) list_add_tail(",
  },
];
