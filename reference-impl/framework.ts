import type { Env } from "../spec/roles/env.ts";
import type { Framework } from "../spec/roles/framework.ts";
import { ReferenceBuffers } from "./buffers/buffers.ts";
import { ReferenceDma } from "./dma/mapping.ts";
import { ReferenceFences } from "./fences/fences.ts";
import { ReferenceNegotiation } from "./negotiation/negotiation.ts";
import { ReferencePeers } from "./peers/peers.ts";
import { ReferenceReservations } from "./reservations/reservations.ts";
import { ReferenceSpaces } from "./spaces/spaces.ts";
import { ReferenceSyncFiles } from "./sync-files/sync-files.ts";

/** The reference framework: all its parts, as the kernel of `env.profile` has them. */
export class ReferenceFramework implements Framework {
  readonly buffers: ReferenceBuffers;
  readonly reservations: ReferenceReservations;
  readonly fences: ReferenceFences;
  readonly syncFiles: ReferenceSyncFiles;
  readonly peers: ReferencePeers;
  readonly dma: ReferenceDma;
  readonly spaces: ReferenceSpaces;
  readonly negotiation: ReferenceNegotiation;

  constructor(env: Env) {
    this.buffers = new ReferenceBuffers(env);
    this.reservations = new ReferenceReservations(env);
    this.fences = new ReferenceFences(env);
    this.syncFiles = new ReferenceSyncFiles(env);
    this.peers = new ReferencePeers(env);
    this.dma = new ReferenceDma(env);
    this.spaces = new ReferenceSpaces(env);
    this.negotiation = new ReferenceNegotiation(env);
  }
}
