import { EINTR } from "../../spec/errno.ts";
import type { OperationName } from "../../spec/operations/operations.ts";
import type { Program, Setup, Step } from "../../spec/program.ts";
import { holdsOf } from "./locks.ts";
import { withFields, withoutSteps } from "./names.ts";
import { each, shorter } from "./pass.ts";
import type { Search, Session } from "./session.ts";

/** Beyond this length it is too early, and there are too many candidates. */
const longest = 16;
/** Up to this length every step is tried with every kind of exporter. */
const fewest = 6;

/** A program that does in fewer steps what this one does. It may need another kind of importer or exporter. */
type Shortcut = (program: Program) => Program;

/**
 * Lets one operation do the work of several: exporters that call their importers by themselves, devices that are reset,
 * buffers that are where a move would bring them, locks that nobody gives back.
 */
export function* shortcuts(session: Session): Search<void> {
  const { program, kinds } = session;
  if (program.steps.length > longest) return;
  const importers = different(kinds.importers).filter((kind) => kind !== "scripted");
  const exporters = different(kinds.exporters).filter((kind) => !kind.startsWith("scripted"));
  const ways: readonly Shortcut[] = [
    ...program.failures.flatMap(({ step, site, errno }) => (errno === EINTR ? [pending(step, site)] : [])),
    ...program.steps.flatMap((step) => [
      ...(step.op === "move" ? [placed(step)] : []),
      ...(step.op === "unrevoke" ? [resetting(step)] : []),
      ...(step.op === "unlock" ? [kept(step)] : []),
      ...(step.op === "invalidate" ? drivers.flatMap((op) => exporters.map((kind) => driven(step, op, kind))) : []),
      ...(step.op === "submit" ? importers.map((kind) => atImport(step, kind)) : []),
      ...(step.op === "pin" ? [pinning(step)] : []),
    ]),
  ];
  yield* each(session, ways, (now, way) => way(now));
  if (program.steps.length <= fewest)
    yield* shorter(
      session,
      exporters.flatMap((kind) => otherwiseExported(program, kind)),
    );
}

function different(kinds: readonly string[]): readonly string[] {
  return [...new Set(kinds)];
}

/** Another kind of exporter, which needs one of the steps or failures less. */
function otherwiseExported(program: Program, kind: string): readonly Program[] {
  const exporters = program.setup.exporters.map((row) => ({ ...row, kind }));
  const now = { ...program, setup: { ...program.setup, exporters } };
  const steps = program.steps.filter(({ op }) => op !== "export").map(({ id }) => withoutSteps(now, [id]));
  const failures = program.failures.map((gone) => ({
    ...now,
    failures: program.failures.filter((failure) => failure !== gone),
  }));
  return [...failures, ...steps];
}

type Table = "importers" | "exporters" | "buffers";

/** The program with a row of its set-up changed. */
export function withEntry<T extends Table>(
  program: Program,
  table: T,
  name: string,
  fields: Partial<Setup[T][number]>,
): Program {
  const rows = (program.setup[table] as readonly Setup[T][number][]).map((row) =>
    row.name === name ? { ...row, ...fields } : row,
  );
  return { ...program, setup: { ...program.setup, [table]: rows } };
}

/** The exporter of a buffer. */
function exporterOf({ setup }: Program, buffer: string): string {
  return setup.buffers.find(({ name }) => name === buffer)?.exporter ?? "";
}

/** The program with another step in place of this one. */
export function replaced(program: Program, id: string, by: (step: Step) => Step): Program {
  return { ...program, steps: program.steps.map((step) => (step.id === id ? by(step) : step)) };
}

/** A signal that is pending in place of a wait that is made to fail. */
function pending(id: string, site: string): Shortcut {
  return (program) => ({
    ...replaced(program, id, (step) => withFields(step, { interrupted: true })),
    failures: program.failures.filter((failure) => failure.step !== id || failure.site !== site),
  });
}

/** The buffer starts where the move would not leave it. */
function placed({ id, buffer }: Step<"move">): Shortcut {
  return (program) => {
    const now = program.setup.buffers.find(({ name }) => name === buffer)?.placement;
    const placement = now === "system" ? "device" : "system";
    return withEntry(withoutSteps(program, [id]), "buffers", buffer, { placement });
  };
}

/** A reset revokes and gives back in one. */
function resetting({ id, buffer }: Step<"unrevoke">): Shortcut {
  return (program) => {
    const at = program.steps.findIndex((step) => step.id === id);
    const revoke = program.steps.slice(0, at).findLast((step) => step.op === "revoke" && step.buffer === buffer);
    if (revoke === undefined) return program;
    const { task } = revoke;
    const reset = { id, task, op: "reset", exporter: exporterOf(program, buffer) } as const;
    return withoutSteps(
      replaced(program, id, () => reset),
      [revoke.id],
    );
  };
}

/** The lock stays with its task, and another goes on. */
function kept({ id, task }: Step<"unlock">): Shortcut {
  return (program) => {
    const at = program.steps.findIndex((step) => step.id === id);
    const other = program.steps.find((step) => step.task !== task)?.task ?? (task === "t1" ? "t2" : "t1");
    const steps = program.steps.map((step, index) =>
      index > at && step.task === task ? { ...step, task: other } : step,
    );
    return withoutSteps({ ...program, steps }, [id]);
  };
}

/** What exporters do that calls their importers, the plainest first. */
const drivers = ["move", "revoke", "evict"] as const satisfies readonly OperationName[];

/** An exporter that drives itself makes the call, and takes the lock for it. */
function driven({ id, task, buffer }: Step<"invalidate">, op: (typeof drivers)[number], kind: string): Shortcut {
  return (program) => {
    const hold = holdsOf(program.steps).findLast(({ inside }) => inside.some((step) => step.id === id));
    if (hold === undefined) return program;
    const step =
      op === "move" ? ({ id, task, op, buffer, placement: "system" } as const) : ({ id, task, op, buffer } as const);
    const driving = withEntry(program, "exporters", exporterOf(program, buffer), { kind });
    return withoutSteps(
      replaced(driving, id, () => step),
      [hold.lock.id, ...(hold.unlock === null ? [] : [hold.unlock.id])],
    );
  };
}

/** The importer is one that maps when it imports, no job is needed for that. */
function atImport({ id, importer }: Step<"submit">, kind: string): Shortcut {
  return (program) => withEntry(withoutSteps(program, [id]), "importers", importer, { kind });
}

/** A map for an importer that cannot be told of a move pins by itself, and takes the lock for it. */
function pinning({ id, task, attachment }: Step<"pin">): Shortcut {
  return (program) => {
    const hold = holdsOf(program.steps).findLast(({ inside }) => inside.some((step) => step.id === id));
    const attach = program.steps.find((step) => step.op === "attach" && step.attachment === attachment);
    if (hold === undefined || attach?.op !== "attach") return program;
    const map = { id, task, op: "mapUnlocked", attachment, direction: "bidirectional", mapping: "m1" } as const;
    const fixed = withEntry(program, "importers", attach.importer, { ops: "static" });
    return withoutSteps(
      replaced(fixed, id, () => map),
      [hold.lock.id, ...(hold.unlock === null ? [] : [hold.unlock.id])],
    );
  };
}
