import type { Fence, FenceOps } from "../../spec/roles/handles.ts";
import { equip, type Mutable } from "../mutable.ts";
import type { World } from "../world.ts";

/** The operations of one fence's owner, recorded. */
class FenceHooks {
  private readonly world: World;
  private readonly by: string;
  private readonly ops: FenceOps;

  constructor(world: World, by: string, ops: FenceOps) {
    this.world = world;
    this.by = by;
    this.ops = ops;
  }

  enableSignaling(fence: Fence): boolean {
    const { recorder } = this.world;
    const to = this.by;
    this.enterAtomic();
    try {
      const name = this.nameOf(fence);
      const cb = recorder.emit({ kind: "cb", hook: "enableSignaling", to, fence: name });
      const answer = this.ops.enableSignaling!(fence);
      recorder.emit({
        kind: "cbret",
        hook: "enableSignaling",
        to,
        cb,
        errno: 0,
        injected: false,
        fence: name,
        answer,
      });
      return answer;
    } finally {
      this.leaveAtomic();
    }
  }

  signaled(fence: Fence): boolean {
    const { recorder } = this.world;
    const to = this.by;
    this.enterAtomic();
    try {
      const name = this.nameOf(fence);
      const cb = recorder.emit({ kind: "cb", hook: "signaled", to, fence: name });
      const answer = this.ops.signaled!(fence);
      recorder.emit({ kind: "cbret", hook: "signaled", to, cb, errno: 0, injected: false, fence: name, answer });
      return answer;
    } finally {
      this.leaveAtomic();
    }
  }

  wait(fence: Fence, interruptible: boolean, timeout: number): ReturnType<NonNullable<FenceOps["wait"]>> {
    const { recorder } = this.world;
    const to = this.by;
    const args = { fence: this.nameOf(fence), interruptible, timeout };
    const cb = recorder.emit({ kind: "cb", hook: "fenceWait", to, ...args });
    const result = this.ops.wait!(fence, interruptible, timeout);
    recorder.emit({ kind: "cbret", hook: "fenceWait", to, cb, errno: 0, injected: false, ...args, result });
    return result;
  }

  release(fence: Fence): void {
    const { recorder } = this.world;
    const to = this.by;
    this.enterAtomic();
    try {
      const name = this.nameOf(fence);
      const cb = recorder.emit({ kind: "cb", hook: "fenceRelease", to, fence: name });
      this.ops.release!(fence);
      recorder.emit({ kind: "cbret", hook: "fenceRelease", to, cb, errno: 0, injected: false, fence: name });
    } finally {
      this.leaveAtomic();
    }
  }

  setDeadline(fence: Fence, deadline: number): void {
    const { recorder } = this.world;
    const to = this.by;
    const args = { fence: this.nameOf(fence), deadline };
    const cb = recorder.emit({ kind: "cb", hook: "fenceDeadline", to, ...args });
    this.ops.setDeadline!(fence, deadline);
    recorder.emit({ kind: "cbret", hook: "fenceDeadline", to, cb, errno: 0, injected: false, ...args });
  }

  private nameOf(fence: Fence): string {
    return this.world.names.of(fence, "fence", this.world.scheduler.current.stepId);
  }

  private enterAtomic(): void {
    this.world.scheduler.current.atomicDepth += 1;
  }

  private leaveAtomic(): void {
    this.world.scheduler.current.atomicDepth -= 1;
  }
}

/** A fence owner's ops as the framework gets them; all but `wait` and `setDeadline` run in atomic context. */
export function recordFenceOps(world: World, by: string, ops: FenceOps): FenceOps {
  const hooks = new FenceHooks(world, by, ops);
  const recorded: Mutable<FenceOps> = {};
  if (ops.seqno64 === true) recorded.seqno64 = true;
  if (ops.enableSignaling !== undefined) equip(recorded, "enableSignaling", (fence) => hooks.enableSignaling(fence));
  if (ops.signaled !== undefined) equip(recorded, "signaled", (fence) => hooks.signaled(fence));
  if (ops.wait !== undefined)
    equip(recorded, "wait", (fence, interruptible, timeout) => hooks.wait(fence, interruptible, timeout));
  if (ops.release !== undefined) equip(recorded, "release", (fence) => hooks.release(fence));
  if (ops.setDeadline !== undefined)
    equip(recorded, "setDeadline", (fence, deadline) => hooks.setDeadline(fence, deadline));
  return recorded;
}
