import type { Step } from "../../program.ts";
import type { FieldShape, LockNeed, StepField } from "../define.ts";
import { isFree, usableAttachment, usableBuffer, usableFence, usableMapping, type ClassifyContext } from "./context.ts";

/** Whether all that a step of an added operation names may be used now, and its task may make the call. */
export function isUsable(
  context: ClassifyContext,
  step: Step,
  lock: LockNeed,
  fields: Readonly<Record<string, StepField<unknown>>>,
): boolean {
  if (lock === "notHeld" && !isFree(context, step.task)) return false;
  if (lock === "held" && !holdsAny(context, step.task)) return false;
  const values = step as unknown as Readonly<Record<string, unknown>>;
  return Object.entries(fields).every(([field, { shape }]) => mayName(context, shape, values[field]));
}

function holdsAny({ state }: ClassifyContext, task: string): boolean {
  return state.tasks.get(task)?.held.some((entry) => entry.lockClass === "reservation") === true;
}

function mayName(context: ClassifyContext, shape: FieldShape, value: unknown): boolean {
  if (shape.kind === "refer") return typeof value === "string" ? isThere(context, shape, value) : shape.nullable;
  if (shape.kind === "referList") return (value as readonly string[]).every((name) => isThere(context, shape, name));
  if (shape.kind === "create" && shape.object === "object") return !isThere(context, shape, value as string);
  return true;
}

/** Whether the program may use the object of this name. */
function isThere(
  context: ClassifyContext,
  { object, table }: Extract<FieldShape, { kind: "refer" | "referList" | "create" }>,
  name: string,
): boolean {
  const { state, setup } = context;
  switch (object) {
    case "buffer":
      return usableBuffer(context, name) !== undefined;
    case "attachment":
      return usableAttachment(context, name) !== undefined;
    case "mapping":
      return usableMapping(context, name) !== undefined;
    case "fence":
      return usableFence(context, name) !== undefined;
    case "object":
      return table !== undefined && state.added?.tables[table]?.has(name) === true;
    case "importer":
      return setup.importers.some((entry) => entry.name === name);
    case "exporter":
      return setup.exporters.some((entry) => entry.name === name);
    case "device":
      return setup.devices.some((entry) => entry.name === name);
    case "import":
      return state.imports.get(name)?.phase === "live";
    case "space":
      return state.spaces.get(name)?.exited === false;
    case "vma":
      return state.vmas.get(name)?.live === true;
    case "mirror":
      return state.mirrors.get(name)?.phase === "live";
    case "job":
      return state.jobs.get(name)?.phase === "running";
    case "view":
      return state.views.get(name)?.live === true;
    default:
      return true;
  }
}

/** Names that a field may have in this state, for whoever draws steps. */
export function namesThere(context: ClassifyContext, shape: Extract<FieldShape, { kind: "refer" | "referList" }>) {
  return candidates(context, shape).filter((name) => isThere(context, shape, name));
}

function candidates(
  { state, setup }: ClassifyContext,
  { object, table }: Extract<FieldShape, { kind: "refer" | "referList" }>,
): readonly string[] {
  switch (object) {
    case "importer":
      return setup.importers.map(({ name }) => name);
    case "exporter":
      return setup.exporters.map(({ name }) => name);
    case "device":
      return setup.devices.map(({ name }) => name);
    case "reservation":
      return [...setup.reservations, ...[...state.buffers.values()].map(({ resv }) => resv)];
    case "object":
      return [...(state.added?.tables[table ?? ""]?.keys() ?? [])];
    case "buffer":
      return [...state.buffers.keys()];
    case "attachment":
      return [...state.attachments.keys()];
    case "mapping":
      return [...state.mappings.keys()];
    case "fence":
      return [...state.fences.keys()];
    case "import":
      return [...state.imports.keys()];
    case "space":
      return [...state.spaces.keys()];
    case "vma":
      return [...state.vmas.keys()];
    case "mirror":
      return [...state.mirrors.keys()];
    case "job":
      return [...state.jobs.keys()];
    case "view":
      return [...state.views.keys()];
    case "fd":
      return [...state.fds.keys()];
    default:
      return [];
  }
}
