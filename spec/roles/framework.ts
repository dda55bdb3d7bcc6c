import type { BufferFramework } from "./buffers.ts";
import type { DmaFramework } from "./dma.ts";
import type { FenceFramework } from "./fences.ts";
import type { NegotiationFramework } from "./negotiation.ts";
import type { PeerFramework } from "./peers.ts";
import type { ReservationFramework } from "./reservations.ts";
import type { SpaceFramework } from "./spaces.ts";
import type { SyncFileFramework } from "./sync-files.ts";

/** A whole framework. A user may bring any of its parts; the others come from the reference. */
export interface Framework {
  readonly buffers: BufferFramework;
  readonly reservations: ReservationFramework;
  readonly fences: FenceFramework;
  readonly syncFiles: SyncFileFramework;
  /** Peer-to-peer memory. */
  readonly peers: PeerFramework;
  /** The DMA API. */
  readonly dma: DmaFramework;
  /** Address spaces, for programs that have any. */
  readonly spaces?: SpaceFramework;
  /** Negotiation of mapping models. */
  readonly negotiation?: NegotiationFramework;
}
