import { Confidential } from "./exporters/confidential.ts";
import { GpuVramInvisible } from "./exporters/gpu-vram-invisible.ts";
import { GpuVram } from "./exporters/gpu-vram.ts";
import { Habanalabs } from "./exporters/habanalabs.ts";
import { SystemHeap } from "./exporters/system-heap.ts";
import { Udmabuf } from "./exporters/udmabuf.ts";
import { Vgem } from "./exporters/vgem.ts";
import { VfioPci619 } from "./exporters/vfio-pci-6-19.ts";
import { VfioPci71 } from "./exporters/vfio-pci-7-1.ts";
import { Compositor } from "./importers/compositor.ts";
import { GpuDynamic } from "./importers/gpu-dynamic.ts";
import { Iommufd } from "./importers/iommufd.ts";
import { Kvm } from "./importers/kvm.ts";
import { LegacyStatic } from "./importers/legacy-static.ts";
import { Nvme } from "./importers/nvme.ts";
import { RdmaOdp } from "./importers/rdma-odp.ts";
import { RdmaPinnedRevocable } from "./importers/rdma-pinned-revocable.ts";
import { RdmaPinned } from "./importers/rdma-pinned.ts";
import { V4l2 } from "./importers/v4l2.ts";
import { XeLike } from "./importers/xe-like.ts";
import {
  attachBlind,
  blindMap,
  fdFailure,
  gemShmem,
  habanalabs,
  helperOnly,
  keepsPin,
  mayViolate,
  noMaskTest,
  noPlatformTest,
  noTags,
  ownSync,
  pipelinedPin,
  readFails,
  systemHeap,
  violated,
  warnOnly,
  wholeBufferOnly,
} from "./known.ts";
import type { DriverEntry, Partners } from "./table.ts";

export { compare, type Comparison, type DriverEntry } from "./table.ts";

const vfio71: Partners = { exporters: { "vfio-pci-7.1": (env) => new VfioPci71(env) } };

/** Operations for drivers that do little else than one thing: most of what they have shows in so many. */
const lean = 6_000;

/** Behavioural models of real exporters and importers, each small and written after the kernel's, with what is known of them. */
export const drivers: readonly DriverEntry[] = [
  { name: "udmabuf", role: "exporter", make: (env) => new Udmabuf(env), profile: "K7.1", expectations: ownSync },
  { name: "udmabuf, 6.12", role: "exporter", make: (env) => new Udmabuf(env), profile: "K6.12", expectations: ownSync },
  {
    name: "gpu-vram",
    role: "exporter",
    make: (env) => new GpuVram(env),
    profile: "K7.1",
    expectations: [
      ...pipelinedPin,
      ...attachBlind,
      ...blindMap,
      ...readFails,
      ...noMaskTest("amdgpu_dma_buf_attach"),
      ...noPlatformTest("amdgpu_dma_buf_attach"),
      ...noTags,
    ],
  },
  {
    name: "gpu-vram, 6.12",
    role: "exporter",
    make: (env) => new GpuVram(env),
    profile: "K6.12",
    budget: 16_000,
    expectations: [
      ...pipelinedPin,
      ...mayViolate(
        "Up to 7.0 a fence needs its driver's code as long as anybody has a reference, and no driver holds its module for that; 7.1 detaches the ops at the signal.",
        ["FENCE-31"],
      ),
      ...violated("drm_gem_dmabuf_vmap pins nothing, and the object moves under the kernel's address; 7.0 pins.", [
        "CPU-16",
      ]),
      ...readFails,
      ...noMaskTest("amdgpu_dma_buf_attach"),
      ...noPlatformTest("amdgpu_dma_buf_attach"),
      ...noTags,
    ],
  },
  {
    name: "vfio-pci-6.19",
    role: "exporter",
    make: (env) => new VfioPci619(env),
    // Without the switch the core would pin for every importer, and the pin hook refuses.
    profile: "K6.19+moveNotify",
    budget: 24_000,
    expectations: [
      ...fdFailure,
      ...mayViolate(
        "vfio_pci_core_close_device disables the function before vfio_pci_dma_buf_cleanup; turned round by a patch of March 2026.",
        ["REV-32", "MOVE-11", "P2P-29"],
      ),
      ...noMaskTest("vfio_pci_dma_buf_attach"),
      ...noPlatformTest("vfio_pci_dma_buf_attach"),
      ...helperOnly,
      ...noTags,
    ],
  },
  {
    name: "vfio-pci-6.19, judged by 7.1",
    role: "exporter",
    make: (env) => new VfioPci619(env),
    profile: "K7.1",
    budget: 20_000,
    expectations: [
      ...violated("vfio_pci_dma_buf_move of 6.19 sets a flag and sends a message, and waits for nothing.", [
        "REV-06",
        "REV-07",
        "REV-09",
      ]),
      ...mayViolate(
        "It follows from the missing waits of vfio_pci_dma_buf_move: no count of mappings, and the device operation begins under those who still work.",
        ["REV-14", "REV-15", "REV-32", "MOVE-11", "MOVE-14", "MOVE-29", "P2P-11", "P2P-29"],
      ),
      ...violated(
        "vfio_pci_dma_buf_attach of 6.19 accepts importers without a callback: its pin hook keeps them from mapping.",
        ["ATT-24"],
      ),
      ...mayViolate(
        "vfio_pci_dma_buf_cleanup of 6.19 sends its message whether the buffer is revoked already or not.",
        ["REV-12", "REV-38"],
      ),
      ...fdFailure,
      ...noMaskTest("vfio_pci_dma_buf_attach"),
      ...noPlatformTest("vfio_pci_dma_buf_attach"),
      ...helperOnly,
      ...noTags,
    ],
  },
  {
    name: "vfio-pci-7.1",
    role: "exporter",
    make: (env) => new VfioPci71(env),
    profile: "K7.1",
    budget: 40_000,
    expectations: [
      ...violated(
        "vfio_pci_dma_buf_move tells importers that access is back, drops the lock and only then clears the flag (by reading, 7.1 and 7.2).",
        ["REV-21"],
      ),
      ...noMaskTest("vfio_pci_dma_buf_attach"),
      ...noPlatformTest("vfio_pci_dma_buf_attach"),
      ...helperOnly,
      ...noTags,
    ],
  },
  { name: "legacy-static", role: "importer", make: (env) => new LegacyStatic(env), profile: "K7.1", expectations: [] },
  {
    name: "legacy-static, 6.12",
    role: "importer",
    make: (env) => new LegacyStatic(env),
    profile: "K6.12",
    expectations: [],
  },
  { name: "gpu-dynamic", role: "importer", make: (env) => new GpuDynamic(env), profile: "K7.1", expectations: [] },
  {
    name: "gpu-dynamic under VFIO 7.1",
    role: "importer",
    make: (env) => new GpuDynamic(env),
    profile: "K7.1",
    partners: vfio71,
    expectations: [],
  },
  {
    name: "gpu-dynamic, 6.12",
    role: "importer",
    make: (env) => new GpuDynamic(env),
    profile: "K6.12",
    expectations: [],
  },
  { name: "rdma-pinned", role: "importer", make: (env) => new RdmaPinned(env), profile: "K7.1", expectations: [] },
  {
    name: "rdma-pinned, 6.19",
    role: "importer",
    make: (env) => new RdmaPinned(env),
    profile: "K6.19",
    expectations: [
      ...violated(warnOnly, ["REV-26"]),
      ...mayViolate(warnOnly, ["RESV-31", "REV-20", "REV-28", "MOVE-08", "MOVE-09"]),
    ],
  },
  {
    name: "rdma-pinned-revocable",
    role: "importer",
    make: (env) => new RdmaPinnedRevocable(env),
    profile: "K7.1",
    budget: 12_000,
    expectations: violated(
      "An invalidate between attach and the creation lock marks the umem revoked; the pin taken afterwards is never dropped, as release returns early (by reading, 6.12 and 7.2).",
      ["REV-53", "PIN-04", "PIN-21", "ATT-17"],
    ),
  },
  {
    name: "iommufd under VFIO 7.1",
    role: "importer",
    make: (env) => new Iommufd(env),
    profile: "K7.1",
    partners: vfio71,
    expectations: [...violated(keepsPin, ["REV-26"]), ...mayViolate(keepsPin, ["REV-28", "NEG-06"])],
  },
  {
    name: "xe-like under VFIO 7.1",
    role: "importer",
    make: (env) => new XeLike(env),
    profile: "K7.1",
    partners: vfio71,
    expectations: violated(
      "xe_bo_move_dmabuf leaves the unmap to the next map or to the destruction of the object, and relies on exporters that wait for fences only (6.12 to 7.2).",
      ["MOVE-21", "MOVE-22", "REV-02"],
    ),
  },
  {
    name: "system-heap",
    role: "exporter",
    make: (env) => new SystemHeap(env),
    profile: "K7.1",
    budget: lean,
    expectations: systemHeap,
  },
  {
    name: "system-heap, 6.12",
    role: "exporter",
    make: (env) => new SystemHeap(env),
    profile: "K6.12",
    budget: lean,
    expectations: systemHeap,
  },
  {
    name: "gpu-vram-invisible",
    role: "exporter",
    make: (env) => new GpuVramInvisible(env),
    profile: "K7.1",
    budget: lean,
    expectations: [
      ...pipelinedPin,
      ...attachBlind,
      ...blindMap,
      ...readFails,
      ...noMaskTest("amdgpu_dma_buf_attach"),
      ...noPlatformTest("amdgpu_dma_buf_attach"),
      ...noTags,
    ],
  },
  {
    name: "habanalabs",
    role: "exporter",
    make: (env) => new Habanalabs(env),
    profile: "K7.1",
    budget: lean,
    expectations: habanalabs,
  },
  {
    name: "habanalabs, 6.12",
    role: "exporter",
    make: (env) => new Habanalabs(env),
    profile: "K6.12",
    budget: lean,
    expectations: habanalabs,
  },
  {
    name: "confidential under KVM",
    role: "exporter",
    make: (env) => new Confidential(env),
    profile: "K7.1",
    partners: { importers: { kvm: (env) => new Kvm(env) } },
    budget: lean,
    expectations: [],
  },
  {
    name: "compositor",
    role: "importer",
    make: (env) => new Compositor(env),
    profile: "K7.1",
    budget: lean,
    expectations: [],
  },
  {
    name: "rdma-odp",
    role: "importer",
    make: (env) => new RdmaOdp(env),
    profile: "K7.1",
    budget: lean,
    expectations: [],
  },
  {
    name: "rdma-odp, 6.12",
    role: "importer",
    make: (env) => new RdmaOdp(env),
    profile: "K6.12",
    budget: lean,
    expectations: [],
  },
  {
    name: "kvm",
    role: "importer",
    make: (env) => new Kvm(env),
    profile: "K7.1",
    budget: lean,
    expectations: wholeBufferOnly,
  },
  {
    name: "kvm on confidential memory",
    role: "importer",
    make: (env) => new Kvm(env),
    profile: "K7.1",
    partners: { exporters: { confidential: (env) => new Confidential(env) } },
    budget: lean,
    expectations: wholeBufferOnly,
  },
  {
    name: "nvme",
    role: "importer",
    make: (env) => new Nvme(env),
    profile: "K7.1",
    budget: 10_000,
    expectations: [
      ...violated(
        "Requests have no fence of their own: blk_mq_dma_map_remove leaves one for all when it is told to let go.",
        ["FAULT-09"],
      ),
      ...violated("blk_mq_dma_map_remove adds the fence of running requests with KERNEL usage.", ["RESV-28"]),
      ...mayViolate("blk_mq_dma_map_remove warns, and keeps the mapping, where no slot is to be had for the fence.", [
        "MOVE-21",
        "MOVE-22",
        "MOVE-23",
        "MOVE-36",
        "MAP-15",
        "LIFE-09",
      ]),
      ...mayViolate(
        "blk_mq_create_dma_map leaves the fence of a mapping that failed, and a reference on the token, for ever.",
        ["FENCE-19"],
      ),
      ...mayViolate(
        "blk_mq_create_dma_map tells the token of the mapping when the reservation lock is gone: who has to let go in between finds none.",
        ["MAP-20", "MOVE-08", "MOVE-09", "MOVE-12", "MOVE-28", "REV-02", "REV-10", "REV-50", "RESV-31", "FENCE-34"],
      ),
    ],
  },
  {
    name: "v4l2",
    role: "importer",
    make: (env) => new V4l2(env),
    profile: "K7.1",
    budget: lean,
    expectations: [],
  },
  {
    name: "v4l2, 6.12",
    role: "importer",
    make: (env) => new V4l2(env),
    profile: "K6.12",
    budget: lean,
    expectations: [],
  },
  {
    name: "vgem",
    role: "exporter",
    make: (env) => new Vgem(env),
    profile: "K7.1",
    budget: lean,
    expectations: gemShmem,
  },
  {
    name: "vgem, 6.12",
    role: "exporter",
    make: (env) => new Vgem(env),
    profile: "K6.12",
    budget: lean,
    expectations: gemShmem,
  },
  { name: "xe-like, 6.12", role: "importer", make: (env) => new XeLike(env), profile: "K6.12", expectations: [] },
];
