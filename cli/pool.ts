import { Worker } from "node:worker_threads";
import type { Find } from "../conformance/campaign/findings.ts";
import type { Answers, Beat, Work, WorkerMessage } from "./requests.ts";

/** Work came to no answer: the thread died, fell silent, or refused. */
export class WorkFailed extends Error {
  override readonly name = "WorkFailed";
  /** The adapter or the input is at fault. */
  readonly refused: boolean;

  constructor(message: string, refused: boolean) {
    super(message);
    this.refused = refused;
  }
}

/** Told what a thread says while it works. */
export interface Listener {
  beat?(beat: Beat): void;
  found?(find: Find): void;
}

/** An answer, and the seconds a thread took for it. */
export interface Answered<K extends Work["kind"]> {
  readonly answer: Answers[K];
  readonly seconds: number;
}

interface Job {
  readonly work: Work;
  readonly listener: Listener;
  readonly resolve: (answered: Answered<Work["kind"]>) => void;
  readonly reject: (error: WorkFailed) => void;
}

/**
 * Threads that work one job after the other, in the order the jobs came. A thread that loops without a sign of life, or
 * that the adapter ends, is replaced; its job fails and nothing else does.
 */
export class Pool {
  private readonly silence: number;
  private readonly queue: Job[] = [];
  private readonly idle: Worker[] = [];
  private readonly all = new Set<Worker>();
  private readonly size: number;

  /** `size`: threads; `silence`: seconds without a sign of life after which one is ended. */
  constructor(size: number, silence: number) {
    this.size = size;
    this.silence = silence;
  }

  run<W extends Work>(work: W, listener: Listener = {}): Promise<Answered<W["kind"]>> {
    return new Promise((resolve, reject) => {
      this.queue.push({ work, listener, resolve: resolve as Job["resolve"], reject });
      this.next();
    });
  }

  /** Ends all threads; what they were at is lost. */
  close(): void {
    this.queue.length = 0;
    for (const worker of this.all) void worker.terminate();
    this.all.clear();
  }

  private next(): void {
    if (this.queue.length === 0) return;
    const worker = this.idle.pop() ?? (this.all.size < this.size ? this.started() : undefined);
    if (worker !== undefined) this.give(worker, this.queue.shift()!);
  }

  private started(): Worker {
    // Node cannot start a TypeScript worker, so this only works from built code.
    const worker = new Worker(new URL("./worker.js", import.meta.url));
    this.all.add(worker);
    // Between two jobs nobody else listens: what an adapter does then ends its thread and nothing more.
    worker.on("error", () => undefined);
    worker.on("exit", () => {
      this.all.delete(worker);
      const place = this.idle.indexOf(worker);
      if (place >= 0) this.idle.splice(place, 1);
    });
    return worker;
  }

  private give(worker: Worker, { work, listener, resolve, reject }: Job): void {
    let programs: number | null = null;
    const fail = (text: string, refused = false): void => {
      end(true);
      reject(new WorkFailed(text, refused));
    };
    const giveUp = (): void => {
      const after = programs === null ? "while it was loaded" : `after ${programs} programs`;
      fail(`the adapter gave no sign of life for ${this.silence} s ${after}: it loops without calling env`);
    };
    let timer = setTimeout(giveUp, this.silence * 1000);
    const end = (isLost: boolean): void => {
      clearTimeout(timer);
      worker.off("message", heard).off("error", broke).off("exit", left);
      if (isLost) {
        this.all.delete(worker);
        void worker.terminate();
      } else this.idle.push(worker);
      this.next();
    };
    const broke = (error: Error): void => fail(`the adapter broke its thread: ${error.message}`);
    const left = (code: number): void => fail(`the adapter ended the process (exit code ${code})`);
    const heard = (message: WorkerMessage): void => {
      clearTimeout(timer);
      timer = setTimeout(giveUp, this.silence * 1000);
      switch (message.kind) {
        case "beat":
          if (message.beat === null) return;
          programs = message.beat.programs;
          listener.beat?.(message.beat);
          return;
        case "found":
          listener.found?.(message.find);
          return;
        case "done":
          end(false);
          resolve({ answer: message.answer, seconds: message.seconds });
          return;
        case "refused":
          fail(message.text, message.known);
          return;
      }
    };
    worker.on("message", heard).on("error", broke).on("exit", left);
    worker.postMessage(work);
  }
}
