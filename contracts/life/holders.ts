import type { State } from "../../spec/state/state.ts";
import type { Handlers } from "../monitor.ts";

/**
 * Who holds how many references to which buffer. Those of the exporter, of the program and of descriptors
 * are one account, as they hand them to each other; every other role instance has its own.
 */
export class Holders {
  private readonly counts = new Map<string, number>();

  of(buffer: string, by: string): number {
    return this.counts.get(`${buffer} ${by}`) ?? 0;
  }

  change(state: State, buffer: string, by: string, change: 1 | -1): void {
    if (isCreator(state, buffer, by)) return;
    this.counts.set(`${buffer} ${by}`, this.of(buffer, by) + change);
  }

  /** What is left for exporter, program and descriptors. */
  creators(state: State, buffer: string): number {
    // What user mappings and armed polls hold is nobody's to give back.
    let left = (state.buffers.get(buffer)?.refs ?? 0) - (state.buffers.get(buffer)?.keepers ?? 0);
    for (const [key, count] of this.counts) if (key.startsWith(`${buffer} `)) left -= count;
    return left;
  }
}

/** Whether a party's references to a buffer are in the creator's account. */
export function isCreator(state: State, buffer: string, by: string): boolean {
  return by === "program" || by === state.buffers.get(buffer)?.exporter;
}

/** Handlers that count what is taken; a rule counts the puts itself, after it has judged them. */
export const countTaken: Handlers<Holders> = {
  "ret get": ({ buffer, by, errno }, state, _verdict, holders) => {
    if (errno === 0 && buffer !== null) holders.change(state, buffer, by, 1);
  },
  "ret getRef": ({ buffer, by }, state, _verdict, holders) => holders.change(state, buffer, by, 1),
  "ret listBuffers": ({ buffers, by }, state, _verdict, holders) => {
    for (const buffer of buffers) holders.change(state, buffer, by, 1);
  },
};

/** Descriptors of a buffer that are open. */
export function openFds(state: State, buffer: string): number {
  let open = 0;
  for (const fd of state.fds.values()) if (fd.buffer === buffer && fd.open) open += 1;
  return open;
}

/** References that are certainly left: a close under way may have dropped its own. */
export function certainReferences(state: State, buffer: string): number {
  let left = state.buffers.get(buffer)?.refs ?? 0;
  for (const task of state.tasks.values())
    for (const frame of task.frames)
      if (frame.kind === "call" && frame.op === "close" && state.fds.get(frame.fd)?.buffer === buffer) left -= 1;
  return left;
}
