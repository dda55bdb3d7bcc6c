import type { Errno } from "../errno.ts";
import type { Device, Storage } from "./handles.ts";

/** How a device reaches the memory of another: by its bus address, as a mapping through the host bridge, or not at all. */
export const mapTypes = ["bus", "host", "unsupported"] as const;
export type MapType = (typeof mapTypes)[number];

/** Peer-to-peer memory of PCI devices: `drivers/pci/p2pdma.c`. None of it blocks. A provider is the BAR of a device. */
export interface PeerFramework {
  /** `pcim_p2pdma_init`: EOPNOTSUPP where peers cannot map its BARs, or support is not built in. */
  providerInit(device: Device): Errno;
  /** `pcim_p2pdma_provider`: null where there is none. */
  providerFor(device: Device): Device | null;
  /** The driver of the device unbinds (`pci_p2pdma_release`). */
  providerGone(device: Device): void;
  /** `pci_p2pdma_map_type`, up to 6.18 private to the scatterlist path. */
  mapType(provider: Device, client: Device): MapType;
  /** `pci_p2pdma_distance_many`: hops over all clients, or -1 if one of them cannot reach it. */
  distance(provider: Device, clients: readonly Device[]): number;
  /** A page lookup (`mm/gup.c`) that comes upon memory: EREMOTEIO for peer memory without opt-in, EINVAL for a long-term pin of it. */
  pageLookup(storage: Storage, optIn: boolean, longTerm: boolean): Errno;
}
