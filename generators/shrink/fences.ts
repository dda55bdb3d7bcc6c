import type { OperationName } from "../../spec/operations/operations.ts";
import type { Program, Step } from "../../spec/program.ts";
import { reservationOf } from "./buffers.ts";
import { holdsOf } from "./locks.ts";
import { freshName, namesMade, namesUsed, takenNames, withFields, withoutSteps } from "./names.ts";
import { shorter } from "./pass.ts";
import type { Search, Session } from "./session.ts";

/** Beyond this length it is too early, and there are too many candidates. */
const longest = 16;

/** A step that puts a fence into a reservation object. */
export type AddStep = Step<"addFence" | "importSyncFile">;

/** A reservation object with the steps that put fences into it. */
export interface Filled {
  readonly resv: string;
  readonly adds: readonly AddStep[];
}

/** Reservation objects that the program puts fences into. */
export function filled(program: Program): readonly Filled[] {
  const byObject = new Map<string, AddStep[]>();
  for (const step of program.steps) {
    if (step.op !== "addFence" && step.op !== "importSyncFile") continue;
    const resv = step.op === "addFence" ? step.resv : reservationOf(program, step.buffer);
    byObject.set(resv, [...(byObject.get(resv) ?? []), step]);
  }
  return [...byObject].map(([resv, adds]) => ({ resv, adds }));
}

const makers: ReadonlySet<OperationName> = new Set<OperationName>([
  "fenceInit",
  "createArray",
  "createChain",
  "createSyncFile",
  "mergeSyncFiles",
]);

/** These steps, and those that make the fences they put somewhere. What is done with such a fence goes with it. */
export function withMakers({ steps }: Program, adds: readonly Step[]): ReadonlySet<string> {
  const gone = new Set(adds.map(({ id }) => id));
  const names = new Set(adds.flatMap(namesUsed));
  for (const step of steps.toReversed()) {
    if (!makers.has(step.op) || !namesMade(step).some((name) => names.has(name))) continue;
    gone.add(step.id);
    for (const name of namesUsed(step)) names.add(name);
  }
  return gone;
}

/**
 * Of several fences in one object drops one, and lets what looks at the object look at the others: at weaker ones too,
 * which need not be signaled then, and for which a slot is asked.
 */
export function* fewerFences(session: Session): Search<void> {
  const { program } = session;
  if (program.steps.length > longest) return;
  const fewer = filled(program).flatMap(({ resv, adds }) =>
    adds.length < 2 ? [] : adds.flatMap((add) => withoutFence(program, resv, add)),
  );
  yield* shorter(session, fewer);
  yield* shorter(
    session,
    program.steps.flatMap((step) => (step.op === "createChain" ? [withoutNode(program, step)] : [])),
  );
  yield* shorter(
    session,
    signals(program).map((step) => neverPending(program, step)),
  );
}

function withoutFence(program: Program, resv: string, add: AddStep): readonly Program[] {
  const rest = withSlots(withoutSteps(program, withMakers(program, [add])), resv);
  const left = filled(rest).flatMap((object) => (object.resv === resv ? object.adds : []));
  const usages = left.flatMap((step) => (step.op === "addFence" ? [step.usage] : []));
  const unsignaled = withoutSteps(
    rest,
    signals(rest).map(({ id }) => id),
  );
  const looks = [rest, ...[...new Set(usages)].map((usage) => lookingAt(rest, resv, usage))];
  const both =
    unsignaled.steps.length === rest.steps.length ? [] : usages.map((usage) => lookingAt(unsignaled, resv, usage));
  return [...looks, ...both];
}

/** A chain without one of its nodes, and without a reference to each fence that it took over. */
function withoutNode(program: Program, node: Step<"createChain">): Program {
  const gone = new Set([node.id]);
  for (const name of [node.fence, ...namesUsed(node)]) {
    const taken = program.steps.find((step) => step.op === "fenceGet" && step.fence === name);
    if (taken !== undefined) gone.add(taken.id);
  }
  const steps = program.steps.map((step) =>
    step.op === "createChain" && step.previous === node.fence ? withFields(step, { previous: node.previous }) : step,
  );
  return withoutSteps({ ...program, steps }, gone);
}

/** Every look at the object is one at fences of this usage. */
function lookingAt(program: Program, resv: string, usage: string): Program {
  const steps = program.steps.map((step) =>
    step.op !== "addFence" && "usage" in step && "resv" in step && step.resv === resv
      ? withFields(step, { usage })
      : step,
  );
  return { ...program, steps };
}

/** Asks for a slot where a hold adds fences and asks for none. */
function withSlots(program: Program, resv: string): Program {
  const bare = holdsOf(program.steps).flatMap(({ lock, inside }) => {
    if (lock.resv !== resv || inside.some((step) => step.op === "reserveFences" && step.resv === resv)) return [];
    const adds = inside.filter((step) => step.op === "addFence" && step.resv === resv);
    return adds.length === 0 ? [] : [{ lock, count: adds.length }];
  });
  const taken = takenNames(program);
  const steps = program.steps.flatMap((step) => {
    const hold = bare.find(({ lock }) => lock === step);
    if (hold === undefined) return [step];
    const id = freshName("s", taken);
    return [step, { id, task: step.task, op: "reserveFences", resv, count: hold.count } as const];
  });
  return { ...program, steps };
}

function signals({ steps }: Program): readonly Step<"signal">[] {
  return steps.flatMap((step) => (step.op === "signal" && step.misuse !== true ? [step] : []));
}

/** A fence that is found signaled when somebody wants to be told of it, in place of one that is signaled before. */
function neverPending(program: Program, { id, fence }: Step<"signal">): Program {
  const steps = program.steps.map((step) =>
    step.op === "fenceInit" && step.fence === fence
      ? withFields(step, { hooks: [...new Set([...step.hooks, "enableFails"])] })
      : step,
  );
  return withoutSteps({ ...program, steps }, [id]);
}
