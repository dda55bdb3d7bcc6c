import { EFAULT, EINVAL, ENOTTY, EOVERFLOW, ERESTARTSYS } from "../../errno.ts";
import type { CallName, CpuHook } from "../../calls.ts";
import type { CallEvent } from "../../event.ts";
import { pageSize } from "../../roles/handles.ts";
import { syncRequest } from "../../state/observe/cpu.ts";
import type { cpuOperations } from "../cpu.ts";
import { done, isInterrupted, only, type Outcome, type OutcomeContext } from "./context.ts";

const succeeds: Outcome = { errno: 0, when: "nothing speaks against it" };

/** The exporter's error is handed on unchanged; where its hook succeeded, or there is none, the call does. */
function asHook({ inside }: OutcomeContext, name: CpuHook): readonly Outcome[] {
  const failed = inside.hooks.find(({ hook, errno }) => hook === name && errno !== 0);
  return failed === undefined ? [succeeds] : only(failed.errno, `the exporter's ${name} answered so`);
}

function beginOutcomes(context: OutcomeContext, task: string): readonly Outcome[] {
  const legal = asHook(context, "beginCpu");
  if (legal[0]?.errno !== 0 || !isInterrupted(context, task)) return legal;
  return [...legal, { errno: ERESTARTSYS, when: "the wait for fences was interrupted" }];
}

function mmapOutcomes(context: OutcomeContext, call: CallEvent<"mmap" | "mmapFd">): readonly Outcome[] {
  const buffer = context.state.buffers.get(call.buffer);
  if (buffer === undefined) return [];
  if (!buffer.cpuHooks.includes("mmap")) return only(EINVAL, "the exporter has no mmap");
  if (call.offset > Number.MAX_SAFE_INTEGER - call.pages) return only(EOVERFLOW, "the offset wraps round");
  if (call.offset + call.pages > Math.floor(buffer.size / pageSize))
    return only(EINVAL, "the range ends behind the last whole page");
  return asHook(context, "mmap");
}

/** Legal answers of the CPU side. `cpuAccess` is no call. */
export function cpuOutcomes(
  context: OutcomeContext,
  call: CallEvent<CallName & keyof typeof cpuOperations>,
): readonly Outcome[] {
  switch (call.op) {
    case "beginCpu":
      return beginOutcomes(context, call.task);
    case "endCpu":
      return asHook(context, "endCpu");
    case "ioctlSync": {
      if (call.flags === null) return only(EFAULT, "the argument cannot be read");
      const request = syncRequest(call.flags);
      if (request === null) return only(EINVAL, "no such flags");
      return request.end ? asHook(context, "endCpu") : beginOutcomes(context, call.task);
    }
    case "ioctl":
      return only(ENOTTY, "no such request");
    case "vmap":
    case "vmapUnlocked":
      if (context.state.buffers.get(call.buffer)?.cpuHooks.includes("vmap") === false)
        return only(EINVAL, "the exporter has no vmap");
      return asHook(context, "vmap");
    case "mmap":
    case "mmapFd":
      return mmapOutcomes(context, call);
    case "vunmap":
    case "vunmapUnlocked":
    case "munmap":
      return done;
  }
}
