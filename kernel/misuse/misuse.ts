import type { DrawContext } from "../../generators/draw/context.ts";
import type { OperationName, StepArgs } from "../../spec/operations/operations.ts";
import type { Step } from "../../spec/program.ts";
import type { Situation } from "../../spec/situation.ts";

/** A step that breaks the contract, as far as the program says it. */
export type WrongStep = { [K in OperationName]: { readonly op: K } & StepArgs<K> }[OperationName];

/** One way to break the contract on purpose. What kernels say to it stands in test/kernel/misuse.json. */
export interface Misuse {
  readonly id: string;
  readonly statement: string;
  /** Rules that a program breaks by it. */
  readonly rules: readonly string[];
  /** What the legal steps before it dwell on. */
  readonly weights: NonNullable<Situation["weights"]>;
  /** The wrong step that this state allows to the task, or null. */
  readonly draw: (context: MisuseContext) => WrongStep | null;
}

/** What the draw of a wrong step may look at. */
export interface MisuseContext extends DrawContext {
  /** The steps that have begun. */
  readonly steps: readonly Step[];
}

/** Locks of buffers and objects that the task holds. */
export function heldBy({ state, task }: DrawContext): readonly string[] {
  return (state.tasks.get(task)?.held ?? []).map(({ lock }) => lock);
}

/** The acquire context that the task has under way. */
export function ownContext({ state, task }: DrawContext) {
  return [...state.acquires].find(([, acquire]) => acquire.task === task && acquire.phase !== "fini");
}

/** Whether a task is in a signalling section. */
export function isSignalling({ state, task }: DrawContext): boolean {
  return (state.tasks.get(task)?.signalling.length ?? 0) > 0;
}

/** Whether the task holds no lock, has no context and is in no section. */
export function isFree(context: DrawContext): boolean {
  return heldBy(context).length === 0 && ownContext(context) === undefined && !isSignalling(context);
}

/** Reservation objects that nobody holds or waits for. */
export function freeLocks({ state, setup, inFlight }: DrawContext): readonly string[] {
  const own = [...state.buffers.values()].filter(({ released, programRefs }) => !released && programRefs > 0);
  const names = [...setup.reservations, ...own.map(({ resv }) => resv)];
  const wanted = new Set(inFlight.flatMap((step) => ("resv" in step ? [step.resv] : [])));
  return [...new Set(names)].filter(
    (name) => (state.reservations.get(name)?.owner ?? null) === null && !wanted.has(name),
  );
}

/** Attachments in use by no step under way, each with its buffer's lock. */
export function attachmentsOf({ state, inFlight }: DrawContext) {
  return [...state.attachments]
    .filter(
      ([name, { phase }]) =>
        phase === "attached" && !inFlight.some((step) => JSON.stringify(step).includes(`"${name}"`)),
    )
    .map(([name, attachment]) => ({ name, attachment, resv: state.buffers.get(attachment.buffer)?.resv ?? "" }));
}

/** Live mappings, each with its buffer's lock. */
export function mappingsOf(context: DrawContext) {
  const attachments = new Map(attachmentsOf(context).map((entry) => [entry.name, entry]));
  return [...context.state.mappings].flatMap(([name, mapping]) => {
    const of = attachments.get(mapping.attachment);
    return mapping.live && of !== undefined ? [{ name, mapping, resv: of.resv }] : [];
  });
}

/** Plain fences of the program's, alive. */
export function fencesOf({ state }: DrawContext) {
  return [...state.fences].filter(
    ([, { by, kind, released, programRefs }]) => by === "program" && kind === "plain" && !released && programRefs > 0,
  );
}

/** One of them, or null. */
export function one<T>({ random }: DrawContext, list: readonly T[]): T | null {
  return list.length === 0 ? null : random.pick(list);
}

/** The wrong step, made of one of the list. */
export function withOne<T>(
  context: DrawContext,
  list: readonly T[],
  make: (entry: T) => WrongStep | null,
): WrongStep | null {
  const entry = one(context, list);
  return entry === null ? null : make(entry);
}

/** A step with id and task. */
export function stepOf(id: string, task: string, wrong: WrongStep): Step {
  return { id, task, ...wrong, misuse: true } as unknown as Step;
}
