import type { Fence, FenceCallback, PollEvents, Poller, Reservation, Usage } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import type { ReferenceBuffer } from "./buffer.ts";
import { BufferSyncFiles } from "./sync-files.ts";

const nothing: PollEvents = { input: false, output: false };

/** `struct dma_buf_poll_cb_t`: the one callback that a buffer has for a direction. */
export class PollCallback implements FenceCallback {
  readonly events: PollEvents;
  readonly run: (fence: Fence) => void;
  link: unknown = null;
  /** It is handed to a fence, or just about to be. */
  active = false;

  constructor(events: PollEvents, run: (callback: PollCallback, fence: Fence) => void) {
    this.events = events;
    this.run = (fence) => run(this, fence);
  }
}

/** What a buffer has for those who poll it. */
export class PollQueue {
  /** Newest first, which is the order in which they are woken (`add_wait_queue`). */
  readonly pollers: Poller[] = [];
  readonly input: PollCallback;
  readonly output: PollCallback;

  constructor(run: (callback: PollCallback, fence: Fence) => void) {
    this.input = new PollCallback({ input: true, output: false }, run);
    this.output = new PollCallback({ input: false, output: true }, run);
  }
}

/** Poll on the descriptor (`dma_buf_poll`, `dma_buf_poll_add_cb`, `dma_buf_poll_cb`). */
export abstract class BufferPoll extends BufferSyncFiles {
  private readonly queues = new WeakMap<ReferenceBuffer, PollQueue>();

  *poll(
    buffer: ReferenceBuffer,
    { input, output }: PollEvents,
    poller: Poller | null,
  ): Generator<Suspension, PollEvents, unknown> {
    const queue = this.queueOf(buffer);
    if (poller !== null) queue.pollers.unshift(poller);
    if (!input && !output) return nothing;
    yield* this.env.lock(buffer.resv);
    const ready = {
      output: output && this.pollDirection(buffer, queue.output, true),
      input: input && this.pollDirection(buffer, queue.input, false),
    };
    yield* this.env.unlock(buffer.resv);
    return ready;
  }

  endPoll(buffer: ReferenceBuffer, poller: Poller): void {
    const { pollers } = this.queueOf(buffer);
    const index = pollers.indexOf(poller);
    if (index >= 0) pollers.splice(index, 1);
  }

  /** Lock held. While the callback is out, whoever comes waits for its wake-up like the one who sent it. */
  protected pollDirection(buffer: ReferenceBuffer, callback: PollCallback, write: boolean): boolean {
    if (callback.active) return false;
    callback.active = true;
    this.getRef(buffer);
    if (this.pollAddCallback(buffer.resv, write, callback)) return false;
    // Nothing to wait for: whoever was told otherwise before learns it now.
    this.pollDone(buffer, callback);
    return true;
  }

  /** On the first fence that takes it. */
  protected pollAddCallback(resv: Reservation, write: boolean, callback: PollCallback): boolean {
    for (const { fence } of this.env.iterateFences(resv, this.polledUsage(write))) {
      this.env.fenceGet(fence);
      if (this.env.addCallback(fence, callback) === 0) return true;
      this.env.fencePut(fence);
    }
    return false;
  }

  /** `dma_resv_usage_rw`. */
  protected polledUsage(write: boolean): Usage {
    return write ? "read" : "write";
  }

  /** `dma_buf_poll_cb` without its fence. */
  protected pollDone(buffer: ReferenceBuffer, callback: PollCallback): void {
    this.wakePollers(this.queueOf(buffer), callback);
    callback.active = false;
    this.put(buffer);
  }

  protected wakePollers(queue: PollQueue, { events }: PollCallback): void {
    for (const poller of queue.pollers) poller.wake(events);
  }

  protected queueOf(buffer: ReferenceBuffer): PollQueue {
    let queue = this.queues.get(buffer);
    if (queue === undefined) {
      queue = new PollQueue((callback, fence) => {
        this.pollDone(buffer, callback);
        this.env.fencePut(fence);
      });
      this.queues.set(buffer, queue);
    }
    return queue;
  }
}
