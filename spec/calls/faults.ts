import { answering, record } from "../call-record.ts";

/** Guests that a slot may belong to, and private memory be bound to. */
export const guests = ["g1", "g2"] as const;
export type Guest = (typeof guests)[number];

/** Device faults on imports, slots of guests, and rights of a buffer. */
export const faultCalls = {
  fault: record(
    { import: "name", page: "integer", write: "flag" },
    (of) => `the device faults on page ${of.page} of ${of.import}${of.write ? " for writing" : ""}`,
  ),
  prefetch: record(
    { import: "name", start: "integer", pages: "integer", write: "flag" },
    (of) => `prefetch pages ${of.start} + ${of.pages} of ${of.import}`,
  ),
  bindSlot: record(
    { importer: "name", buffer: "name", slot: "name", offset: "integer", length: "integer", owner: guests },
    (of) => `bind bytes ${of.offset} + ${of.length} of ${of.buffer} to ${of.owner} as ${of.slot}`,
  ),
  unbindSlot: record({ slot: "name" }, (of) => `unbind ${of.slot}`),
  guestAccess: record(
    { slot: "name", page: "integer", write: "flag", private: "flag" },
    (of) =>
      `the guest ${of.write ? "writes" : "reads"} page ${of.page} of ${of.slot}${of.private ? " as private" : " as shared"}`,
  ),
  makePrivate: record({ buffer: "name", owner: guests }, (of) => `make ${of.buffer} private to ${of.owner}`),
  restrict: record(
    { buffer: "name", write: "flag" },
    (of) => `${of.write ? "allow writing to" : "make read-only"} ${of.buffer}`,
  ),
  /** `owner`: the guest that alone may have it, null for shared memory; `mmio`: it is no ordinary memory. */
  mapPhysical: answering(
    { attachment: "name", buffer: "name" },
    { storage: "nameOrNull", write: "flag", owner: "nameOrNull", mmio: "flag" },
    (of) => `map ${of.attachment} as a physical list`,
  ),
  unmapPhysical: record({ attachment: "name", buffer: "name" }, (of) => `unmap the physical list of ${of.attachment}`),
} as const;

/** Hooks of an exporter that gives out physical lists. */
export const faultHooks = {
  mapPhysical: answering(
    { attachment: "name" },
    { storage: "nameOrNull", write: "flag", owner: "nameOrNull", mmio: "flag" },
    (of) => `physical list for ${of.attachment}`,
  ),
  unmapPhysical: record({ attachment: "name" }, (of) => `end the physical list of ${of.attachment}`),
} as const;
