import type { Env } from "../../spec/roles/env.ts";

/**
 * Signalling sections: `dma_fence_begin_signalling`, `dma_fence_end_signalling` (`drivers/dma-buf/dma-fence.c`).
 * In the kernel they only exist for lockdep. A task is in one section or in none; the cookie makes inner ends harmless.
 */
export class SignallingSections {
  private readonly env: Env;
  private readonly tasks = new Set<object>();

  constructor(env: Env) {
    this.env = env;
  }

  /** True if the task was in a section already or cannot sleep anyhow: then this one is no section of its own. */
  begin(atomic: boolean): boolean {
    const task = this.env.currentTask();
    if (atomic || this.tasks.has(task)) return true;
    this.tasks.add(task);
    return false;
  }

  end(cookie: boolean): void {
    if (cookie) return;
    if (!this.tasks.delete(this.env.currentTask())) this.env.warn("signalling section ended that was not begun");
  }
}
