import { create, flag, integer, oneOf, operation, refer, referList, referOrNull, subset } from "./define.ts";
import { dmaAttributes } from "../roles/dma.ts";

/** Peer-to-peer memory of PCI devices and the DMA API, asked directly. */
export const platformOperations = {
  providerInit: operation({
    level: "contract",
    side: "platform",
    lock: "any",
    summary: "The driver of a device makes its BAR known to peers.",
    kernel: "pcim_p2pdma_init, pci_p2pdma_add_resource",
    fields: { device: refer("device") },
  }),
  providerGone: operation({
    level: "control",
    side: "platform",
    lock: "any",
    summary: "The driver of a device unbinds: its BAR is no longer known to peers.",
    kernel: "pci_p2pdma_release",
    fields: { device: refer("device") },
  }),
  providerFor: operation({
    level: "contract",
    side: "platform",
    lock: "any",
    summary: "Asks for the provider of a device's BAR.",
    kernel: "pcim_p2pdma_provider",
    fields: { device: refer("device") },
  }),
  mapType: operation({
    level: "contract",
    side: "platform",
    lock: "any",
    summary: "Asks how one device reaches the memory of another.",
    kernel: "pci_p2pdma_map_type",
    fields: { provider: refer("device"), client: refer("device") },
  }),
  distance: operation({
    level: "contract",
    side: "platform",
    lock: "any",
    summary: "Asks how far several devices are from the memory of another, if they all reach it.",
    kernel: "pci_p2pdma_distance_many",
    fields: { provider: refer("device"), clients: referList("device") },
  }),
  pageLookup: operation({
    level: "contract",
    side: "platform",
    lock: "any",
    summary: "A page lookup comes upon memory of a device, or of none.",
    kernel: "pin_user_pages",
    fields: { owner: referOrNull("device"), optIn: flag, longTerm: flag },
  }),
  dmaMap: operation({
    level: "contract",
    side: "platform",
    lock: "any",
    summary:
      "Maps fresh memory of a device (or of none: RAM) for a device, `pieces` of as many pages each: one as it is, several as a scatterlist.",
    kernel: "dma_map_phys, dma_map_sgtable",
    fields: {
      device: refer("device"),
      owner: referOrNull("device"),
      pages: integer(1, 128),
      /** Page of the memory at which it begins. */
      first: integer(0, 64),
      pieces: integer(1, 8),
      direction: oneOf(["bidirectional", "toDevice", "fromDevice"]),
      attributes: subset(dmaAttributes),
      entry: create("dmaEntry"),
    },
  }),
  dmaUnmap: operation({
    level: "contract",
    side: "platform",
    lock: "any",
    summary: "Ends such a mapping.",
    kernel: "dma_unmap_phys, dma_unmap_sgtable",
    fields: { entry: refer("dmaEntry") },
  }),
  dmaSync: operation({
    level: "contract",
    side: "platform",
    lock: "any",
    summary: "Hands the first piece of such a mapping to the device or back to the CPU.",
    kernel: "dma_sync_single_for_device, dma_sync_single_for_cpu",
    fields: { entry: refer("dmaEntry"), owner: oneOf(["device", "cpu"]) },
  }),
  setMask: operation({
    level: "contract",
    side: "platform",
    lock: "any",
    summary: "A driver says how many address bits its device has, for streaming or for coherent memory.",
    kernel: "dma_set_mask, dma_set_coherent_mask",
    fields: { device: refer("device"), bits: integer(12, 52), coherent: flag },
  }),
} as const;
