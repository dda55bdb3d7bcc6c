import { Worker } from "node:worker_threads";
import type { CheckOptions } from "../conformance/check.ts";
import type { WorkerMessage } from "./worker-message.ts";

/** Everything a worker said, and how it ended. */
export interface WorkerResult {
  readonly messages: readonly WorkerMessage[];
  /** Null for a worker that finished; otherwise why it did not. */
  readonly ended: string | null;
}

/**
 * Runs an adapter module in a thread of its own, so that a busy loop in it can be ended.
 * `silence`: seconds without any sign of life after which it is. What it had found by then is kept.
 */
export function runInWorker(path: string, options: CheckOptions, silence: number): Promise<WorkerResult> {
  // Node cannot start a TypeScript worker, so this only works from built code.
  const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: { path, options } });
  const messages: WorkerMessage[] = [];
  return new Promise((resolve) => {
    let timer = setTimeout(giveUp, silence * 1000);
    let over = false;
    function finish(ended: string | null): void {
      if (over) return;
      over = true;
      clearTimeout(timer);
      void worker.terminate();
      resolve({ messages, ended });
    }
    function giveUp(): void {
      const last = messages.findLast((message) => message.kind === "progress");
      const after = last === undefined ? "while it was loaded" : `after ${last.programs} programs`;
      finish(`the adapter gave no sign of life for ${silence} s ${after}: it loops without calling env`);
    }
    worker.on("message", (message: WorkerMessage) => {
      messages.push(message);
      clearTimeout(timer);
      timer = setTimeout(giveUp, silence * 1000);
      if (message.kind === "done" || message.kind === "refused") finish(null);
    });
    worker.on("error", (error) => {
      finish(`the adapter broke its thread: ${error.message}`);
    });
    worker.on("exit", (code) => {
      finish(`the adapter ended the process (exit code ${code})`);
    });
  });
}
