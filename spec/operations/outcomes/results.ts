import type { RetEvent } from "../../event.ts";
import type { Usage } from "../../roles/handles.ts";
import type { State } from "../../state/state.ts";
import type { OutcomeContext } from "./context.ts";

const levels: Readonly<Record<Usage, number>> = { kernel: 0, write: 1, read: 2, bookkeep: 3 };

/** Whether all fences of the object up to a usage have signaled; null where the lists that it may hold disagree. */
function signaledUpTo(state: State, resv: string, usage: Usage): boolean | null {
  const lists = state.reservations.get(resv)?.lists ?? [[]];
  const answers = lists.map((entries) =>
    allSignaled(
      state,
      entries.filter((entry) => levels[entry.usage] <= levels[usage]).map((entry) => entry.fence),
    ),
  );
  const [first = null] = answers;
  return answers.every((answer) => answer === first) ? first : null;
}

/** Null where one of them is unknown. */
function allSignaled(state: State, fences: readonly string[]): boolean | null {
  let all = true;
  for (const name of fences) {
    const fence = state.fences.get(name);
    if (fence === undefined) return null;
    all &&= fence.signaled;
  }
  return all;
}

/** An owner's own wait operation may answer anything. */
function hasOwnWait({ inside }: OutcomeContext): boolean {
  return inside.hooks.some(({ hook }) => hook === "fenceWait");
}

function wrongWait(
  context: OutcomeContext,
  { result, timeout }: { readonly result: number; readonly timeout: number },
  over: boolean | null,
): string | null {
  if (hasOwnWait(context) || over === null) return null;
  if (result > Math.max(1, timeout)) return `no more than ${Math.max(1, timeout)} can be left of the time`;
  if (result > 0 && !over) return "the wait is not over, which 0 stands for";
  if (result === 0 && timeout === 0 && over) return "the wait is over, which 1 stands for";
  return null;
}

function expected<T>(answer: T, right: T): string | null {
  return answer === right ? null : `the right answer is ${String(right)}`;
}

/**
 * What is wrong with the result of a call whose errno is legal, in the state at its return; null if nothing is, or if
 * the history does not decide it.
 */
export function wrongResult(context: OutcomeContext, ret: RetEvent): string | null {
  const { state } = context;
  switch (ret.op) {
    case "get":
      return ret.errno === 0 ? expected(ret.buffer, state.fds.get(ret.fd)?.buffer ?? ret.buffer) : null;
    case "seek":
      if (ret.errno !== 0) return null;
      return expected(ret.result, ret.whence === 0 ? 0 : (state.buffers.get(ret.buffer)?.size ?? ret.result));
    case "isRevocable": {
      const row = state.attachments.get(ret.attachment);
      return row === undefined ? null : expected(ret.answer, row.ops === "callback");
    }
    case "isSignaled":
      return expected(ret.answer, state.fences.get(ret.fence)?.signaled ?? ret.answer);
    case "fenceGetLive": {
      const fence = state.fences.get(ret.fence);
      return fence === undefined ? null : expected(ret.answer, !fence.released);
    }
    case "getStatus": {
      const fence = state.fences.get(ret.fence);
      if (fence === undefined) return null;
      return expected(ret.status, fence.signaled ? fence.error || 1 : 0);
    }
    case "removeCallback": {
      const row = state.callbacks.get(ret.callback);
      return row === undefined ? null : expected(ret.answer, row.state === "pending");
    }
    case "testSignaled":
      return expected(ret.answer, signaledUpTo(state, ret.resv, ret.usage) ?? ret.answer);
    case "waitFence":
      return ret.errno === 0 ? wrongWait(context, ret, allSignaled(state, [ret.fence])) : null;
    case "waitFences": {
      if (ret.errno !== 0) return null;
      // A longer wait looks at the list as it was at several moments: only a poll is decided by the last.
      return wrongWait(context, ret, ret.timeout === 0 ? signaledUpTo(state, ret.resv, ret.usage) : true);
    }
    case "waitAny": {
      if (ret.errno !== 0) return null;
      if (ret.result > 0) {
        const found = ret.fences[ret.index];
        return found === undefined ? "no fence has this index" : wrongWait(context, ret, allSignaled(state, [found]));
      }
      const done = ret.fences.some((name) => state.fences.get(name)?.signaled === true);
      return ret.timeout === 0 && done ? "one of the fences is signaled" : null;
    }
    case "createArray":
    case "createChain":
      return ret.created || context.inside.refused.length > 0 ? null : "nothing kept it from being made";
    case "merge":
      return ret.merged !== null || context.inside.refused.length > 0 ? null : "nothing kept it from being made";
    case "findSeqno":
      return ret.errno === 0 && ret.seqno === 0 ? expected(ret.found, ret.fence) : null;
    default:
      return null;
  }
}
