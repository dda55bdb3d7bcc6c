import { guests } from "../calls/faults.ts";
import { mappingModels } from "../roles/mapping-model.ts";
import { create, flag, integer, oneOf, operation, refer, subset } from "./define.ts";

const page = integer(0, 2 ** 28);

/** Device faults, slots of guests, physical lists, and negotiation of how a buffer is mapped. */
export const faultOperations = {
  fault: operation({
    level: "driver",
    side: "importer",
    lock: "notHeld",
    summary: "The device faults on a page of an import that is mapped on demand.",
    kernel: "pagefault_dmabuf_mr",
    fields: { import: refer("import"), page, write: flag },
  }),
  prefetch: operation({
    level: "driver",
    side: "importer",
    lock: "notHeld",
    summary: "A user wants pages in place before the device asks for them.",
    kernel: "mlx5_ib_advise_mr_prefetch",
    fields: { import: refer("import"), start: page, pages: integer(1, 64), write: flag },
  }),
  bindSlot: operation({
    level: "driver",
    side: "importer",
    lock: "notHeld",
    summary: "Binds a slice of a buffer, in bytes, to the memory of a guest.",
    kernel: "",
    fields: {
      importer: refer("importer"),
      buffer: refer("buffer"),
      slot: create("slot"),
      offset: integer(0, 2 ** 41),
      length: integer(1, 2 ** 41),
      owner: oneOf(guests),
    },
  }),
  unbindSlot: operation({
    level: "driver",
    side: "importer",
    lock: "notHeld",
    summary: "Takes a slot from its guest.",
    kernel: "",
    fields: { slot: refer("slot") },
  }),
  guestAccess: operation({
    level: "driver",
    side: "importer",
    lock: "notHeld",
    summary: "The guest touches a page of a slot, as private or as shared memory; EFAULT is its exit to user space.",
    kernel: "",
    fields: { slot: refer("slot"), page, write: flag, private: flag },
  }),
  makePrivate: operation({
    level: "driver",
    side: "exporter",
    lock: "notHeld",
    summary: "Binds the memory of a buffer to one guest.",
    kernel: "",
    fields: { buffer: refer("buffer"), owner: oneOf(guests) },
  }),
  restrict: operation({
    level: "driver",
    side: "exporter",
    lock: "notHeld",
    summary: "Takes or gives the right to write to a buffer.",
    kernel: "",
    fields: { buffer: refer("buffer"), write: flag },
  }),
  negotiate: operation({
    level: "contract",
    side: "importer",
    lock: "notHeld",
    summary:
      "Attaches with what both sides can live with: the first of the exporter's models that the importer accepts.",
    kernel: "dma_buf_match_mapping",
    fields: {
      importer: refer("importer"),
      buffer: refer("buffer"),
      attachment: create("attachment"),
      accept: subset(mappingModels),
    },
  }),
  mapPhysical: operation({
    level: "contract",
    side: "importer",
    lock: "held",
    summary: "Maps as a list of physical ranges.",
    kernel: "",
    fields: { attachment: refer("attachment") },
  }),
  unmapPhysical: operation({
    level: "contract",
    side: "importer",
    lock: "held",
    summary: "Gives the list back.",
    kernel: "",
    fields: { attachment: refer("attachment") },
  }),
} as const;
