import type { FieldKinds } from "../../spec/call-record.ts";
import type { Errno } from "../../spec/errno.ts";
import type { AddedOperation } from "../../spec/operations/added.ts";
import type { Suspendable, Suspension } from "../../spec/roles/suspendable.ts";
import { runRole } from "../env/hooks.ts";
import { HarnessFault } from "../fault.ts";
import type { Recorded } from "../recorder.ts";
import type { RunContext, StepHandler } from "../run-context.ts";
import type { OperationName } from "../../spec/operations/operations.ts";

type Plain = Readonly<Record<string, unknown>>;

/** How a contract beside the core carries out one of its operations: nothing or 0, a positive errno, or what it answers. */
export type AddedRun = (run: RunContext, args: Plain) => Suspendable<Errno | void | Plain>;

/** Calls that cannot be told in the types of the core: its names are closed there. */
function asRecorded(event: Plain): Recorded {
  return event as unknown as Recorded;
}

/** What stands in a return beside the errno of an operation that failed. */
function nothingOf(kinds: FieldKinds): Plain {
  return Object.fromEntries(
    Object.entries(kinds).map(([field, kind]) => {
      if (typeof kind !== "string") return [field, kind[0]];
      switch (kind) {
        case "name":
          return [field, "nothing"];
        case "nameOrNull":
          return [field, null];
        case "integer":
          return [field, 0];
        case "flag":
          return [field, false];
        case "names":
        case "integers":
        case "flags":
          return [field, []];
      }
    }),
  );
}

/** The step of an added operation: its call and its return, and in between whatever the contract does. */
export function addedStep(operation: AddedOperation, body: AddedRun): StepHandler<OperationName> {
  const { name: op, answers, fields } = operation;
  const keys = Object.keys(fields);
  return function* added(run, step): Generator<Suspension, void, unknown> {
    yield* run.world.at(op);
    const { recorder } = run.world;
    const values = step as unknown as Plain;
    const args = Object.fromEntries(keys.map((key) => [key, values[key]]));
    const call = recorder.emit(asRecorded({ kind: "call", op, by: "program", ...args }));
    const result = yield* runRole(run.world, `the operation ${op}`, () => body(run, args));
    const [errno, answer] = typeof result === "object" ? [0, result] : [result ?? 0, null];
    if (!Number.isInteger(errno) || errno < 0 || errno > 4095)
      throw new HarnessFault(
        `${op} answered ${String(errno)}; expected nothing, 0, a positive error number or its answers`,
      );
    recorder.emit(
      asRecorded({ kind: "ret", op, by: "program", call, errno, ...args, ...(answer ?? nothingOf(answers)) }),
    );
    // Others may come in between the return and what the caller makes of it.
    yield* run.world.at(`${op}-done`);
  };
}
