import type { Program, Step } from "../../spec/program.ts";
import { holdsOf } from "./locks.ts";
import { freshName, takenNames, withoutSteps } from "./names.ts";
import { each, shorter } from "./pass.ts";
import type { Search, Session } from "./session.ts";
import { replaced, withEntry } from "./shortcuts.ts";

/** Beyond this length it is too early, and there are too many candidates. */
const longest = 16;
/** Up to this length one import is tried in place of any two steps. */
const fewest = 6;

type MapStep = Step<"map" | "mapUnlocked">;
type AttachStep = Step<"attach">;

/** Importers that drive themselves attach, pin and map in one, where the importer attaches or where it maps. */
export function* imports(session: Session): Search<void> {
  const { program, kinds } = session;
  if (program.steps.length > longest) return;
  const drivers = [...new Set(kinds.importers)].filter((kind) => kind !== "scripted");
  const maps = program.steps.filter((step) => step.op === "map" || step.op === "mapUnlocked");
  const pins = program.steps.filter((step) => step.op === "pin");
  const some = maps.length > 1 ? [maps, ...maps.map((map) => [map])] : maps.map((map) => [map]);
  const mapping = some.flatMap((all) =>
    (["attach", "map"] as const).flatMap((place) => drivers.map((kind) => ({ all, place, kind }))),
  );
  yield* each(session, mapping, (now, { all, place, kind }) =>
    all.reduce((to, map) => mapped(to, map, place, kind), now),
  );
  yield* each(
    session,
    pins.flatMap((pin) => drivers.map((kind) => ({ pin, kind }))),
    (now, { pin, kind }) => pinned(now, pin, kind),
  );
  if (program.steps.length > fewest) return;
  const attaches = program.steps.filter((step) => step.op === "attach");
  const others = program.steps.filter(({ op }) => op !== "export" && op !== "attach").toReversed();
  const instead = attaches.flatMap((attach) =>
    drivers.flatMap((kind) => others.map(({ id }) => withoutSteps(imported(program, attach, attach, kind), [id]))),
  );
  yield* shorter(session, instead);
}

/** The importer of an attachment is of that kind and imports in place of a step; what was made to happen there still is. */
function imported(
  program: Program,
  { id, importer, buffer }: AttachStep,
  at: AttachStep | MapStep,
  kind: string,
): Program {
  if (buffer === null) return program;
  const name = freshName("p", takenNames(program));
  const direction = at.op === "attach" ? "bidirectional" : at.direction;
  const { task, interrupted } = at;
  const step = {
    id: at.id,
    task,
    op: "import",
    importer,
    buffer,
    import: name,
    direction,
    ...(interrupted && { interrupted }),
  } as const;
  const driving = withEntry(program, "importers", importer, { kind });
  return withoutSteps(
    withJobs(
      replaced(driving, at.id, () => step),
      at,
      importer,
      name,
    ),
    at.id === id ? [] : [id],
  );
}

/** What the device did through a mapping is what a job does with the import. */
function withJobs(program: Program, at: AttachStep | MapStep, importer: string, name: string): Program {
  if (at.op === "attach") return program;
  const taken = takenNames(program);
  const steps = program.steps.map((step) =>
    step.op === "access" && step.mapping === at.mapping
      ? ({
          id: step.id,
          task: step.task,
          op: "submit",
          importer,
          imports: [name],
          kind: step.kind,
          job: freshName("j", taken),
        } as const)
      : step,
  );
  return { ...program, steps };
}

function attachOf({ steps }: Program, attachment: string | null): AttachStep | undefined {
  return steps.find((step) => step.op === "attach" && step.attachment === attachment) as AttachStep | undefined;
}

function mapped(program: Program, map: MapStep, place: "attach" | "map", kind: string): Program {
  const attach = attachOf(program, map.attachment);
  if (attach === undefined) return program;
  if (place === "map") return imported(program, attach, map, kind);
  const { direction, mapping, id } = map;
  const early = { ...map, id: attach.id, task: attach.task, direction, mapping };
  const failures = program.failures.map((failure) => (failure.step === id ? { ...failure, step: attach.id } : failure));
  return withoutSteps(imported({ ...program, failures }, attach, early, kind), [id]);
}

/** Neither lock nor attachment is needed for a pin then. */
function pinned(program: Program, { id, attachment }: Step<"pin">, kind: string): Program {
  const hold = holdsOf(program.steps).findLast(({ inside }) => inside.some((step) => step.id === id));
  const attach = attachOf(program, attachment);
  if (hold === undefined || attach === undefined) return program;
  const instead = [id, hold.lock.id, ...(hold.unlock === null ? [] : [hold.unlock.id])];
  return withoutSteps(imported(program, attach, attach, kind), instead);
}
