import { ENOENT } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Fence, FenceCallback } from "../../spec/roles/handles.ts";

/**
 * Waits for a set of fences without a task: `done` runs when the last has signaled, at once if none is pending.
 * Owns the references that come with the fences.
 */
export class PendingFences {
  private readonly env: Env;
  private readonly fences: readonly Fence[];
  private readonly done: () => void;
  private left = 0;

  constructor(env: Env, fences: readonly Fence[], done: () => void) {
    this.env = env;
    this.fences = fences;
    this.done = done;
  }

  /** Watches every fence. To be called once. */
  arm(): void {
    // One count of its own, so that fences that signal meanwhile do not end it half-way.
    this.left = 1;
    for (const fence of this.fences) {
      this.left += 1;
      if (this.env.addCallback(fence, this.callback()) === ENOENT) this.left -= 1;
    }
    this.left -= 1;
    if (this.left === 0) this.finish();
  }

  private callback(): FenceCallback {
    return {
      run: () => {
        this.left -= 1;
        // The callback runs inside the signal of another fence: whatever follows gets a context of its own.
        if (this.left === 0) this.env.defer("fences-done", () => this.finish());
      },
    };
  }

  private finish(): void {
    for (const fence of this.fences) this.env.fencePut(fence);
    this.done();
  }
}
