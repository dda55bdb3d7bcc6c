import type { OperationName } from "../../spec/operations/operations.ts";
import type { Program, Step } from "../../spec/program.ts";
import { fieldsOf, withoutSteps } from "./names.ts";
import { each } from "./pass.ts";
import type { Search, Session } from "./session.ts";

/** Steps that undo each other on one object. Where the first creates a name the second goes with it anyway. */
interface Bracket {
  readonly opens: readonly OperationName[];
  readonly closes: readonly OperationName[];
  readonly object: string;
}

const brackets: readonly Bracket[] = [
  {
    opens: ["lock", "lockInterruptible", "lockSlow", "lockSlowInterruptible", "trylock"],
    closes: ["unlock"],
    object: "resv",
  },
  { opens: ["pin"], closes: ["unpin"], object: "attachment" },
  { opens: ["getRef", "get"], closes: ["put", "exportFd", "requestFd"], object: "buffer" },
  { opens: ["fenceGet", "fenceGetLive"], closes: ["fencePut", "createArray", "createChain"], object: "fence" },
  { opens: ["beginCpu"], closes: ["endCpu"], object: "buffer" },
  { opens: ["revoke"], closes: ["unrevoke"], object: "buffer" },
  { opens: ["setMemory"], closes: ["setMemory"], object: "exporter" },
  { opens: ["acquireInit"], closes: ["acquireFini"], object: "acquire" },
];

/** Objects a step opens or closes a bracket on. */
function objectsOf(step: Step, field: string, program: Program): readonly unknown[] {
  if (step.op === "get") {
    const made = program.steps.find(
      (other) => (other.op === "exportFd" || other.op === "requestFd") && other.fd === step.fd,
    );
    return made === undefined ? [] : [fieldsOf(made)["buffer"]];
  }
  if (step.op === "createArray") return step.members;
  if (step.op === "createChain") return [step.previous, step.contained];
  return [fieldsOf(step)[field]];
}

/** Each step with the next one that undoes it, and each undoing step with the next one that does it again. */
function pairs(program: Program): readonly (readonly [string, string])[] {
  const found: (readonly [string, string])[] = [];
  for (const { opens, closes, object } of brackets)
    for (const [first, second] of [
      [opens, closes],
      [closes, opens],
    ] as const)
      program.steps.forEach((step, at) => {
        if (!first.includes(step.op)) return;
        const objects = objectsOf(step, object, program);
        const partner = program.steps
          .slice(at + 1)
          .find(
            (other) =>
              second.includes(other.op) && objectsOf(other, object, program).some((name) => objects.includes(name)),
          );
        if (partner !== undefined) found.push([step.id, partner.id]);
      });
  return found;
}

/** Removes a step together with the one that undoes it, where neither can go alone. */
export function* fewerPairs(session: Session): Search<void> {
  yield* each(session, pairs(session.program), withoutSteps);
}
