import type { Operation } from "../../spec/operations/define.ts";
import { operationOf } from "../../spec/operations/operations.ts";
import type { Step } from "../../spec/program.ts";
import type { State } from "../../spec/state/state.ts";

const nameShapes: ReadonlySet<string> = new Set(["refer", "referList", "create"]);

/** The fields that hold names, by operation; filled as operations are met. */
const nameFields = new WeakMap<Operation, readonly string[]>();

function nameFieldsOf(operation: Operation): readonly string[] {
  const known = nameFields.get(operation);
  if (known !== undefined) return known;
  const fields = Object.entries(operation.fields).flatMap(([field, { shape }]) =>
    nameShapes.has(shape.kind) ? [field] : [],
  );
  nameFields.set(operation, fields);
  return fields;
}

/** Names of the objects that a step is about. */
function namesIn(step: Step): readonly string[] {
  const values = step as unknown as Readonly<Record<string, string | readonly string[] | null>>;
  return nameFieldsOf(operationOf(step.op)).flatMap((field) => values[field] ?? []);
}

/** The buffers a name leads to, or the address space; the name itself where it leads to none. */
function roots(state: State, name: string): readonly string[] {
  const { attachments, mappings, imports, buffers, jobs, slots, views, fds } = state;
  const row =
    attachments.get(name) ??
    mappings.get(name) ??
    imports.get(name) ??
    slots.get(name) ??
    views.get(name) ??
    fds.get(name);
  if (row !== undefined) return [row.buffer];
  const inSpace = state.vmas.get(name) ?? state.mirrors.get(name);
  if (inSpace !== undefined) return [inSpace.space];
  const job = jobs.get(name);
  if (job !== undefined) return job.imports.flatMap((other) => imports.get(other)?.buffer ?? []);
  const found: string[] = [];
  for (const [buffer, { resv, exporter }] of buffers) if (resv === name || exporter === name) found.push(buffer);
  return found.length === 0 ? [name] : found;
}

/** What a step may touch: the buffers behind the objects it names. */
export function footprint(state: State, step: Step): ReadonlySet<string> {
  return new Set(namesIn(step).flatMap((name) => roots(state, name)));
}

/** Whether two steps may touch the same thing. */
export function meets(first: ReadonlySet<string>, second: ReadonlySet<string>): boolean {
  for (const name of first) if (second.has(name)) return true;
  return false;
}
