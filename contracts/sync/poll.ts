import { errnoName } from "../../spec/errno.ts";
import type { CallEvent, RetEvent, UnlockEvent } from "../../spec/event.ts";
import { covers } from "../../spec/roles/handles.ts";
import { bracketCovers } from "../../spec/state/observe/cpu.ts";
import { holds, type State } from "../../spec/state/state.ts";
import { on, remember, type Verdict } from "../monitor.ts";
import type { Rule } from "../rule.ts";
import { checked, untested } from "../rule-text.ts";
import { looking } from "../cpu/situations.ts";
import { isOver } from "../shared/fences.ts";
import { resvOf } from "../shared/lookup.ts";
import { certainlyPending, isListKnown, possibleEntries, possiblyPending, usageRw } from "../shared/possible-lists.ts";
import { doc, kernel, run } from "../source.ts";
import { polling } from "./situations.ts";

type Poll = CallEvent<"poll">;
type PollRet = RetEvent<"poll">;

/** The poll that is going on in a task, where that is its innermost frame. */
function pollOf(state: State, task: string): Poll | undefined {
  const frame = state.tasks.get(task)?.frames.at(-1);
  return frame?.kind === "call" && frame.op === "poll" ? frame : undefined;
}

/** Callbacks that polls of a buffer have handed to fences and that have not run. */
function armedOn(state: State, buffer: string): readonly string[] {
  return [...state.callbacks].flatMap(([name, row]) =>
    row.poll === buffer && (row.state === "pending" || row.state === "running") ? [name] : [],
  );
}

/** Pending fences that are there for sure, and those that may be. */
interface Pending {
  readonly sure: readonly string[];
  readonly possible: readonly string[];
}

/** What is in the way of those who read, or who write. */
function pendingFor(state: State, resv: string, write: boolean): Pending {
  const usage = usageRw(write);
  return {
    sure: certainlyPending(state, resv, usage),
    possible: possiblyPending(state, resv, usage),
  };
}

/** What a poll found under the lock, and what it and others have armed. */
class Polls {
  /** Pending fences for input and for output at the unlock, by the seq of the call. */
  private readonly found = new Map<
    number,
    { readonly input: Pending; readonly output: Pending; readonly known: boolean; readonly out: readonly string[] }
  >();
  /** Fences that a call has armed itself. */
  private readonly own = new Map<number, string[]>();
  /** The call that armed a callback. */
  private readonly armers = new Map<string, Poll>();
  /** What was armed when a call began. */
  private readonly before = new Map<number, readonly string[]>();

  begin(event: Poll, state: State): void {
    this.before.set(event.seq, armedOn(state, event.buffer));
  }

  armed(event: RetEvent<"addCallback">, state: State): Poll | undefined {
    // The frame of the call that returns is still open.
    const poll = state.tasks.get(event.task)?.frames.at(-2);
    if (poll?.kind !== "call" || poll.op !== "poll") return undefined;
    if (event.errno !== 0 || event.callback === null || event.fence === null) return undefined;
    this.own.set(poll.seq, [...(this.own.get(poll.seq) ?? []), event.fence]);
    this.armers.set(event.callback, poll);
    return poll;
  }

  unlocked(event: UnlockEvent, state: State): void {
    const call = pollOf(state, event.task);
    if (call === undefined) return;
    const resv = resvOf(state, call.buffer);
    this.found.set(call.seq, {
      input: pendingFor(state, resv, false),
      output: pendingFor(state, resv, true),
      known: isListKnown(state, resv),
      out: armedOn(state, call.buffer),
    });
  }

  pendingAt(call: number, direction: "input" | "output"): Pending | undefined {
    return this.found.get(call)?.[direction];
  }

  /** Whether what is not among the possible ones is certainly not there. */
  isKnown(call: number): boolean {
    return this.found.get(call)?.known === true;
  }

  armedBy(call: number): readonly string[] {
    return this.own.get(call) ?? [];
  }

  /** Whether a callback that may be of this direction was out before the call, or came meanwhile from others. */
  isBusy(event: PollRet, direction: "input" | "output", state: State): boolean {
    const { out: then = [] } = this.found.get(event.call) ?? {};
    const out = new Set([...(this.before.get(event.call) ?? []), ...then, ...armedOn(state, event.buffer)]);
    return [...out].some((name) => {
      const armer = this.armers.get(name);
      return armer !== undefined && armer.seq !== event.call && armer[direction];
    });
  }

  armerOf(callback: string): Poll | undefined {
    return this.armers.get(callback);
  }

  end(call: number): void {
    this.found.delete(call);
    this.own.delete(call);
    this.before.delete(call);
  }
}

/** What a poll was asked for and said no to. */
function refusedIn(event: PollRet): readonly ("input" | "output")[] {
  const refused: ("input" | "output")[] = [];
  if (event.input && !event.readable) refused.push("input");
  if (event.output && !event.writable) refused.push("output");
  return refused;
}

/** SYNC-15. */
function saysTruly(event: PollRet, state: State, verdict: Verdict, polls: Polls): void {
  for (const direction of ["input", "output"] as const) {
    const pending = polls.pendingAt(event.call, direction);
    if (!event[direction] || pending === undefined) continue;
    verdict.exercised();
    const isReady = direction === "input" ? event.readable : event.writable;
    if (isReady && pending.sure.length > 0)
      verdict.violated(
        `${event.buffer} is ready for ${direction} while ${pending.sure[0]} is pending`,
        verdict.since("fences", pending.sure[0]!, "context"),
      );
    else if (
      !isReady &&
      polls.isKnown(event.call) &&
      pending.possible.length === 0 &&
      polls.armedBy(event.call).length === 0 &&
      !polls.isBusy(event, direction, state)
    )
      verdict.violated(
        `${event.buffer} is not ready for ${direction} although nothing is pending and nobody is on watch`,
      );
  }
  polls.end(event.call);
}

/** SYNC-22 at the return: somebody is on watch for each direction that is not ready. */
function isWatched(event: PollRet, state: State, verdict: Verdict, polls: Polls): void {
  const armed = polls.armedBy(event.call);
  for (const direction of refusedIn(event)) {
    const { sure: pending, possible } = polls.pendingAt(event.call, direction) ?? { sure: [], possible: [] };
    if (pending.length === 0 || polls.isBusy(event, direction, state)) continue;
    verdict.exercised();
    if (!armed.some((fence) => possible.includes(fence) || isOver(state, fence)))
      verdict.violated(
        `${event.buffer} is not ready for ${direction}, and no callback waits for ${pending.join(" or ")}`,
      );
  }
  polls.end(event.call);
}

/** SYNC-22 where the callback is added: the first pending fence of the level, in the order of the object. */
function isFirst(event: RetEvent<"addCallback">, state: State, verdict: Verdict, polls: Polls): void {
  const poll = polls.armed(event, state);
  if (poll === undefined || event.fence === null) return;
  verdict.exercised();
  const resv = resvOf(state, poll.buffer);
  const own = possibleEntries(state, resv).filter(({ fence }) => fence === event.fence);
  if (own.length > 0 && own.every(({ usage }) => !covers(usageRw(poll.output), usage)))
    verdict.violated(`a poll of ${poll.buffer} watches ${event.fence}, which is ${own[0]!.usage}`, poll);
  const [list, ...others] = state.reservations.get(resv)?.lists ?? [];
  if (list === undefined || others.length > 0) return;
  const levels = [...(poll.output ? [true] : []), ...(poll.input ? [false] : [])];
  const firsts = levels.map((write) =>
    list.find(({ fence, usage }) => covers(usageRw(write), usage) && !isOver(state, fence)),
  );
  if (firsts.every((first) => first !== undefined && first.fence !== event.fence))
    verdict.violated(`a poll of ${poll.buffer} watches ${event.fence}, and ${firsts[0]!.fence} comes first`, poll);
}

function isSingle({ input, output }: Poll): boolean {
  return input !== output;
}

export const sync15: Rule = {
  id: "SYNC-15",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["fenceOwner"],
  statement:
    "Dma-buf poll reports input only when no WRITE-level fence and output only when no READ-level fence is unsignaled under the lock; not-ready is else right only while a callback armed earlier for that direction is out, and BOOKKEEP never counts.",
  intent: "A process that is told ready too early reads a frame still being drawn.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_poll", "6.12, 7.2"),
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_poll_add_cb", "6.12, 7.2"),
    doc("drivers/dma-buf/dma-buf.c", "implicit fence poll support"),
    run(["6.12.117", "7.2.13"], "each usage against input, output and both; an armed fence replaced by a signaled one"),
  ],
  hints: ["Are the levels of the two directions swapped?"],
  status: checked,
  situation: polling,
  monitor: remember(() => new Polls(), {
    "call poll": (event, state, _verdict, polls) => polls.begin(event, state),
    "ret addCallback": (event, state, _verdict, polls) => void polls.armed(event, state),
    unlock: (event, state, _verdict, polls) => polls.unlocked(event, state),
    "ret poll": saysTruly,
  }),
};

export const sync16: Rule = {
  id: "SYNC-16",
  level: "MUST",
  obliged: ["framework"],
  provokedBy: ["fenceOwner"],
  statement:
    "A poller told not ready is woken when the fence armed for its direction signals; the wake-up promises nothing, and rounds of poll and wake end once all matching fences have signaled.",
  intent: "A lost wake-up freezes the event loop although the picture is done.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_poll_cb", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "waiters for input, output, both, in both signal orders; failed fence counts as done"),
  ],
  temporal: ["T-28"],
  hints: [
    "Does the next poll arm the next unsignaled fence?",
    "Is the wake-up sent when the armed fence was already signaled at arming?",
  ],
  status: checked,
  situation: polling,
  monitor: on({
    "ret poll"(event, _state, verdict) {
      if (event.poller !== null && refusedIn(event).length > 0) verdict.exercised();
    },
    end(event, state, verdict) {
      for (const { task, wait } of event.waiting)
        if (wait.kind === "other" && wait.what.startsWith("poll of ") && state.buffers.has(wait.what.slice(8)))
          verdict.violated(`${task} sleeps in a ${wait.what} for ever, although every fence has signaled`);
    },
  }),
};

export const sync17: Rule = {
  id: "SYNC-17",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "At most one fence callback per direction is armed for a buffer; further pollers just wait for its wake-up and look again.",
  intent: "Each direction has one callback structure, and arming it twice corrupts a fence's list.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_poll", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "two waiters, repeated polls: never more than one per direction"),
  ],
  hints: ["Is the busy mark set and cleared under the poll queue's lock?"],
  status: checked,
  situation: polling,
  monitor: remember(() => new Polls(), {
    "call poll": (event, state, _verdict, polls) => polls.begin(event, state),
    "ret addCallback"(event, state, verdict, polls) {
      const poll = polls.armed(event, state);
      if (poll === undefined) return;
      const others = armedOn(state, poll.buffer).filter((name) => name !== event.callback);
      if (others.length > 0) verdict.exercised();
      // Who asked for one direction only can have armed no other.
      const sameWay = others.find((name) => {
        const armer = polls.armerOf(name);
        return armer !== undefined && isSingle(armer) && isSingle(poll) && armer.input === poll.input;
      });
      if (others.length > 1)
        verdict.violated(`three callbacks wait for ${poll.buffer}, one more than there are directions`, poll);
      else if (sameWay !== undefined)
        verdict.violated(
          `two callbacks wait for ${poll.input ? "input" : "output"} of ${poll.buffer}`,
          polls.armerOf(sameWay),
          poll,
        );
    },
    "ret poll"(event, state, verdict, polls) {
      if (refusedIn(event).length > 0 && armedOn(state, event.buffer).length > 0) verdict.exercised();
      polls.end(event.call);
    },
  }),
};

export const sync18: Rule = {
  id: "SYNC-18",
  level: "MUST",
  obliged: ["caller"],
  statement: "After poll said ready the CPU still brackets its access with begin and end.",
  intent: "Ready means that the device is done, while the caches may still hold old lines.",
  sources: [doc("drivers/dma-buf/dma-buf.c", "implicit fence poll support")],
  hints: ["Is the sync request skipped because poll had returned?"],
  status: checked,
  situation: { ...looking, weights: { ...looking.weights, poll: 12 }, importers: ["scripted", "cpu"] },
  monitor: remember(() => new Map<string, PollRet>(), {
    "ret poll"(event, _state, _verdict, ready) {
      if (event.readable || event.writable) ready.set(`${event.by} ${event.buffer}`, event);
    },
    cpu(event, state, verdict, ready) {
      const polled = ready.get(`${event.by} ${event.buffer}`);
      if (polled === undefined) return;
      verdict.exercised();
      const open = state.buffers.get(event.buffer)?.brackets ?? [];
      if (open.some(({ by, direction }) => by === event.by && bracketCovers(direction, event.access))) return;
      verdict.violated(`${event.by} polled ${event.buffer} and touches it without a bracket`, polled);
    },
  }),
};

export const sync19: Rule = {
  id: "SYNC-19",
  level: "MUST",
  obliged: ["framework"],
  statement: "A poll on a file without buffer or reservation object reports the error event.",
  intent: "Should one ever exist, an event loop must not sleep on it for ever.",
  sources: [kernel("drivers/dma-buf/dma-buf.c", "dma_buf_poll", "6.12, 7.2")],
  hints: ["Is the null check made before the lock is taken?"],
  status: untested(
    "no file without a buffer, and no buffer without a reservation object, can be made through the interface",
  ),
};

export const sync20: Rule = {
  id: "SYNC-20",
  level: "MUST",
  obliged: ["framework", "caller"],
  statement:
    "Poll for any direction locks the buffer without being interruptible, even with timeout 0 or a signal pending, so the lock's holder never polls; poll for no direction reports nothing and does not lock.",
  intent: "An event loop stalls behind a lock holder, and a holder that polls waits for itself.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_poll", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "blocked poll stays blocked until the unlock"),
  ],
  hints: ["Is the lock taken before the requested events are looked at?"],
  status: checked,
  situation: { ...polling, interrupts: true },
  monitor: on({
    "call poll"(event, state, verdict) {
      verdict.exercised();
      const resv = state.buffers.get(event.buffer)?.resv ?? "";
      if (holds(state, event.task, resv))
        verdict.violated(
          `${event.by} polls ${event.buffer} while it holds ${resv}`,
          verdict.since("reservations", resv, "owner"),
        );
    },
    lock(event, state, verdict) {
      const poll = pollOf(state, event.task);
      if (poll === undefined || event.lockClass !== "reservation") return;
      verdict.exercised();
      if (!poll.input && !poll.output)
        verdict.violated(`a poll of ${poll.buffer} for nothing takes ${event.lock}`, poll);
      else if (event.form !== "plain" || event.errno !== 0)
        verdict.violated(
          `a poll of ${poll.buffer} asks for ${event.lock} in a form that can fail: ${errnoName(event.errno)}`,
          poll,
        );
    },
    "ret poll"(event, _state, verdict) {
      if (event.input || event.output) return;
      if (event.readable || event.writable)
        verdict.violated(`a poll of ${event.buffer} for nothing finds something ready`);
    },
  }),
};

export const sync22: Rule = {
  id: "SYNC-22",
  level: "MUST",
  obliged: ["framework"],
  statement:
    "A not-ready poll arms one callback per direction, on the first fence in object order of that direction's level that is unsignaled, and so enables it; the rest, and newcomers, go unwatched until the next poll.",
  intent: "Arming on a fence that is done or of the wrong level wakes never or far too late.",
  sources: [
    kernel("drivers/dma-buf/dma-buf.c", "dma_buf_poll_add_cb", "6.12, 7.2"),
    run(["6.12.117", "7.2.13"], "five orders; first member already signaled; a fence added later is not watched"),
  ],
  hints: ["Does the search go on to the next fence when adding the callback fails?"],
  status: checked,
  situation: polling,
  monitor: remember(() => new Polls(), {
    "call poll": (event, state, _verdict, polls) => polls.begin(event, state),
    "ret addCallback": isFirst,
    unlock: (event, state, _verdict, polls) => polls.unlocked(event, state),
    "ret poll": isWatched,
  }),
};

export const rules: readonly Rule[] = [sync15, sync16, sync17, sync18, sync19, sync20, sync22];
