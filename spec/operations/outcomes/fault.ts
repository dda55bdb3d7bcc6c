import { EAGAIN, EBUSY, EFAULT, EINVAL, EIO, ENODEV, EOPNOTSUPP, EPERM } from "../../errno.ts";
import type { CallEvent } from "../../event.ts";
import type { faultOperations } from "../fault.ts";
import { done, handedOn, type Outcome, type OutcomeContext } from "./context.ts";

const succeeds: Outcome = { errno: 0, when: "nothing speaks against it" };
const unsupported: Outcome = { errno: EOPNOTSUPP, when: "there is no such operation" };
const ended: readonly Outcome[] = [
  { errno: ENODEV, when: "the import has ended or lost its memory" },
  { errno: EINVAL, when: "the import has ended, or its device cannot use what it was given" },
];
const outside: Outcome = { errno: EINVAL, when: "it lies outside of the buffer" };
const forbidden: Outcome = { errno: EPERM, when: "the direction or the owner does not allow it" };

/** Legal answers of faults, slots, physical lists and negotiations. */
export function faultOutcomes(
  context: OutcomeContext,
  call: CallEvent<keyof typeof faultOperations>,
): readonly Outcome[] {
  switch (call.op) {
    case "fault":
    case "prefetch":
      return [
        succeeds,
        unsupported,
        ...ended,
        forbidden,
        { errno: EFAULT, when: "there is no such page" },
        { errno: EAGAIN, when: "the mapping becomes stale all the time" },
        ...handedOn(context),
      ];
    case "bindSlot":
      return [succeeds, unsupported, outside, forbidden, ...handedOn(context)];
    case "unbindSlot":
    case "unmapPhysical":
      return done;
    case "guestAccess":
      return [
        succeeds,
        unsupported,
        { errno: EFAULT, when: "the guest leaves to user space" },
        { errno: EPERM, when: "the memory is private to another guest" },
        { errno: EAGAIN, when: "the fault is to be tried again" },
        ...handedOn(context),
      ];
    case "makePrivate":
    case "restrict":
      return [
        succeeds,
        unsupported,
        { errno: EBUSY, when: "somebody has it mapped" },
        { errno: ENODEV, when: "the exporter does not know it" },
        ...handedOn(context),
      ];
    case "negotiate":
      return [succeeds, { errno: EINVAL, when: "no model suits both sides" }, unsupported, ...handedOn(context)];
    case "mapPhysical":
      return [
        succeeds,
        { errno: EINVAL, when: "another model was agreed on" },
        { errno: EOPNOTSUPP, when: "the memory is not of a kind that is given out like this" },
        { errno: EIO, when: "the list could not be made" },
        ...handedOn(context),
      ];
  }
}
