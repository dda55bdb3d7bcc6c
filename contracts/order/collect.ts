import type { BlockedEvent, HistoryEvent, LockEvent, ResumedEvent } from "../../spec/event.ts";
import type { Setup } from "../../spec/program.ts";
import { classOfLock, classOfWait, type OrderClass } from "./classes.ts";

/** Told that `to` was asked for, or has to come, while `from` was held or waited for; with the events that show it. */
type Found = (from: OrderClass, to: OrderClass, outer: number, inner: number) => void;

interface Request {
  readonly class: OrderClass;
  readonly seq: number;
}

/** What one task holds, and what it has asked for on behalf of its present step. */
class TaskOrder {
  readonly held: (Request & { readonly name: string })[] = [];
  step: string | null = null;
  requests: Request[] = [];
  /** Where the outermost open signalling section begins. */
  readonly sections: number[] = [];
  asleep: BlockedEvent | null = null;
  /** False inside a wait with a time limit, which nothing can hang for ever. */
  patient = true;
}

/** Time-outs from here on stand for none. Ticks. */
const unbounded = 2 ** 31;

/** Finds the edges of the lock and wait order that one history shows. */
export function readOrder(setup: Setup, events: readonly HistoryEvent[], found: Found): void {
  new OrderReader(setup, events, found).read();
}

class OrderReader {
  private readonly tasks = new Map<string, TaskOrder>();
  private readonly setup: Setup;
  private readonly events: readonly HistoryEvent[];
  private readonly found: Found;
  /** When the work for an importer's fence was over, by the step that published the fence; and that step of each fence. */
  private readonly ends = new Map<string, number>();
  private readonly steps = new Map<string, string>();
  /** When the callback of an attachment last began. */
  private readonly invalidated = new Map<string, number>();

  constructor(setup: Setup, events: readonly HistoryEvent[], found: Found) {
    this.setup = setup;
    this.events = events;
    this.found = found;
  }

  read(): void {
    for (const event of this.events) this.take(event);
  }

  private take(event: HistoryEvent): void {
    switch (event.kind) {
      case "lock":
        return this.lock(event);
      case "unlock":
        return this.drop(event.task, event.lock);
      case "blocked":
        return this.blocked(event);
      case "resumed":
        return this.resumed(event);
      case "signal":
        return this.signal(event);
      case "device":
        if (event.change === "jobStart" && event.step !== null) this.steps.set(`job ${event.job}`, event.step);
        if (event.change === "jobEnd") this.ends.set(this.steps.get(`job ${event.job}`) ?? "", event.seq);
        return;
      case "cb":
        if (event.hook === "invalidate") this.invalidated.set(event.attachment, event.seq);
        return;
      case "cbret":
        if (event.hook === "unmap") this.unmap(event.task, event.attachment);
        return;
      case "call":
        return this.call(event);
      case "ret":
        return this.ret(event);
      default:
    }
  }

  private call(event: HistoryEvent & { readonly kind: "call" }): void {
    switch (event.op) {
      case "acquireInit":
        return this.asks(event, "acquire");
      case "waitFences":
      case "waitFence":
      case "waitAny":
        this.task(event).patient = event.timeout >= unbounded;
        if (event.timeout >= unbounded) this.asks(event, "fence");
        return;
      case "addFence":
      case "replaceFences":
        if (event.by !== "program" && event.step !== null) this.steps.set(event.fence, event.step);
        return;
      default:
    }
  }

  private ret(event: HistoryEvent & { readonly kind: "ret" }): void {
    switch (event.op) {
      case "waitFences":
      case "waitFence":
      case "waitAny":
        this.task(event).patient = true;
        return;
      case "beginSignalling":
        this.task(event).sections.push(event.seq);
        return;
      case "endSignalling":
        this.task(event).sections.pop();
        return;
      case "acquireInit":
        this.task(event).held.push({ class: "acquire", seq: event.seq, name: event.acquire });
        return;
      case "acquireFini":
        return this.drop(event.task, event.acquire);
      default:
    }
  }

  private blocked(event: BlockedEvent): void {
    const task = this.task(event);
    task.asleep = event;
    if (task.patient) this.asks(event, classOfWait(this.setup, event.wait));
  }

  private lock(event: LockEvent): void {
    const asked = classOfLock(this.setup, event);
    if (event.form !== "try") this.asks(event, asked);
    if (event.errno === 0) this.task(event).held.push({ class: asked, seq: event.seq, name: event.lock });
  }

  private asks(event: HistoryEvent, asked: OrderClass): void {
    const task = this.task(event);
    // Of one class: reservation locks have their contexts (RESV-03), and of others the order of instances decides.
    for (const outer of task.held) if (outer.class !== asked) this.found(outer.class, asked, outer.seq, event.seq);
    const section = task.sections[0];
    if (section !== undefined && asked !== "fence") this.found("fence", asked, section, event.seq);
    task.requests.push({ class: asked, seq: event.seq });
  }

  private drop(task: string, name: string): void {
    const held = this.tasks.get(task)?.held ?? [];
    const at = held.findLastIndex((entry) => entry.name === name);
    if (at >= 0) held.splice(at, 1);
  }

  /** The work was over before, so what its owner asked for since is what the signal had to wait for. */
  private signal(event: HistoryEvent & { readonly kind: "signal" }): void {
    const end = this.ends.get(this.steps.get(event.fence) ?? "none");
    if (end !== undefined) this.stands("fence", this.task(event), end);
  }

  /** What work of its own asks for on its way to the unmap that an invalidate calls for. */
  private unmap(task: string, attachment: string): void {
    const since = this.invalidated.get(attachment);
    if (since !== undefined && task.startsWith("deferred")) this.stands("unmapped", this.tasks.get(task), since);
  }

  /** Somebody ended the wait: if only one can have, then what that one asks for stands behind it. */
  private resumed(event: ResumedEvent): void {
    const own = this.task(event);
    const { asleep } = own;
    own.asleep = null;
    const ended = classOfWait(this.setup, event.wait);
    if (asleep === null || !ended.startsWith("wait ") || event.errno !== 0) return;
    const others = new Set<string>();
    for (let seq = event.seq - 1; seq > asleep.seq; seq -= 1) {
      const { task, kind } = this.events[seq]!;
      if (task !== event.task && kind !== "drain") others.add(task);
    }
    const [other] = others;
    if (others.size === 1) this.stands(ended, this.tasks.get(other!), asleep.seq);
  }

  private stands(behind: OrderClass, task: TaskOrder | undefined, since: number): void {
    for (const request of task?.requests ?? [])
      if (request.class !== behind && request.seq > since) this.found(behind, request.class, since, request.seq);
  }

  private task({ task: name, step }: HistoryEvent): TaskOrder {
    let task = this.tasks.get(name);
    if (task === undefined) this.tasks.set(name, (task = new TaskOrder()));
    if (task.step !== step) {
      task.step = step;
      task.requests = [];
    }
    return task;
  }
}
