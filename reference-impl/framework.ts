import type { Env } from "../spec/roles/env.ts";
import type { Framework } from "../spec/roles/framework.ts";
import { ReferenceBuffers } from "./buffers/buffers.ts";
import { ReferenceFences } from "./fences/fences.ts";
import { ReferenceReservations } from "./reservations/reservations.ts";

/** The reference framework: the three parts, as the kernel of `env.profile` has them. */
export class ReferenceFramework implements Framework {
  readonly buffers: ReferenceBuffers;
  readonly reservations: ReferenceReservations;
  readonly fences: ReferenceFences;

  constructor(env: Env) {
    this.buffers = new ReferenceBuffers(env);
    this.reservations = new ReferenceReservations(env);
    this.fences = new ReferenceFences(env);
  }
}
