import { addedOperation } from "../../spec/operations/added.ts";
import { operationOf, type OperationName } from "../../spec/operations/operations.ts";
import type { Program, Step } from "../../spec/program.ts";
import { fieldsOf, namesMade, namesUsed, renamed, withFields, withoutSteps } from "./names.ts";
import { each, shorter } from "./pass.ts";
import type { Search, Session } from "./session.ts";

/** Beyond this many steps there are more pairs of objects than it is worth to try. */
const longest = 60;

/** Operations whose objects may stand in for each other, and the field with the name. */
const creators: Partial<Record<OperationName, { readonly field: string; readonly kind: string }>> = {
  attach: { field: "attachment", kind: "attachment" },
  map: { field: "mapping", kind: "mapping" },
  mapUnlocked: { field: "mapping", kind: "mapping" },
  import: { field: "import", kind: "import" },
  exportFd: { field: "fd", kind: "fd" },
  requestFd: { field: "fd", kind: "fd" },
  fenceInit: { field: "fence", kind: "fence" },
  createArray: { field: "fence", kind: "fence" },
  createChain: { field: "fence", kind: "fence" },
  getSingleton: { field: "fence", kind: "fence" },
  merge: { field: "fence", kind: "fence" },
  acquireInit: { field: "acquire", kind: "acquire" },
};

interface Made {
  readonly step: string;
  readonly name: string;
  readonly kind: string;
}

function made(step: Step): readonly Made[] {
  if (step.op === "export")
    return [
      { step: step.id, name: `${step.buffer}.resv`, kind: "reservation" },
      { step: step.id, name: step.buffer, kind: "buffer" },
    ];
  const creator = creators[step.op];
  if (creator !== undefined)
    return [{ step: step.id, name: fieldsOf(step)[creator.field] as string, kind: creator.kind }];
  return Object.entries(addedOperation(step.op)?.fields ?? {}).flatMap(([field, { shape }]) =>
    shape.kind === "create"
      ? [{ step: step.id, name: fieldsOf(step)[field] as string, kind: `${shape.object} ${shape.table ?? ""}` }]
      : [],
  );
}

/**
 * Lets an earlier object of its kind do what a later one does, and drops the step that makes the later one.
 * A reservation object of the set-up may do what a buffer's does: the buffer need not be exported then.
 */
export function* fewerObjects(session: Session): Search<void> {
  const { steps, setup } = session.program;
  if (steps.length > longest) return;
  const given = setup.reservations.map((name) => ({ step: "", name, kind: "reservation" }));
  const objects = [...given, ...steps.flatMap(made)];
  const pairs = objects.toReversed().flatMap((later) =>
    objects
      .slice(0, objects.indexOf(later))
      .filter(({ kind }) => kind === later.kind)
      .map((earlier) => ({ earlier, later })),
  );
  yield* each(session, pairs, merged);
  yield* each(session, pairs, (program, pair) => withoutReferences(merged(program, pair), program, pair.later));
}

/** Hands in nothing where that is allowed, and drops the step that makes what was handed in. */
export function* nothingInstead(session: Session): Search<void> {
  const { program } = session;
  if (program.steps.length > longest) return;
  const candidates = program.steps.flatMap((step) =>
    Object.entries(operationOf(step.op).fields).flatMap(([field, { shape }]) => {
      const name = fieldsOf(step)[field];
      if (shape.kind !== "refer" || !shape.nullable || name === null) return [];
      const steps = program.steps.map((other) => (other === step ? withFields(step, { [field]: null }) : other));
      const makers = program.steps.filter((other) => namesMade(other).includes(name as string));
      return [
        withoutSteps(
          { ...program, steps },
          makers.map(({ id }) => id),
        ),
      ];
    }),
  );
  yield* shorter(session, candidates);
}

/** What a container took over was often referenced only for it. */
function withoutReferences(now: Program, before: Program, { step }: Made): Program {
  const taken = new Set(before.steps.filter(({ id }) => id === step).flatMap(namesUsed));
  const gone = new Set<string>();
  for (const other of before.steps) if (other.op === "fenceGet" && taken.delete(other.fence)) gone.add(other.id);
  return withoutSteps(now, gone);
}

function merged(program: Program, { earlier, later }: { readonly earlier: Made; readonly later: Made }): Program {
  const names = new Map([
    [later.name, earlier.name],
    [`${later.name}.resv`, `${earlier.name}.resv`],
  ]);
  return {
    ...program,
    steps: program.steps
      .filter(({ id }) => id !== later.step)
      .map((step) => renamed(step, (name) => names.get(name) ?? name)),
  };
}
