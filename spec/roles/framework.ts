import type { BufferFramework } from "./buffers.ts";
import type { FenceFramework } from "./fences.ts";
import type { ReservationFramework } from "./reservations.ts";

/** A whole framework. A user may bring any of the three parts; the others come from the reference. */
export interface Framework {
  readonly buffers: BufferFramework;
  readonly reservations: ReservationFramework;
  readonly fences: FenceFramework;
}
