import type { Factory, System } from "../harness/system.ts";
import { ReferenceBuffers } from "../reference-impl/buffers/buffers.ts";
import { ReferenceDma } from "../reference-impl/dma/mapping.ts";
import { ReferenceFences } from "../reference-impl/fences/fences.ts";
import { ReferenceNegotiation } from "../reference-impl/negotiation/negotiation.ts";
import { ReferencePeers } from "../reference-impl/peers/peers.ts";
import { ReferenceReservations } from "../reference-impl/reservations/reservations.ts";
import { ReferenceSpaces } from "../reference-impl/spaces/spaces.ts";
import { ReferenceSyncFiles } from "../reference-impl/sync-files/sync-files.ts";
import type { BufferFramework } from "../spec/roles/buffers.ts";
import type { DmaFramework } from "../spec/roles/dma.ts";
import type { Exporter } from "../spec/roles/exporter.ts";
import type { FenceFramework } from "../spec/roles/fences.ts";
import type { Importer } from "../spec/roles/importer.ts";
import type { NegotiationFramework } from "../spec/roles/negotiation.ts";
import type { PeerFramework } from "../spec/roles/peers.ts";
import type { ReservationFramework } from "../spec/roles/reservations.ts";
import type { SpaceFramework } from "../spec/roles/spaces.ts";
import type { SyncFileFramework } from "../spec/roles/sync-files.ts";
import { referenceExporters, referenceImporters } from "./reference-roles.ts";

/** Parts that take the reference's place. */
export interface Replacement {
  readonly name?: string;
  readonly buffers?: Factory<BufferFramework>;
  readonly reservations?: Factory<ReservationFramework>;
  readonly fences?: Factory<FenceFramework>;
  readonly syncFiles?: Factory<SyncFileFramework>;
  readonly peers?: Factory<PeerFramework>;
  readonly dma?: Factory<DmaFramework>;
  readonly spaces?: Factory<SpaceFramework>;
  readonly negotiation?: Factory<NegotiationFramework>;
  /** Kinds added or replaced; `subject` is the implementation under test. */
  readonly exporters?: Readonly<Record<string, Factory<Exporter>>>;
  readonly importers?: Readonly<Record<string, Factory<Importer>>>;
}

/** The reference, with some of its parts replaced. */
export function referenceSystem(replacement: Replacement = {}): System {
  const { buffers, reservations, fences, syncFiles, peers, dma, spaces, negotiation } = replacement;
  return {
    name: replacement.name ?? "reference",
    version: "1",
    framework: (env) => ({
      buffers: buffers?.(env) ?? new ReferenceBuffers(env),
      reservations: reservations?.(env) ?? new ReferenceReservations(env),
      fences: fences?.(env) ?? new ReferenceFences(env),
      syncFiles: syncFiles?.(env) ?? new ReferenceSyncFiles(env),
      peers: peers?.(env) ?? new ReferencePeers(env),
      dma: dma?.(env) ?? new ReferenceDma(env),
      spaces: spaces?.(env) ?? new ReferenceSpaces(env),
      negotiation: negotiation?.(env) ?? new ReferenceNegotiation(env),
    }),
    exporters: { ...referenceExporters, ...replacement.exporters },
    importers: { ...referenceImporters, ...replacement.importers },
  };
}
