import type { BufferSetup, ExporterSetup, ImporterSetup, InvalidatePolicy, Setup } from "../program.ts";

const page = 4096;

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

/** The exporter of a scope: what is under test where its kind is `subject`. */
export function exporterSetup(kind: string): ExporterSetup {
  return { name: "e1", kind, device: "d1" };
}

/** An importer that the program plays, with a callback. */
export function importerSetup(name: string, onInvalidate: InvalidatePolicy = "defer"): ImporterSetup {
  return { name, kind: "scripted", device: "d1", ops: "callback", allowPeer2peer: false, onInvalidate };
}

/** A buffer of two pages with a reservation object of its own. */
export function bufferSetup(name: string): BufferSetup {
  return { name, exporter: "e1", size: 2 * page, placement: "system", resv: null };
}
