import type { Setup } from "../program.ts";

/** The set-up of a scope: one device, and the parts that are named. What is left out is not there. */
export function scopeSetup(parts: Partial<Omit<Setup, "devices">> = {}): Setup {
  return {
    devices: [{ name: "d1", dmaBits: 52, maxSegment: 2 ** 52 }],
    exporters: parts.exporters ?? [],
    importers: parts.importers ?? [],
    buffers: parts.buffers ?? [],
    reservations: parts.reservations ?? [],
  };
}
