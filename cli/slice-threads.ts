import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { SliceResult, SliceWork } from "../conformance/proposal/defence-slice.ts";
import type { SliceRequest } from "./defend-worker.ts";

/** Threads that search slices of a proposal. */
export class SliceThreads {
  private readonly word: string;
  private readonly name: string;
  private readonly idle: Worker[] = [];
  private readonly all: Worker[] = [];

  /** `word` finds the proposal, or several: then it is the one of this name. */
  constructor(word: string, name: string) {
    this.word = word;
    this.name = name;
  }

  /** Searches a slice in a thread that is idle, or in a new one. Rejects where the thread dies. */
  async run(work: SliceWork): Promise<SliceResult> {
    const worker = this.idle.pop() ?? this.started();
    const request: SliceRequest = { word: this.word, name: this.name, work };
    worker.postMessage(request);
    const [result] = (await once(worker, "message")) as [SliceResult];
    this.idle.push(worker);
    return result;
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((worker) => worker.terminate()));
  }

  private started(): Worker {
    // Node cannot start a TypeScript worker, so this only works from built code.
    const worker = new Worker(new URL("./defend-worker.js", import.meta.url));
    this.all.push(worker);
    return worker;
  }
}
