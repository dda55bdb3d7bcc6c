import { EAGAIN, EFAULT, EINVAL, EOPNOTSUPP, EOVERFLOW, EPERM } from "../../errno.ts";
import type { CallEvent } from "../../event.ts";
import { lastPage, type spaceOperations } from "../space.ts";
import { done, handedOn, only, type Outcome, type OutcomeContext } from "./context.ts";

const succeeds: Outcome = { errno: 0, when: "nothing speaks against it" };
const unsupported: Outcome = { errno: EOPNOTSUPP, when: "the importer has no such operation" };
const nothingThere: Outcome = { errno: EFAULT, when: "there is no such page to have" };

/** Legal answers of what happens to address spaces and their mirrors. `touch` is no step's call. */
export function spaceOutcomes(
  context: OutcomeContext,
  call: CallEvent<keyof typeof spaceOperations>,
): readonly Outcome[] {
  switch (call.op) {
    case "createSpace":
    case "createVma":
    case "destroyVma":
    case "exitSpace":
    case "touch":
    case "unmirror":
      return done;
    case "vmaFault":
      return [succeeds, nothingThere, ...handedOn(context)];
    case "changeRange":
      return call.blockable
        ? only(0, "whoever may block does not refuse")
        : [succeeds, { errno: EAGAIN, when: "a listener would have to block" }];
    case "mirror":
      if (call.pages === 0 || call.start + call.pages - 1 > lastPage)
        return [
          { errno: EOVERFLOW, when: "the range is empty or wraps" },
          { errno: EFAULT, when: "the address space is gone" },
          unsupported,
        ];
      return [
        succeeds,
        { errno: EFAULT, when: "the address space is gone" },
        { errno: EINVAL, when: "the importer does not listen in this way" },
        unsupported,
        ...handedOn(context),
      ];
    case "mirrorFault":
      return [
        succeeds,
        nothingThere,
        { errno: EPERM, when: "the page may not be written" },
        { errno: EAGAIN, when: "the range changes all the time" },
        unsupported,
        ...handedOn(context),
      ];
    case "copyPage":
      return [succeeds, nothingThere, unsupported, ...handedOn(context)];
  }
}
