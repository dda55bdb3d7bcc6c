import type { Expectation } from "./table.ts";

/** The same source for several rules. */
export function violated(source: string, rules: readonly string[]): readonly Expectation[] {
  return rules.map((rule) => ({ rule, verdict: "violated", source }));
}

/** As `violated`, for what does not come up in every run. */
export function mayViolate(source: string, rules: readonly string[]): readonly Expectation[] {
  return rules.map((rule) => ({ rule, verdict: "violated", source, mayHide: true }));
}

export const noMaskTest = (hook: string) =>
  mayViolate(`${hook} never looks at the importer's DMA mask: only map fails, each time anew (by reading, 7.2).`, [
    "ATT-06",
  ]);

/** What an attach hook leaves for map to find out. */
export const noPlatformTest = (hook: string) =>
  mayViolate(
    `${hook} does not ask whether the importer's device can ever be served: not for the way between the two devices, its reach or bouncing, nor for their confidential states (by reading, 7.2).`,
    ["ATT-25", "P2P-24", "P2P-36", "DMAMAP-27"],
  );

/** What the helper for exporters of device memory does not look at, and VFIO leaves to it. */
export const helperOnly = mayViolate(
  "vfio_pci_dma_buf_map leaves the way to dma_buf_phys_vec_to_sgt, which takes the host bridge, a BAR that wants to be understood, and bus addresses beyond the importer's reach as they come (by reading, 6.19 to 7.2).",
  ["P2P-28", "P2P-32", "P2P-35"],
);

/** The catalog asks for it, and no series has it. */
export const noTags = mayViolate(
  "An entry of a scatterlist has no place for what kind of address it holds (6.12 to 7.2).",
  ["MAP-33", "P2P-16"],
);

export const pipelinedPin = violated(
  "amdgpu_bo_pin and the TTM path under it do not wait for the move they have just queued; the waits of the core and of RDMA hide it (by reading, 6.12 and 7.2).",
  ["PIN-06"],
);

export const fdFailure = violated(
  "A failed dma_buf_fd puts the buffer and then runs on into the labels that free it again; fixed late in the 7.0 cycle.",
  ["LIFE-07"],
);

export const warnOnly =
  "ib_umem_dmabuf_unsupported_move_notify only warns: the key goes on working on memory that an exporter has taken away.";

export const keepsPin =
  "iopt_revoke_notify keeps the pin, which iopt_release_pages drops (7.2); the rule is worded after the RDMA helper, which unpins in its callback.";

export const ownSync = [
  ...mayViolate(
    "release_udmabuf takes the device's own mapping down in both directions, whichever the first begin made it in; fixed in 2026.",
    ["DMAMAP-01"],
  ),
  ...mayViolate("begin_cpu_udmabuf and end_cpu_udmabuf bring the caches of /dev/udmabuf in line, and no other's.", [
    "CPU-25",
  ]),
  ...mayViolate("udmabuf_vm_fault looks at no fence, as its pages never move (by reading, 6.12 and 7.2).", ["CPU-22"]),
];

const sharedTable = mayViolate(
  "system_heap_map_dma_buf fills in and hands out the one table of its attachment: a second map writes over the first, whose addresses nobody unmaps (by reading, 6.12 and 7.2).",
  ["DMAMAP-01", "MAP-07", "MAP-13", "MAP-15", "MAP-17", "MOVE-05", "MOVE-20"],
);

const heapBounces = mayViolate(
  "dma_map_sgtable gives a device for which memory is bounced a copy of the pages, which only the brackets of system_heap.c bring in line (by reading, 6.12 and 7.2).",
  ["DMAMAP-12", "MAP-11", "MAP-34", "MOVE-24"],
);

export const systemHeap = [
  ...sharedTable,
  ...heapBounces,
  ...mayViolate("system_heap_attach asks nothing of the importer's device: only map fails (by reading, 7.2).", [
    "ATT-06",
  ]),
  ...noPlatformTest("system_heap_attach"),
  ...mayViolate(
    "system_heap_mmap does not ask whether a mapping is shared, and remap_pfn_range takes a private one that it can fill in one go (seen on 6.12.117 and 7.3.4).",
    ["CPU-30"],
  ),
];

export const gemShmem = [
  ...mayViolate(
    "drm_gem_shmem_fault counts pages from the beginning of the mapping: one that begins at a later page of the buffer shows the first ones (seen on 6.12.117 and 7.3.4).",
    ["CPU-32"],
  ),
  ...mayViolate("drm_gem_shmem_fault looks at no fence, as its pages never move (by reading, 6.12 and 7.3).", [
    "CPU-22",
  ]),
  ...mayViolate(
    "dma_map_sgtable gives a device for which memory is bounced a copy of the pages, and drm_gem_prime_dmabuf_ops has no brackets that would bring it in line (by reading, 6.12 and 7.3).",
    ["DMAMAP-12", "MAP-11", "MAP-34", "MOVE-24"],
  ),
  ...mayViolate(
    "For a device without a DMA mask dma_map_sgtable maps nothing and answers 0, and drm_gem_map_dma_buf hands the table out (by reading, 6.12 and 7.3).",
    ["ATT-29", "MAP-10"],
  ),
  ...noMaskTest("drm_gem_map_attach"),
  ...noPlatformTest("drm_gem_map_attach"),
];

export const attachBlind = mayViolate(
  "amdgpu_dma_buf_attach accepts a device that cannot reach where the object is pinned (by reading, 7.2).",
  ["ATT-05"],
);

export const blindMap = mayViolate(
  "amdgpu_dma_buf_map hands out device memory for a pinned object without a look at the peer flag; 6.12 had a test (by reading, 7.2).",
  ["PIN-19", "ATT-10", "P2P-13"],
);

export const readFails = mayViolate(
  "amdgpu_dma_buf_begin_cpu_access passes on that the object could not come to system memory (by reading, 6.12 and 7.2).",
  ["CPU-24"],
);

const noPeerSupport = mayViolate(
  "Its driver never makes the BAR known to pci_p2pdma and goes by the distance alone, so that the map type is unknown to it (by reading, 6.12 and 7.2).",
  ["P2P-02", "P2P-10"],
);

const resourceOnly = mayViolate(
  "hl_map_dmabuf always makes a resource mapping, also where peers reach each other without the host bridge (by reading, 6.12 and 7.2).",
  ["P2P-03", "P2P-28", "P2P-32", "P2P-35"],
);

export const habanalabs = [
  ...violated("hl_dmabuf_attach accepts whoever cannot map: hl_map_dmabuf answers EPERM each time.", ["ATT-09"]),
  ...noPeerSupport,
  ...resourceOnly,
  ...noMaskTest("hl_dmabuf_attach"),
  ...noPlatformTest("hl_dmabuf_attach"),
  ...noTags,
];

export const wholeBufferOnly = mayViolate(
  "kvm_vfio_dmabuf_bind of the RFC of January 2025 wants the slot to be as large as the buffer; a second version was asked to take slices.",
  ["FAULT-11"],
);
