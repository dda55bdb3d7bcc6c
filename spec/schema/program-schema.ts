import { z } from "zod";
import { quoted } from "../bad-input.ts";
import { didYouMean } from "../closest.ts";
import { contractKey, type AddedContract } from "../added-contract.ts";
import { limits } from "../limits.ts";
import type { Operation } from "../operations/define.ts";
import { operations } from "../operations/operations.ts";
import { profileNames } from "../profile-name.ts";
import { coreContractName, programSchema, type Program } from "../program.ts";
import { bridge, deviceTraits } from "./event-schema.ts";
import { fieldType } from "./field-type.ts";
import {
  expected,
  flagField,
  integerField,
  listField,
  nameField,
  nullableNameField,
  record,
  variants,
  wordField,
} from "./fields.ts";

const markType = z.literal(true, expected("true, or no such field")).optional();

function stepType(name: string, operation: Operation) {
  const fields = Object.entries(operation.fields).map(([field, { shape }]) => [field, fieldType(shape)] as const);
  return record(`a step ${name}`, {
    id: nameField,
    task: nameField,
    op: z.literal(name),
    ...(Object.fromEntries(fields) as Record<string, z.ZodType>),
    interrupted: markType,
    misuse: markType,
  }).meta({ description: operation.summary });
}

/** The zod type of a step over a table of operations. */
function stepsType(table: Readonly<Record<string, Operation>>) {
  const names = Object.keys(table);
  const [first, ...rest] = names.map((name) => stepType(name, table[name]!));
  return variants(
    "op",
    "a step",
    [first!, ...rest],
    (word) => `unknown operation ${quoted(word)}${didYouMean(word, names, "docs/operations.md lists all")}`,
  );
}

const entries = <T extends z.ZodType>(type: T) => listField(type, limits.setupEntries);
const ops = wordField(["static", "noCallback", "callback"]);
const placement = wordField(["system", "device"]);
const policy = wordField(["unmap", "defer", "fence", "ignore"]);

/** Each may be left out: then it is as `plainDevice` has it. */
const traits = Object.fromEntries(
  Object.entries(deviceTraits).map(([trait, type]) => [trait, type.optional()]),
) as Record<string, z.ZodType>;

const setupType = record("the set-up", {
  devices: entries(
    record("a device", {
      name: nameField,
      dmaBits: integerField(12, 52),
      maxSegment: integerField(1, 2 ** 52),
      ...traits,
    }),
  ),
  exporters: entries(record("an exporter", { name: nameField, kind: nameField, device: nameField })),
  importers: entries(
    record("an importer", {
      name: nameField,
      kind: nameField,
      device: nameField,
      ops,
      allowPeer2peer: flagField,
      onInvalidate: policy,
    }),
  ),
  buffers: entries(
    record("a buffer", {
      name: nameField,
      exporter: nameField,
      size: integerField(1, 2 ** 40),
      placement,
      resv: nullableNameField,
      shared: markType,
    }),
  ),
  reservations: entries(nameField),
  platform: record("the platform", {
    cpuGood: flagField,
    peerSupport: flagField,
    bridges: entries(bridge),
  }).optional(),
});

const site = { step: nameField, site: nameField, nth: integerField(1, 1_000_000) };

function programFileOf(contract: string, table: Readonly<Record<string, Operation>>) {
  return record("a program", {
    schema: z.literal(programSchema, expected(String(programSchema))),
    contract: z.literal(contract, expected(`"${contract}"`)),
    profile: wordField(profileNames),
    setup: setupType,
    steps: listField(stepsType(table), limits.steps),
    schedule: listField(record("a preemption", { ...site, until: nameField }), limits.points),
    failures: listField(record("a failure", { ...site, errno: integerField(1, 4095) }), limits.points),
  });
}

/** Text, types and bounds of a program file of the core; `programProblem` checks what the names mean. */
export const programFile: ReturnType<typeof programFileOf> = programFileOf(coreContractName, operations);

/** As the types in program.ts say. The steps are made from `operations` at run time, where TypeScript cannot follow. */
function typed(file: z.ZodType): z.ZodType<Program> {
  return file as z.ZodType<Program>;
}

const byContract = new Map<string, z.ZodType<Program>>();

/** The type of programs of a contract; null: of the core. */
export function programTypeOf(contract: AddedContract | null): z.ZodType<Program> {
  if (contract === null) return typed(programFile);
  const key = contractKey(contract);
  let known = byContract.get(key);
  if (known === undefined) {
    const own = Object.fromEntries(contract.operations.map((operation) => [operation.name, operation]));
    byContract.set(key, (known = typed(programFileOf(key, { ...operations, ...own }))));
  }
  return known;
}
