import { EINVAL, ENOENT } from "../../errno.ts";
import type { CallName } from "../../calls.ts";
import type { CallEvent } from "../../event.ts";
import type { fenceOperations } from "../fence.ts";
import { done, only, type Outcome, type OutcomeContext } from "./context.ts";
import { waitOutcomes } from "./reservation.ts";

function signalOutcomes(context: OutcomeContext, name: string): readonly Outcome[] {
  const fence = context.state.fences.get(name);
  if (fence === undefined) return [];
  if (!fence.signaled) return only(0, "the fence was not signaled");
  return context.profile.secondSignal === "EINVAL"
    ? only(EINVAL, "the fence was signaled before")
    : only(0, "a second signal is ignored");
}

/** Asked at the return: to enable the fence may have shown that it is done. */
function callbackOutcomes(context: OutcomeContext, call: CallEvent<"addCallback">): readonly Outcome[] {
  if (call.fence === null || call.callback === null) return only(EINVAL, "fence or callback is missing");
  const fence = context.state.fences.get(call.fence);
  if (fence === undefined) return [];
  return fence.signaled ? only(ENOENT, "the fence is signaled") : only(0, "the fence is not signaled");
}

function findOutcomes(context: OutcomeContext, call: CallEvent<"findSeqno">): readonly Outcome[] {
  const fence = context.state.fences.get(call.fence);
  if (fence === undefined) return [];
  if (call.seqno === 0) return only(0, "point 0 is always reached");
  if (fence.kind !== "chain") return only(EINVAL, "the fence is no chain");
  return fence.seqno < call.seqno
    ? only(EINVAL, "the chain ends before the point")
    : only(0, "the chain has the point");
}

/** Legal answers of calls on fences. `finishWork` is no call. */
export function fenceOutcomes(
  context: OutcomeContext,
  call: CallEvent<CallName & keyof typeof fenceOperations>,
): readonly Outcome[] {
  switch (call.op) {
    case "signal":
    case "signalTimestamp":
      return signalOutcomes(context, call.fence);
    case "addCallback":
      return callbackOutcomes(context, call);
    case "waitFence":
      if (call.timeout < 0) return only(EINVAL, "the timeout is negative");
      return waitOutcomes(context, call.task, call.interruptible);
    case "waitAny":
      if (call.fences.length === 0) return only(EINVAL, "no fence is named");
      if (call.timeout < 0) return only(EINVAL, "the timeout is negative");
      return waitOutcomes(context, call.task, call.interruptible);
    case "findSeqno":
      return findOutcomes(context, call);
    case "fenceInit":
    case "fenceGet":
    case "fenceGetLive":
    case "fencePut":
    case "checkAndSignal":
    case "setError":
    case "getStatus":
    case "isSignaled":
    case "timestamp":
    case "isLater":
    case "removeCallback":
    case "enableSignaling":
    case "setFenceDeadline":
    case "beginSignalling":
    case "endSignalling":
    case "createArray":
    case "createChain":
    case "merge":
      return done;
  }
}
