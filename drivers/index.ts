import { GpuVram } from "./exporters/gpu-vram.ts";
import { Udmabuf } from "./exporters/udmabuf.ts";
import { VfioPci619 } from "./exporters/vfio-pci-6-19.ts";
import { VfioPci71 } from "./exporters/vfio-pci-7-1.ts";
import { GpuDynamic } from "./importers/gpu-dynamic.ts";
import { Iommufd } from "./importers/iommufd.ts";
import { LegacyStatic } from "./importers/legacy-static.ts";
import { RdmaPinnedRevocable } from "./importers/rdma-pinned-revocable.ts";
import { RdmaPinned } from "./importers/rdma-pinned.ts";
import { XeLike } from "./importers/xe-like.ts";
import type { DriverEntry, Expectation, Partners } from "./table.ts";

export { compare, type Comparison, type DriverEntry } from "./table.ts";

/** The same source for several rules. */
function violated(source: string, rules: readonly string[]): readonly Expectation[] {
  return rules.map((rule) => ({ rule, verdict: "violated", source }));
}

/** As `violated`, for what does not come up in every run. */
function mayViolate(source: string, rules: readonly string[]): readonly Expectation[] {
  return rules.map((rule) => ({ rule, verdict: "violated", source, mayHide: true }));
}

const vfio71: Partners = { exporters: { "vfio-pci-7.1": (env) => new VfioPci71(env) } };

const noMaskTest = (hook: string) =>
  mayViolate(`${hook} never looks at the importer's DMA mask: only map fails, each time anew (by reading, 7.2).`, [
    "ATT-06",
  ]);

/** What an attach hook leaves for map to find out. */
const noPlatformTest = (hook: string) =>
  mayViolate(
    `${hook} does not ask whether the importer's device can ever be served: not for the way between the two devices, its reach or bouncing, nor for their confidential states (by reading, 7.2).`,
    ["ATT-25", "P2P-24", "P2P-36", "DMAMAP-27"],
  );

/** The catalog asks for it, and no series has it. */
const noTags = mayViolate("An entry of a scatterlist has no place for what kind of address it holds (6.12 to 7.2).", [
  "MAP-33",
  "P2P-16",
]);

const pipelinedPin = violated(
  "amdgpu_bo_pin and the TTM path under it do not wait for the move they have just queued; the waits of the core and of RDMA hide it (by reading, 6.12 and 7.2).",
  ["PIN-06"],
);

const fdFailure = violated(
  "A failed dma_buf_fd puts the buffer and then runs on into the labels that free it again; fixed late in the 7.0 cycle.",
  ["LIFE-07"],
);

const warnOnly =
  "ib_umem_dmabuf_unsupported_move_notify only warns: the key goes on working on memory that an exporter has taken away.";

const keepsPin =
  "iopt_revoke_notify keeps the pin, which iopt_release_pages drops (7.2); the rule is worded after the RDMA helper, which unpins in its callback.";

/** Behavioural models of real exporters and importers, each small and written after the kernel's, with what is known of them. */
export const drivers: readonly DriverEntry[] = [
  { name: "udmabuf", role: "exporter", make: (env) => new Udmabuf(env), profile: "K7.1", expectations: [] },
  { name: "udmabuf, 6.12", role: "exporter", make: (env) => new Udmabuf(env), profile: "K6.12", expectations: [] },
  {
    name: "gpu-vram",
    role: "exporter",
    make: (env) => new GpuVram(env),
    profile: "K7.1",
    expectations: [
      ...pipelinedPin,
      ...mayViolate(
        "amdgpu_dma_buf_attach accepts a device that cannot reach where the object is pinned (by reading, 7.2).",
        ["ATT-05"],
      ),
      ...mayViolate(
        "amdgpu_dma_buf_map hands out device memory for a pinned object without a look at the peer flag; 6.12 had a test (by reading, 7.2).",
        ["PIN-19", "ATT-10", "P2P-13"],
      ),
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
    expectations: [
      ...pipelinedPin,
      ...mayViolate(
        "Up to 7.0 a fence needs its driver's code as long as anybody has a reference, and no driver holds its module for that; 7.1 detaches the ops at the signal.",
        ["FENCE-31"],
      ),
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
    expectations: [
      ...fdFailure,
      ...mayViolate(
        "vfio_pci_core_close_device disables the function before vfio_pci_dma_buf_cleanup; turned round by a patch of March 2026.",
        ["REV-32", "MOVE-11", "P2P-29"],
      ),
      ...noMaskTest("vfio_pci_dma_buf_attach"),
      ...noPlatformTest("vfio_pci_dma_buf_attach"),
      ...noTags,
    ],
  },
  {
    name: "vfio-pci-6.19, judged by 7.1",
    role: "exporter",
    make: (env) => new VfioPci619(env),
    profile: "K7.1",
    budget: 40_000,
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
      ...noTags,
    ],
  },
  {
    name: "vfio-pci-7.1",
    role: "exporter",
    make: (env) => new VfioPci71(env),
    profile: "K7.1",
    budget: 80_000,
    expectations: [
      ...violated(
        "vfio_pci_dma_buf_move tells importers that access is back, drops the lock and only then clears the flag (by reading, 7.1 and 7.2).",
        ["REV-21"],
      ),
      ...noMaskTest("vfio_pci_dma_buf_attach"),
      ...noPlatformTest("vfio_pci_dma_buf_attach"),
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
    budget: 40_000,
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
  { name: "xe-like, 6.12", role: "importer", make: (env) => new XeLike(env), profile: "K6.12", expectations: [] },
];
