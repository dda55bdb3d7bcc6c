import { answering, record } from "../call-record.ts";

/** What may happen to a range of an address space (`enum mmu_notifier_event`, and what asks for no notice). */
export const rangeChanges = ["unmap", "clear", "protect", "allow", "migrate", "exclusive", "replace"] as const;
export type RangeChange = (typeof rangeChanges)[number];

/** Reasons that a callback is given: changes that need a notice, and the end of the address space. */
export const notices = ["unmap", "clear", "protect", "migrate", "exclusive", "replace", "release"] as const;
export type Notice = (typeof notices)[number];

/** Kinds of VMAs: ordinary memory, the same without a right, a PFN mapping of a device, and one with the p2p hooks. */
export const vmaKinds = ["anonymous", "readOnly", "unreadable", "device", "peer"] as const;
export type VmaKind = (typeof vmaKinds)[number];

/**
 * Ways to listen: an interval notifier, its form with a second pass, a range notifier, the same by get and put, a flush for
 * devices that walk the CPU's table, a range notifier that may refuse and keeps no entries, and not at all.
 */
export const mirrorForms = ["interval", "twoPass", "range", "getPut", "shared", "watch", "none"] as const;
export type MirrorForm = (typeof mirrorForms)[number];

const notice = { notifier: "name", start: "integer", pages: "integer", change: notices, owner: "nameOrNull" } as const;
const range = (of: { readonly start: number; readonly pages: number }) => `pages ${of.start} + ${of.pages}`;

/** Address spaces, notifiers and what mirrors call. */
export const spaceCalls = {
  /** `lock`: the lock of the space, by name. */
  createSpace: answering({ space: "name" }, { lock: "nameOrNull" }, (of) => `create address space ${of.space}`),
  createVma: record(
    { space: "name", vma: "name", start: "integer", pages: "integer", vmaKind: vmaKinds, buffer: "nameOrNull" },
    (of) => `create ${of.vmaKind} VMA ${of.vma} in ${of.space}, ${range(of)}`,
  ),
  destroyVma: record({ vma: "name" }, (of) => `destroy VMA ${of.vma}`),
  vmaFault: record({ vma: "name", page: "integer" }, (of) => `the CPU faults on page ${of.page} of ${of.vma}`),
  changeRange: record(
    {
      space: "name",
      start: "integer",
      pages: "integer",
      change: rangeChanges,
      owner: "nameOrNull",
      blockable: "flag",
    },
    (of) => `${of.change} ${range(of)} of ${of.space}${of.blockable ? "" : " without blocking"}`,
  ),
  exitSpace: record({ space: "name" }, (of) => `the process of ${of.space} exits`),
  spaceGet: answering({ space: "name" }, { answer: "flag" }, (of) => `get a reference on ${of.space} if it lives`),
  spacePut: record({ space: "name" }, (of) => `put ${of.space}`),
  /** A page-table entry of the CPU: made, changed, or gone (no target). */
  primaryEntry: record(
    { space: "name", page: "integer", target: "nameOrNull", write: "flag" },
    (of) =>
      `page ${of.page} of ${of.space} is ${of.target ?? "empty"}${of.target !== null && of.write ? ", writable" : ""}`,
  ),
  insertNotifier: record(
    { space: "name", notifier: "name", start: "integer", pages: "integer", twoPass: "flag" },
    (of) => `insert interval notifier ${of.notifier} into ${of.space}, ${range(of)}`,
  ),
  removeNotifier: record({ notifier: "name" }, (of) => `remove interval notifier ${of.notifier}`),
  registerNotifier: record(
    { space: "name", notifier: "name", ops: "names", shared: "flag" },
    (of) => `${of.shared ? "get" : "register"} notifier ${of.notifier} on ${of.space}`,
  ),
  unregisterNotifier: record({ notifier: "name" }, (of) => `unregister notifier ${of.notifier}`),
  putNotifier: record({ notifier: "name" }, (of) => `put notifier ${of.notifier}`),
  readBegin: answering({ notifier: "name" }, { sequence: "integer" }, (of) => `read the sequence of ${of.notifier}`),
  readRetry: answering(
    { notifier: "name", sequence: "integer" },
    { answer: "flag" },
    (of) => `has ${of.notifier} left sequence ${of.sequence}?`,
  ),
  setSequence: record(
    { notifier: "name", sequence: "integer" },
    (of) => `save sequence ${of.sequence} of ${of.notifier}`,
  ),
  /** `found`: a page for each, "error" where there is none; `writable`: whether it may be written. */
  rangeFault: answering(
    { space: "name", notifier: "nameOrNull", start: "integer", pages: "integer", write: "flag", demand: "flag" },
    { found: "names", writable: "flags" },
    (of) => `look up ${range(of)} of ${of.space}${of.write ? " for writing" : ""}${of.demand ? "" : ", snapshot"}`,
  ),
  setDirty: record({ target: "name" }, (of) => `mark ${of.target} dirty`),
  cpuTouch: record({ target: "name" }, (of) => `the CPU touches ${of.target}`),
  p2pMap: answering(
    { vma: "name", device: "name", start: "integer", pages: "integer", write: "flag", notifier: "nameOrNull" },
    { addresses: "integers", storage: "nameOrNull" },
    (of) => `ask ${of.vma} for peer access of ${of.device} to ${range(of)}${of.write ? " for writing" : ""}`,
  ),
  p2pUnmap: record(
    { vma: "name", device: "name", start: "integer", pages: "integer", addresses: "integers" },
    (of) => `give back peer access of ${of.device} to ${range(of)} of ${of.vma}`,
  ),
  mirror: record(
    { importer: "name", space: "name", mirror: "name", start: "integer", pages: "integer", form: mirrorForms },
    (of) => `mirror ${range(of)} of ${of.space} as ${of.mirror}, ${of.form}`,
  ),
  mirrorFault: record(
    { mirror: "name", page: "integer", write: "flag" },
    (of) => `the device faults on page ${of.page} of ${of.mirror}${of.write ? " for writing" : ""}`,
  ),
  copyPage: record({ mirror: "name", page: "integer" }, (of) => `copy page ${of.page} of ${of.mirror} by the CPU`),
  unmirror: record({ mirror: "name" }, (of) => `end mirror ${of.mirror}`),
} as const;

/** Callbacks of listeners, and the hooks of a VMA. */
export const spaceHooks = {
  mmuInvalidate: answering(
    { ...notice, blockable: "flag", sequence: "integer", pass: ["only", "first"] },
    { answer: "flag", finish: "flag" },
    (of) => `invalidate ${range(of)} for ${of.notifier} (${of.change}${of.blockable ? "" : ", no blocking"})`,
  ),
  mmuFinish: record({ notifier: "name" }, (of) => `finish the invalidation of ${of.notifier}`),
  rangeStart: record(
    { ...notice, blockable: "flag" },
    (of) => `range start ${range(of)} for ${of.notifier} (${of.change}${of.blockable ? "" : ", no blocking"})`,
  ),
  rangeEnd: record(notice, (of) => `range end ${range(of)} for ${of.notifier}`),
  spaceRelease: record({ notifier: "name" }, (of) => `the address space of ${of.notifier} ends`),
  flushShared: record(
    { notifier: "name", start: "integer", pages: "integer" },
    (of) => `flush ${range(of)} for ${of.notifier}`,
  ),
  freeNotifier: record({ notifier: "name" }, (of) => `free notifier ${of.notifier}`),
  p2pMap: answering(
    {
      buffer: "name",
      vma: "name",
      device: "name",
      start: "integer",
      pages: "integer",
      write: "flag",
      notified: "flag",
    },
    { addresses: "integers" },
    (of) => `peer access of ${of.device} to ${range(of)} of ${of.vma}?`,
  ),
  p2pUnmap: record(
    { buffer: "name", vma: "name", device: "name", start: "integer", pages: "integer", addresses: "integers" },
    (of) => `end peer access of ${of.device} to ${range(of)} of ${of.vma}`,
  ),
} as const;
