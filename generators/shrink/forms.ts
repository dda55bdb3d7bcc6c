import { operationOf, type OperationName } from "../../spec/operations/operations.ts";
import type { Program, Step } from "../../spec/program.ts";
import { holdsOf, isLock } from "./locks.ts";
import { fieldsOf, withFields, withoutSteps } from "./names.ts";
import { each, together } from "./pass.ts";
import type { Search, Session } from "./session.ts";

/** Operations that do the same with less to say about it. */
const plainer: Partial<Record<OperationName, OperationName>> = {
  lockInterruptible: "lock",
  lockSlow: "lock",
  lockSlowInterruptible: "lock",
  trylock: "lock",
  signalTimestamp: "signal",
  checkAndSignal: "signal",
  fenceGetLive: "fenceGet",
};
const unlocked: Partial<Record<OperationName, OperationName>> = {
  map: "mapUnlocked",
  unmap: "unmapUnlocked",
  vmap: "vmapUnlocked",
  vunmap: "vunmapUnlocked",
};

/** The step as another operation, with those of its fields that the other one has too. */
function as(step: Step, op: OperationName): Step {
  const values = { acquire: null, ...fieldsOf(step) };
  const fields = Object.keys(operationOf(op).fields).map((field) => [field, values[field as keyof typeof values]]);
  return {
    id: step.id,
    task: step.task,
    op,
    ...Object.fromEntries(fields),
    ...(step.interrupted === true && { interrupted: true }),
  } as unknown as Step;
}

/**
 * Plainer operations, maps that take the lock themselves, locks without a context, signals that are pending already,
 * references put without a descriptor. Misuse stays as it is.
 */
export function* plainerForms(session: Session): Search<void> {
  const odd = session.program.steps.filter((step) => plainer[step.op] !== undefined && step.misuse !== true);
  yield* together(
    session,
    odd.map(({ id }) => id),
    (program, ids) => ({
      ...program,
      steps: program.steps.map((step) => {
        const op = plainer[step.op];
        return op === undefined || !ids.includes(step.id) ? step : as(step, op);
      }),
    }),
  );
  const mapping = holdsOf(session.program.steps).filter(({ lock, inside }) =>
    inside.some((step) => step.task === lock.task && unlocked[step.op] !== undefined),
  );
  yield* each(
    session,
    mapping.map(({ lock }) => lock.id),
    withoutHold,
  );
  const contexts = session.program.steps.flatMap((step) => (step.op === "acquireInit" ? [step.acquire] : []));
  yield* each(session, contexts, withoutContext);
  yield* each(session, reservedTwice(session.program), reservedOnce);
  yield* each(session, interruptions(session.program), pendingInstead);
  const descriptors = session.program.steps.flatMap((step) => (step.op === "close" ? [step.fd] : []));
  yield* each(session, descriptors, putInstead);
}

/** Two requests for slots in one object. */
function reservedTwice({ steps }: Program): readonly (readonly [string, string])[] {
  return steps.flatMap((step, at) => {
    if (step.op !== "reserveFences") return [];
    const next = steps.slice(at + 1).find((other) => other.op === "reserveFences" && other.resv === step.resv);
    return next === undefined ? [] : [[step.id, next.id] as const];
  });
}

/** The first request asks for all. */
function reservedOnce(program: Program, [first, second]: readonly [string, string]): Program {
  const more = program.steps.find(({ id }) => id === second);
  const steps = program.steps.map((step) =>
    step.id === first && step.op === "reserveFences" && more?.op === "reserveFences"
      ? { ...step, count: step.count + more.count }
      : step,
  );
  return withoutSteps({ ...program, steps }, [second]);
}

/** Each interruption with each step of the task it goes to: one it ends a wait of, or a later one. */
function interruptions({ steps }: Program): readonly (readonly [string, string])[] {
  return steps.flatMap((step) => {
    if (step.op !== "interrupt") return [];
    return steps.filter(({ task }) => task === step.target).map(({ id }) => [step.id, id] as const);
  });
}

/** The signal is pending when the step begins, so nobody has to send it. */
function pendingInstead(program: Program, [sent, id]: readonly [string, string]): Program {
  const steps = program.steps.map((step) => (step.id === id ? withFields(step, { interrupted: true }) : step));
  return withoutSteps({ ...program, steps }, [sent]);
}

/** A descriptor that is only made to be closed puts a reference. */
function putInstead(program: Program, fd: string): Program {
  const steps = program.steps.map((step) =>
    (step.op === "exportFd" || step.op === "requestFd") && step.fd === fd ? as(step, "put") : step,
  );
  return { ...program, steps };
}

/** Maps and unmaps that take the lock themselves, in place of those in the hold that begins with this lock. */
function withoutHold(program: Program, lock: string): Program {
  const hold = holdsOf(program.steps).find((other) => other.lock.id === lock);
  if (hold === undefined) return program;
  const { task } = hold.lock;
  const body = new Set(hold.inside.filter((step) => step.task === task && step.misuse !== true));
  const steps = program.steps.map((step) => {
    const op = unlocked[step.op];
    return op === undefined || !body.has(step) ? step : as(step, op);
  });
  return withoutSteps({ ...program, steps }, [lock, ...(hold.unlock === null ? [] : [hold.unlock.id])]);
}

function withoutContext(program: Program, acquire: string): Program {
  const steps = program.steps.flatMap((step) => {
    if (!("acquire" in step) || step.acquire !== acquire) return [step];
    return isLock(step) ? [withFields(step, { acquire: null })] : [];
  });
  return { ...program, steps };
}
