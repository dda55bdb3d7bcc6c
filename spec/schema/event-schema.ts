import { z } from "zod";
import { quoted } from "../bad-input.ts";
import type { AddedContract } from "../added-contract.ts";
import { didYouMean } from "../closest.ts";
import { eventKinds, type EventKind, type HistoryEvent } from "../event.ts";
import { dmaCalls, peerCalls, touches } from "../platform-event.ts";
import type { AddedOperation } from "../operations/added.ts";
import { acsBits, type DeviceTraits } from "../platform.ts";
import { dmaAttributes } from "../roles/dma.ts";
import { mapTypes } from "../roles/peers.ts";
import {
  accessKind,
  callFields,
  callNames,
  callResults,
  declaredTypes,
  hookFields,
  hookNames,
  hookResults,
  direction,
  name,
  nameOrNull,
  placement,
  segment,
} from "./call-schema.ts";
import { fieldType } from "./field-type.ts";
import { flagField, integerField, listField, record, textField, variants, wholeNumber, wordField } from "./fields.ts";

type Shape = Readonly<Record<string, z.ZodType>>;

const integer = wholeNumber;
const errno = integerField(0, 4095);
const seq = integerField(0, Number.MAX_SAFE_INTEGER);

/** An event of one kind: what all events share, and its own fields. */
function event<S extends Shape, K extends EventKind>(kind: K, own: S) {
  return record(`an event ${kind}`, {
    seq,
    kind: z.literal(kind),
    task: name,
    step: nameOrNull,
    atomic: flagField,
    ...own,
  });
}

/** The events of one kind that have a shape for each operation or hook. */
function perName<N extends string>(kind: EventKind, key: "op" | "hook", all: readonly N[], own: (of: N) => Shape) {
  const [first, ...rest] = all.map((of) =>
    record(`a ${kind} of ${of}`, {
      seq,
      kind: z.literal(kind),
      [key]: z.literal(of),
      task: name,
      step: nameOrNull,
      atomic: flagField,
      ...own(of),
    }),
  );
  return variants(
    key,
    `an event ${kind}`,
    [first!, ...rest],
    (word) =>
      `unknown ${key === "op" ? "operation" : "hook"} ${quoted(word)}${didYouMean(word, all, "docs/schemas/history.schema.json has all")}`,
  );
}

/** The bridges of a platform. */
export const bridge = record("a bridge", {
  name,
  parent: nameOrNull,
  acs: listField(wordField(acsBits)),
  allow: wordField(["listed", "sameBridge", "no"]),
});

/** What a platform says of a device. */
export const deviceTraits: { readonly [T in keyof DeviceTraits]: z.ZodType<DeviceTraits[T]> } = {
  bus: nameOrNull,
  function: wordField(["pci", "child", "none"]),
  acs: listField(wordField(acsBits)),
  ats: flagField,
  iommu: wordField(["translated", "identity", "legacy", "blocked"]),
  bounce: flagField,
  coherent: flagField,
  mask: wordField(["set", "default", "none"]),
  busLimitBits: integerField(0, 52),
  boundary: integerField(0, 2 ** 52),
  dmaOffset: integer,
  busOffset: integer,
  bar: wordField(["memory", "io", "absent", "unmappable", "secure"]),
  directOnly: flagField,
  untrusted: flagField,
  lazyFlush: flagField,
  granule: integerField(1, 2 ** 30),
  cc: wordField(["none", "shared", "private"]),
};

const arguments_: Readonly<Record<string, Shape>> = callFields;
const results: Readonly<Record<string, Shape>> = callResults;
const hookArguments: Readonly<Record<string, Shape>> = hookFields;
const hookAnswers: Readonly<Record<string, Shape>> = hookResults;

const request = {
  lock: name,
  lockClass: name,
  form: wordField(["plain", "interruptible", "slow", "slowInterruptible", "try"]),
  acquire: nameOrNull,
  by: name,
};

const wait = variants(
  "kind",
  "a wait",
  [
    record("a wait for a lock", { kind: z.literal("lock"), ...request }),
    record("a wait for a fence", { kind: z.literal("fence"), fence: name }),
    record("a wait for unmaps", { kind: z.literal("unmapped"), buffer: name }),
    record("a wait", { kind: z.literal("other"), what: textField }),
  ],
  (word) => `unknown kind of wait ${quoted(word)}; known: lock, fence, unmapped, other`,
);

const calls = [
  perName("call", "op", callNames, (op) => ({ by: name, ...arguments_[op] })),
  perName("ret", "op", callNames, (op) => ({ by: name, call: seq, errno, ...arguments_[op], ...results[op] })),
] as const;

/** Those of a contract beside the core. */
function callsOf({ operations }: AddedContract) {
  const own = Object.fromEntries(operations.map((operation) => [operation.name, ownFields(operation)]));
  const names = [...callNames, ...Object.keys(own)];
  const argumentsOf = (op: string) => own[op]?.arguments ?? arguments_[op];
  const resultsOf = (op: string) => own[op]?.results ?? results[op];
  return [
    perName("call", "op", names, (op) => ({ by: name, ...argumentsOf(op) })),
    perName("ret", "op", names, (op) => ({ by: name, call: seq, errno, ...argumentsOf(op), ...resultsOf(op) })),
  ] as const;
}

function ownFields({ fields, answers }: AddedOperation): { readonly arguments: Shape; readonly results: Shape } {
  const types = Object.entries(fields).map(([field, { shape }]) => [field, fieldType(shape)] as const);
  return { arguments: Object.fromEntries(types), results: declaredTypes(answers) };
}

const others = [
  perName("cb", "hook", hookNames, (hook) => ({ to: name, ...hookArguments[hook] })),
  perName("cbret", "hook", hookNames, (hook) => ({
    to: name,
    cb: seq,
    errno,
    injected: flagField,
    ...hookArguments[hook],
    ...hookAnswers[hook],
  })),
  event("lock", { ...request, errno, waited: flagField }),
  event("unlock", { lock: name, lockClass: name, by: name }),
  event("blocked", { wait, interruptible: flagField }),
  event("resumed", { wait, errno }),
  event("signal", { fence: name, time: integer, error: integer }),
  event("access", {
    importer: name,
    attachment: name,
    mapping: nameOrNull,
    job: nameOrNull,
    access: accessKind,
    address: integer,
    answer: wordField(["ok", "fault"]),
    storage: nameOrNull,
    request: wordField(["untranslated", "translated"]).optional(),
    seen: seq.nullable().optional(),
  }),
  event("cpu", {
    by: name,
    buffer: name,
    view: name,
    access: wordField(["read", "write"]),
    offset: integer,
    io: flagField,
    answer: wordField(["ok", "sigbus", "fault"]),
    storage: nameOrNull,
    storageOffset: integer,
    seen: seq.nullable().optional(),
    decrypted: flagField.optional(),
  }),
  event("page", {
    buffer: name,
    view: name,
    on: flagField,
    page: integer,
    count: integer,
    storage: nameOrNull,
    offset: integer,
  }),
  event("alloc", {
    what: name,
    id: textField,
    by: name,
    placement: placement.nullable(),
    errno,
    physical: integer.optional(),
    owner: nameOrNull.optional(),
  }),
  event("free", { what: name, id: name, by: name }),
  event("epoch", { buffer: name, change: wordField(["export", "move", "revoke", "unrevoke"]), storage: nameOrNull }),
  event("translate", {
    device: name,
    on: flagField,
    address: integer,
    length: integer,
    storage: name,
    offset: integer,
    protection: wordField(["cached", "uncached", "device"]).optional(),
  }),
  event("list", { attachment: name, listed: flagField }),
  event("device", {
    change: wordField(["memoryOn", "memoryOff", "stop", "jobStart", "jobHang", "jobEnd"]),
    exporter: nameOrNull,
    attachment: nameOrNull,
    job: nameOrNull,
  }),
  event("contract", { name, hash: name }),
  event("platform", {
    cpuGood: flagField,
    peerSupport: flagField,
    bridges: listField(bridge),
    devices: listField(record("a device", { name, dmaMask: integer, maxSegment: integer, ...deviceTraits })),
    exporters: listField(record("an exporter", { name, device: name })),
  }),
  event("peer", {
    op: wordField(peerCalls),
    by: name,
    provider: name,
    clients: listField(name),
    type: wordField(mapTypes).nullable(),
    result: integer,
    errno,
    optIn: flagField,
    longTerm: flagField,
  }),
  event("dma", {
    op: wordField(dmaCalls),
    by: name,
    device: name,
    errno,
    object: nameOrNull,
    storage: nameOrNull,
    offset: integer,
    address: integer,
    length: integer,
    direction,
    attributes: listField(wordField(dmaAttributes)),
    count: integer,
    segments: listField(segment),
  }),
  event("helper", {
    op: wordField(["physVecToSgt", "freeSgt"]),
    by: name,
    attachment: nameOrNull,
    provider: nameOrNull,
    ranges: listField(record("a range", { storage: name, offset: integer, length: integer })),
    size: integer,
    direction,
    table: nameOrNull,
    errno,
  }),
  event("touch", {
    what: wordField(touches),
    device: nameOrNull,
    storage: nameOrNull,
    offset: integer,
    length: integer,
    errno,
  }),
  event("warn", { text: textField }),
  event("fault", { text: textField }),
  event("drain", {}),
  event("end", { waiting: listField(record("a waiting task", { task: name, wait })) }),
] as const;

/** As the types in event.ts say; the tables of calls and hooks are checked against them field by field. */
function anyEvent(own: typeof calls | ReturnType<typeof callsOf>): z.ZodType<HistoryEvent> {
  return variants(
    "kind",
    "an event",
    [...own, ...others],
    (word) => `unknown kind of event ${quoted(word)}${didYouMean(word, eventKinds, `known: ${eventKinds.join(", ")}`)}`,
  ) as unknown as z.ZodType<HistoryEvent>;
}

const coreEvent = anyEvent(calls);

/** The type of events of a contract; null: of the core. */
export function eventTypeOf(contract: AddedContract | null): z.ZodType<HistoryEvent> {
  return contract === null ? coreEvent : anyEvent(callsOf(contract));
}
