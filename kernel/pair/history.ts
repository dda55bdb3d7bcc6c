import type { HistoryEvent } from "../../spec/event.ts";
import { beginnings, type Beginning } from "./beginnings.ts";
import { Calls, contextOf, everywhere, exporter, isCalled, longestSegment, recorder, resvOfBuffer } from "./calls.ts";
import { bufferName, fenceName, lockName, type Line } from "./line.ts";
import { Memories } from "./memories.ts";
import { addressOf, importerOf, pageSize, taskOf, type PairStep, type StepOf } from "./steps.ts";

type Loose = Record<string, unknown> & { seq: number; task: string };

/** Who made an attachment of iommufd's, and what for. */
interface Other {
  readonly name: string;
  readonly importer: string;
  readonly buffer: string;
  readonly import: string | null;
}

/**
 * The events of a program, for the rules: the requests as operations of the suite, what the module's importer did and was
 * told, and of the tree's own two what tracepoints tell: references, attachments, locks, translations, the end of a
 * buffer. An invalidate of the exporter begins with the first who is told, and ends with the module's own first attachment,
 * which is the last on the list. What nobody tells is left out: pins, and the query that stands for a map.
 */
export function eventsOf(
  steps: readonly PairStep[],
  lines: readonly Line[],
  hooks: readonly string[],
): readonly HistoryEvent[] {
  return new HistoryWriter(steps, hooks).write(lines);
}

class HistoryWriter {
  private readonly steps: readonly PairStep[];
  private readonly hooks: readonly string[];
  private readonly events: Loose[] = [];
  /** Calls and hooks under way, by task. */
  private readonly open = new Map<string, Loose[]>();
  private readonly others = new Map<number, Other>();
  private readonly imports = new Map<string, StepOf<"import">>();
  private readonly attachments = new Map<string, StepOf<"attach">>();
  private readonly memories = new Memories();
  /** The last import at an address of a space, and how many page tables have it. */
  private readonly live = new Map<string, StepOf<"import">>();
  private readonly tables = new Map<string, number>();
  private readonly calls: Calls;
  private readonly blocked = new Map<string, object>();
  private made = 0;

  constructor(steps: readonly PairStep[], hooks: readonly string[]) {
    this.steps = steps;
    this.hooks = hooks;
    this.calls = new Calls(this.attachments);
    for (const step of steps) {
      if (step.op === "export") this.memories.made(step.buffer, step.pages * pageSize);
      if (step.op === "import") this.imports.set(step.import, step);
      if (step.op === "attach") this.attachments.set(step.attachment, step);
    }
  }

  write(lines: readonly Line[]): readonly HistoryEvent[] {
    const begins = beginnings(lines);
    lines.forEach((line, at) => {
      const step = this.steps[line.index];
      // When a signal was is told on behalf of nobody.
      if (step === undefined && line.kind !== "d" && line.kind !== "E" && line.kind !== "s") return;
      for (const begun of begins.get(at) ?? []) this.begin(begun, step!);
      this.line(line, step!);
    });
    return this.events as unknown as HistoryEvent[];
  }

  private line(line: Line, step: PairStep): void {
    const { kind, numbers } = line;
    const base = this.base(line, step);
    const [first = -1, second = -1] = numbers;
    switch (kind) {
      case "c":
        return this.call(base, step);
      case "r":
        return this.ret(base, step, numbers);
      case "h":
        this.endCallback(base);
        this.startInvalidate(base, this.attachments.get(`a${second + 1}`)?.buffer ?? "");
        return this.push(this.add({ ...base, kind: "cb", ...this.hookOf(first, second) }));
      case "H": {
        const [hook, errno, slot] = numbers;
        const { seq } = this.pop(base.task);
        return void this.add({ ...base, kind: "cbret", ...this.hookOf(hook!, slot!), cb: seq, errno, injected: false });
      }
      case "L":
        return this.lock(base, step, first, this.blocked.delete(base.task));
      case "U":
        this.endInvalidate(base);
        this.changeList(base);
        return void this.add({
          ...base,
          kind: "unlock",
          lock: resvOf(first),
          lockClass: "reservation",
          by: this.holder(base, step),
        });
      case "B": {
        if (first !== 0) return;
        const wait = { kind: "lock", ...this.request(base, step, second) };
        this.blocked.set(base.task, wait);
        return void this.add({ ...base, kind: "blocked", wait, interruptible: false });
      }
      case "R": {
        const wait = this.blocked.get(base.task);
        return wait === undefined ? undefined : void this.add({ ...base, kind: "resumed", wait, errno: 0 });
      }
      case "l":
        return void this.add({ ...base, kind: "list", attachment: `a${first + 1}`, listed: second === 1 });
      case "S":
        return void this.add({ ...base, kind: "signal", fence: fenceName(first), error: second, time: numbers[2] });
      case "s": {
        const fence = fenceName(first);
        const signal = this.events.findLast((event) => event["kind"] === "signal" && event["fence"] === fence);
        if (signal !== undefined) signal["time"] = second;
        return;
      }
      case "F":
        return void this.add({ ...base, kind: "free", what: "fence", id: fenceName(first), by: "framework" });
      case "W":
        return void this.add({ ...base, kind: "warn", text: line.text });
      case "p":
        return this.trace(base, line, step);
      case "d":
        return void this.add({ ...base, task: "drain", step: null, kind: "drain" });
      case "E":
        return void this.add({ ...base, task: "drain", step: null, kind: "end", waiting: [] });
      default:
    }
  }

  /** Something of which only the end is told. */
  private begin({ line, word, at }: Beginning, step: PairStep): void {
    const base = this.base(at, step);
    const [id = -1, slot = -1] = line.numbers;
    const buffer = bufferName(slot);
    switch (word) {
      case "attach": {
        const importer = step.op === "import" ? step.importer : "iommufd";
        const name = `o${(this.made += 1)}`;
        this.others.set(id, { name, importer, buffer, import: step.op === "import" ? step.import : null });
        const args = { buffer, device: `${importer}.space`, importer, attachment: name, ops: "callback" };
        const limits = { allowPeer2peer: true, dmaMask: everywhere, maxSegment: longestSegment };
        this.push(this.add({ ...base, kind: "call", op: "attach", by: importer, ...args, ...limits }));
        return;
      }
      case "detach": {
        const other = this.others.get(id);
        if (other === undefined) return;
        // The end of a file gives each of its imports back.
        if (step.op === "quit" && other.import !== null)
          this.push(this.add({ ...base, kind: "call", op: "release", by: "program", import: other.import }));
        const args = { buffer, attachment: other.name, altered: false };
        this.push(this.add({ ...base, kind: "call", op: "detach", by: other.importer, ...args }));
      }
    }
  }

  private trace(base: Base, { word, numbers }: Line, step: PairStep): void {
    const [first = -1, second = -1, third = 0] = numbers;
    switch (word) {
      case "get":
        return this.nested(
          base,
          this.asker(step),
          "get",
          { fd: `${bufferName(first)}.fd`, buffer: null },
          { buffer: bufferName(first) },
        );
      case "put":
        // The program's own is a call already.
        if (step.op !== "put") this.nested(base, this.asker(step), "put", { buffer: bufferName(first) });
        if (step.op === "quit" && this.open.get(base.task)?.at(-1)?.["op"] === "release") this.end(base, 0, {});
        return;
      case "attach":
      case "detach": {
        const other = this.others.get(first);
        if (other === undefined) return;
        this.end(base, 0, word === "attach" ? { peer2peer: numbers[3] === 1 } : {});
        return;
      }
      case "guard": {
        const other = this.others.get(first);
        if (other === undefined || (step.op !== "revoke" && step.op !== "unrevoke")) return;
        this.endCallback(base);
        this.startInvalidate(base, other.buffer);
        const args = { hook: "invalidate", to: other.importer, attachment: other.name };
        this.push(this.add({ ...base, kind: "cb", ...args }));
        return;
      }
      case "told":
        this.startInvalidate(base, bufferName(first));
        this.endInvalidate(base);
        return;
      case "on":
      case "off":
        return this.translate(base, step, word === "on", first, second, word === "on" ? third : second);
      case "released": {
        const buffer = bufferName(first);
        const to = exporter;
        const { seq } = this.add({ ...base, kind: "cb", hook: "release", to, buffer });
        this.add({ ...base, kind: "free", what: "storage", id: `${buffer}.memory`, by: exporter });
        this.add({ ...base, kind: "cbret", hook: "release", to, buffer, cb: seq, errno: 0, injected: false });
        this.memories.forget(buffer);
        return;
      }
      default:
    }
  }

  /** A space has a page table for each domain: a device sees what any of them has. */
  private translate(base: Base, step: PairStep, on: boolean, address: number, physical: number, length: number): void {
    const made = this.rangeAt(base, step, address);
    if (made === undefined) return;
    const { importer, buffer, start } = made;
    if (on) this.memories.learn(buffer, physical - start);
    const key = `${importer} ${address}`;
    const tables = (this.tables.get(key) ?? 0) + (on ? 1 : -1);
    this.tables.set(key, tables);
    if (tables !== (on ? 1 : 0)) return;
    const at = (on ? this.memories.find(physical) : null) ?? { buffer, offset: start };
    const range = { device: `${importer}.space`, on, address, length };
    this.add({ ...base, kind: "translate", ...range, storage: `${at.buffer}.memory`, offset: at.offset });
  }

  /** The import behind an address of the space that a step is about; of a revoke the one whose callback is under way. */
  private rangeAt({ task }: Base, step: PairStep, address: number): StepOf<"import"> | undefined {
    switch (step.op) {
      case "import":
        return step;
      case "release":
        return this.imports.get(step.import);
      case "revoke":
      case "unrevoke": {
        const attachment = this.open.get(task)?.at(-1)?.["attachment"];
        const other = [...this.others.values()].find(({ name }) => name === attachment);
        return this.imports.get(other?.import ?? "");
      }
      default:
        return this.live.get(`${importerOf(this.steps, step)} ${address}`);
    }
  }

  private call(base: Base, step: PairStep): void {
    const args = this.calls.next(step);
    if (args !== null) this.push(this.add({ ...base, kind: "call", ...args }));
  }

  private ret(base: Base, step: PairStep, [errno = 0, second = 0]: readonly number[]): void {
    if (!isCalled(step)) return;
    switch (step.op) {
      case "work":
      case "finish": {
        const isInit = this.open.get(base.task)?.at(-1)?.["op"] === "fenceInit";
        return this.end(base, errno, isInit ? { context: contextOf(step.fence) } : {});
      }
      case "export": {
        const { buffer } = step;
        this.end(base, errno, { resv: resvOfBuffer(buffer) });
        const id = `${buffer}.memory`;
        this.add({ ...base, kind: "alloc", what: "storage", id, by: exporter, placement: "system", errno: 0 });
        this.add({ ...base, kind: "epoch", buffer, change: "export", storage: id });
        const fd = `${buffer}.fd`;
        this.nested(base, exporter, "exportFd", { buffer, fd, closeOnExec: false }, { number: second });
        this.nested(base, "program", "get", { fd, buffer: null }, { buffer });
        return;
      }
      case "attach":
        return this.end(base, errno, { peer2peer: second === 1 });
      case "map":
        return this.end(base, errno, { table: null, segments: [] });
      case "import":
        if (errno === 0) this.live.set(`${step.importer} ${addressOf(step.place)}`, step);
        return this.end(base, errno, {});
      default:
        this.end(base, errno, {});
    }
  }

  private hookOf(hook: number, slot: number): object {
    if (this.hooks[hook] !== "invalidate") throw new Error(`the pair has no hook ${this.hooks[hook]}`);
    return { hook: "invalidate", to: recorder, attachment: `a${slot + 1}` };
  }

  private lock(base: Base, step: PairStep, slot: number, waited: boolean): void {
    this.add({ ...base, kind: "lock", ...this.request(base, step, slot), errno: 0, waited });
  }

  private request(base: Base, step: PairStep, slot: number) {
    const by = this.holder(base, step);
    return { lock: resvOf(slot), lockClass: "reservation", form: "plain", acquire: null, by };
  }

  /** In whose name a lock is taken: inside a call of the core, the core's; otherwise who carries the request out. */
  private holder({ task }: Base, step: PairStep): string {
    const inside = this.open.get(task)?.at(-1)?.["op"];
    if (inside === "attach" || inside === "detach" || inside === "mapUnlocked") return "framework";
    return this.asker(step);
  }

  private asker(step: PairStep): string {
    if (step.op === "revoke" || step.op === "unrevoke") return exporter;
    if (step.op === "import" || step.op === "quit") return step.importer;
    if (step.op === "release") return this.imports.get(step.import)?.importer ?? "program";
    return "program";
  }

  /** The list is changed in the hold that an attach or a detach is for. */
  private changeList(base: Base): void {
    const call = this.open.get(base.task)?.at(-1);
    const op = call?.["op"];
    if ((op !== "attach" && op !== "detach") || call?.["by"] === recorder) return;
    this.add({ ...base, kind: "list", attachment: call?.["attachment"], listed: op === "attach" });
  }

  private startInvalidate(base: Base, buffer: string): void {
    if (this.open.get(base.task)?.some(({ op }) => op === "invalidate") === true) return;
    this.push(this.add({ ...base, kind: "call", op: "invalidate", by: exporter, buffer }));
  }

  /** The callback of an importer of the tree's ends when the next begins, or with the invalidate. */
  private endCallback(base: Base): void {
    const last = this.open.get(base.task)?.at(-1);
    if (last?.["kind"] !== "cb" || last["to"] === recorder) return;
    const { seq, kind: _kind, ...args } = this.pop(base.task);
    this.add({ ...args, ...base, kind: "cbret", cb: seq, errno: 0, injected: false });
  }

  private endInvalidate(base: Base): void {
    this.endCallback(base);
    if (this.open.get(base.task)?.at(-1)?.["op"] === "invalidate") this.end(base, 0, {});
  }

  private nested(base: Base, by: string, op: string, args: object, answers: object = {}): void {
    this.push(this.add({ ...base, kind: "call", op, by, ...args }));
    this.end(base, 0, answers);
  }

  private end(base: Base, errno: number, answers: object): void {
    const { seq, kind: _kind, ...args } = this.pop(base.task);
    this.add({ ...args, ...base, kind: "ret", call: seq, errno, ...answers });
  }

  private base({ actor, atomic, kind }: Line, step: PairStep | undefined) {
    const task = actor < 0 ? "deferred" : step === undefined ? "t1" : taskOf(step);
    // Who listens to a tracepoint does so where nobody may sleep; what it tells of need not be there.
    return { seq: 0, task, step: step?.id ?? null, atomic: atomic && kind !== "p" };
  }

  private add(event: object): Loose {
    const loose = event as Loose;
    loose.seq = this.events.length;
    this.events.push(loose);
    return loose;
  }

  private push(event: Loose): void {
    const stack = this.open.get(event.task);
    if (stack === undefined) this.open.set(event.task, [event]);
    else stack.push(event);
  }

  private pop(task: string): Loose {
    const found = this.open.get(task)?.pop();
    if (found === undefined) throw new Error(`the module ends something that ${task} has not begun`);
    return found;
  }
}

type Base = ReturnType<HistoryWriter["base"]>;

const resvOf = (slot: number) => resvOfBuffer(lockName(slot));
