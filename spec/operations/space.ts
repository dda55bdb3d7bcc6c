import { mirrorForms, rangeChanges, vmaKinds } from "../calls/spaces.ts";
import { create, flag, integer, oneOf, operation, refer, referOrNull } from "./define.ts";

/** Pages of an address space that programs use; mirrors may ask for more, in vain. */
export const spacePages = 64;
const page = integer(0, spacePages - 1);
const count = integer(1, spacePages);
/** Pages of 4 KiB in 64 bits of address. */
export const lastPage = 2 ** 52 - 1;

/** Address spaces, VMAs, notifiers and devices that mirror memory of a process. */
export const spaceOperations = {
  createSpace: operation({
    level: "control",
    side: "space",
    lock: "any",
    summary: "A process begins.",
    kernel: "mm_alloc",
    fields: { space: create("space") },
  }),
  createVma: operation({
    level: "control",
    side: "space",
    lock: "notHeld",
    summary: "Makes a VMA in free pages; `peer`: the device memory of a buffer, with the hooks of the 2019 RFC.",
    kernel: "mmap_region",
    fields: {
      space: refer("space"),
      vma: create("vma"),
      start: page,
      pages: count,
      vmaKind: oneOf(vmaKinds),
      buffer: referOrNull("buffer"),
    },
  }),
  destroyVma: operation({
    level: "control",
    side: "space",
    lock: "notHeld",
    summary: "Takes a VMA down: notices, then its pages, then itself.",
    kernel: "do_munmap",
    fields: { vma: refer("vma") },
  }),
  vmaFault: operation({
    level: "control",
    side: "space",
    lock: "notHeld",
    summary: "The CPU touches a page of a VMA, counted from its start.",
    kernel: "handle_mm_fault",
    fields: { vma: refer("vma"), page },
  }),
  changeRange: operation({
    level: "control",
    side: "space",
    lock: "notHeld",
    summary: "Changes a range of an address space; `owner`: the device driver on whose behalf it migrates.",
    kernel: "mmu_notifier_invalidate_range_start, mmu_notifier_invalidate_range_end",
    fields: {
      space: refer("space"),
      start: page,
      pages: count,
      change: oneOf(rangeChanges),
      owner: referOrNull("importer"),
      blockable: flag,
    },
  }),
  exitSpace: operation({
    level: "control",
    side: "space",
    lock: "notHeld",
    summary: "The process ends: its own reference to the address space goes.",
    kernel: "mmput, exit_mmap",
    fields: { space: refer("space") },
  }),
  mirror: operation({
    level: "driver",
    side: "space",
    lock: "notHeld",
    summary: "A device starts to mirror a range.",
    kernel: "mmu_interval_notifier_insert, mmu_notifier_register, mmu_notifier_get",
    fields: {
      importer: refer("importer"),
      space: refer("space"),
      mirror: create("mirror"),
      start: integer(0, lastPage),
      pages: integer(0, lastPage),
      form: oneOf(mirrorForms),
    },
  }),
  mirrorFault: operation({
    level: "driver",
    side: "space",
    lock: "notHeld",
    summary: "The device wants a page of its mirror.",
    kernel: "hmm_range_fault",
    fields: { mirror: refer("mirror"), page, write: flag },
  }),
  copyPage: operation({
    level: "driver",
    side: "space",
    lock: "notHeld",
    summary: "The driver copies a mirrored page by the CPU: EOPNOTSUPP for what is there for DMA only.",
    kernel: "",
    fields: { mirror: refer("mirror"), page },
  }),
  touch: operation({
    level: "control",
    side: "space",
    lock: "any",
    summary: "The device touches a page through its page table.",
    kernel: "",
    fields: { mirror: refer("mirror"), page, access: oneOf(["read", "write", "speculativeRead"]) },
  }),
  unmirror: operation({
    level: "driver",
    side: "space",
    lock: "notHeld",
    summary: "The device ends a mirror.",
    kernel: "mmu_interval_notifier_remove, mmu_notifier_unregister, mmu_notifier_put",
    fields: { mirror: refer("mirror") },
  }),
} as const;
