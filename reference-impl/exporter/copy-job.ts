import { ECANCELED } from "../../spec/errno.ts";
import type { Env, Owner } from "../../spec/roles/env.ts";
import type { Fence } from "../../spec/roles/handles.ts";
import { PendingFences } from "./pending-fences.ts";

/**
 * The exporter's device copies a buffer to its new place. It may begin only after all accesses to the old one,
 * so the fence signals when both these and the device are done, never earlier.
 */
export class CopyJob {
  /** Owned until the end of the job; to be published with KERNEL usage. */
  readonly fence: Fence;
  private readonly env: Env;
  private readonly finished: () => void;
  private accessesOver = false;
  private copied = false;
  private error = 0;

  /** `finished` runs in task context after the fence has signaled. */
  constructor(env: Env, owner: Owner, context: number, seqno: bigint, finished: () => void) {
    this.env = env;
    // The code behind a fence has to stay for as long as anybody holds the fence.
    env.moduleGet(owner);
    this.fence = env.fenceInit({ release: () => env.modulePut(owner) }, context, seqno);
    this.finished = finished;
  }

  /** Queues the copy behind `accesses`, whose references it takes over. */
  start(accesses: readonly Fence[]): void {
    const { env } = this;
    env.startJob(
      "copy",
      () => this.copyDone(0),
      () => this.copyDone(-ECANCELED),
    );
    new PendingFences(env, accesses, () => {
      this.accessesOver = true;
      this.signalIfDone();
    }).arm();
  }

  private copyDone(error: number): void {
    this.copied = true;
    this.error = error;
    this.signalIfDone();
  }

  private signalIfDone(): void {
    if (!this.copied || !this.accessesOver) return;
    const { env, fence } = this;
    if (this.error !== 0) env.setError(fence, this.error);
    env.signal(fence);
    env.fencePut(fence);
    env.defer("delayed-delete", this.finished);
  }
}
