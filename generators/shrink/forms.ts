import { operationOf, type OperationName } from "../../spec/operations/operations.ts";
import type { Program, Step } from "../../spec/program.ts";
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
const unlocked: Partial<Record<OperationName, OperationName>> = { map: "mapUnlocked", unmap: "unmapUnlocked" };
const locks: readonly OperationName[] = ["lock", "lockInterruptible", "lockSlow", "lockSlowInterruptible", "trylock"];

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
  yield* each(session, holds(session.program), withoutHold);
  const contexts = session.program.steps.flatMap((step) => (step.op === "acquireInit" ? [step.acquire] : []));
  yield* each(session, contexts, withoutContext);
  yield* each(session, interruptions(session.program), pendingInstead);
  const descriptors = session.program.steps.flatMap((step) => (step.op === "close" ? [step.fd] : []));
  yield* each(session, descriptors, putInstead);
}

/** Each interruption with each later step of the task it goes to. */
function interruptions({ steps }: Program): readonly (readonly [string, string])[] {
  return steps.flatMap((step, at) => {
    if (step.op !== "interrupt") return [];
    const later = steps.slice(at + 1).filter(({ task }) => task === step.target);
    return later.map(({ id }) => [step.id, id] as const);
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

/** From a lock to its unlock, if there is one. */
interface Hold {
  readonly lock: string;
  readonly task: string;
  readonly resv: string;
}

/** Holds in which something is mapped or unmapped. */
function holds({ steps }: Program): readonly Hold[] {
  return steps.flatMap((step, at) => {
    if (!locks.includes(step.op)) return [];
    const resv = fieldsOf(step)["resv"] as string;
    const hold = { lock: step.id, task: step.task, resv };
    return inside(steps, at, hold).some((other) => unlocked[other.op] !== undefined) ? [hold] : [];
  });
}

/** The task's steps in a hold, its unlock last. */
function inside(steps: readonly Step[], at: number, { task, resv }: Hold): readonly Step[] {
  const own = steps.slice(at + 1).filter((step) => step.task === task);
  const end = own.findIndex((step) => step.op === "unlock" && step.resv === resv);
  return end < 0 ? own : own.slice(0, end + 1);
}

function withoutHold(program: Program, hold: Hold): Program {
  const at = program.steps.findIndex(({ id }) => id === hold.lock);
  if (at < 0) return program;
  const body = new Set(inside(program.steps, at, hold));
  const gone = [hold.lock, ...[...body].filter((step) => step.op === "unlock").map(({ id }) => id)];
  const steps = program.steps.map((step) => {
    const op = unlocked[step.op];
    return op === undefined || step.misuse === true || !body.has(step) ? step : as(step, op);
  });
  return withoutSteps({ ...program, steps }, gone);
}

function withoutContext(program: Program, acquire: string): Program {
  const steps = program.steps.flatMap((step) => {
    if (!("acquire" in step) || step.acquire !== acquire) return [step];
    return locks.includes(step.op) ? [withFields(step, { acquire: null })] : [];
  });
  return { ...program, steps };
}
