import { EINTR } from "../../spec/errno.ts";
import { usages } from "../../spec/roles/handles.ts";
import type { HistoryEvent, LockForm, WaitFor } from "../../spec/event.ts";
import type { Step } from "../../spec/program.ts";
import { callArgs, isCalled, type CalledOperation } from "./call-args.ts";
import type { Compiled } from "./compile.ts";
import type { Decoded, Ending } from "./decoded.ts";
import type { Introduction } from "./introduction.ts";
import { callerOf, exporterOf } from "./buffer-calls.ts";
import { FenceNames } from "./fence-names.ts";
import { Memory } from "./memory.ts";
import type { Slots } from "./slots.ts";
import { decodeHook } from "./hooks.ts";
import { results, type Answer, type Naming } from "./results.ts";

/** ERESTARTSYS, which only kernels see. */
const restart = 512;
const forms: readonly LockForm[] = ["plain", "interruptible", "slow", "slowInterruptible", "try"];
const slowForms: Readonly<Partial<Record<Step["op"], LockForm>>> = {
  lockInterruptible: "interruptible",
  lockSlow: "slow",
  lockSlowInterruptible: "slowInterruptible",
};

/** Calls that wait for fences on behalf of somebody who knows nothing of them. */
const waitsInside: ReadonlySet<Step["op"]> = new Set(["attach", "map", "mapUnlocked", "beginCpu", "ioctlSync"]);

type Loose = { -readonly [K in keyof HistoryEvent]: HistoryEvent[K] } & Record<string, unknown>;

/** Turns the lines of one program into a history's events. Throws an Error for a line that means nothing. */
export class Decoder implements Naming {
  private readonly events: Loose[] = [];
  private readonly skipped = new Map<string, string>();
  private readonly compiled: Compiled;
  private readonly hooks: Introduction["hooks"];
  private readonly fences: FenceNames;
  readonly memory: Memory;
  private readonly contexts = new Map<number, number>();
  /** Calls and hooks under way, by task. */
  private readonly open = new Map<string, Loose[]>();
  private readonly waits = new Map<string, { readonly wait: WaitFor; readonly interruptible: boolean }>();
  /** Steps whose call was seen: who looks again is on the queue already. */
  private readonly polled = new Set<string>();
  private readonly resumed = new Map<string, Loose>();
  private ending: Ending | null = null;
  private step: string | null = null;

  constructor(compiled: Compiled, { hooks }: Introduction) {
    this.compiled = compiled;
    this.hooks = hooks;
    this.fences = new FenceNames(compiled.slots);
    this.memory = new Memory(compiled.slots);
  }

  decode(lines: readonly string[]): Decoded {
    for (const line of lines) this.line(line);
    return { events: this.events as unknown as HistoryEvent[], skipped: this.skipped, ending: this.ending };
  }

  fence(id: number): string | null {
    return id < 0 ? null : this.fences.of(id, this.step);
  }

  stepAt(index: number): string {
    return this.compiled.all[index]?.id ?? "";
  }

  context(raw: number): number {
    // Of fences that stand for nothing, and the same in every kernel.
    if (raw === 0) return 0;
    let known = this.contexts.get(raw);
    if (known === undefined) this.contexts.set(raw, (known = this.contexts.size + 1));
    return known;
  }

  private line(line: string): void {
    const kind = line[0];
    if (kind === "W") return this.warn(line);
    if (kind === "k") return this.skip(line);
    const words = line.split(" ");
    const numbers = words.slice(4).map(Number);
    if (kind === "V") {
      const [, lockdep, warnings, stuck, late] = words.slice(1).map(Number);
      this.ending = { lockdep: lockdep === 1, warnings: warnings!, stuck: stuck!, late: late! };
      return;
    }
    const index = Number(words[2]);
    const step = this.compiled.all[index];
    const base = this.base(Number(words[1]), step, words[3] === "1");
    this.step = base.step;
    switch (kind) {
      case "c":
        return this.call(base, step!);
      case "r":
        return this.ret(base, step!, numbers);
      case "n":
        return this.nested(base, step!, words[4]!, words.slice(5).map(Number));
      case "m":
        return this.nestedEnd(base, numbers);
      case "h":
      case "H":
        return this.hook(base, kind === "H", numbers);
      case "L":
        return this.lock(base, step, numbers);
      case "U":
        return this.unlock(base, step, numbers);
      case "B":
        // Between two steps there is nothing to wait for.
        return step === undefined ? undefined : this.blocked(base, step, numbers);
      case "M":
        return this.userLock(base, numbers[0] === 1);
      case "I":
        return this.answered(base.task, EINTR);
      case "R":
        return this.resume(base);
      case "a":
      case "f":
      case "e":
      case "t":
      case "A":
      case "l":
      case "g":
      case "C":
        this.add({ ...base, ...this.memory.event(kind, numbers) });
        return;
      case "S":
        this.add({ ...base, kind: "signal", fence: this.fence(numbers[0]!), error: numbers[1], time: numbers[2] });
        return;
      case "s":
        return this.stamp(numbers[0]!, numbers[1]!);
      case "F":
        this.add({ ...base, kind: "free", what: "fence", id: this.fence(numbers[0]!), by: "framework" });
        return;
      case "N":
        return this.fences.rename(numbers[0]!, numbers[1]!);
      case "d":
        this.add({ ...base, task: "drain", step: null, kind: "drain" });
        return;
      case "E":
        return this.end(base, numbers);
      default:
        throw new Error(`the module writes "${line.slice(0, 80)}", which means nothing`);
    }
  }

  private base(actor: number, step: Step | undefined, atomic: boolean) {
    const task = actor < 0 ? "deferred" : (this.compiled.slots.name("task", actor) ?? `task${actor}`);
    return { seq: 0, task, step: step?.id ?? null, atomic };
  }

  private add(event: object): Loose {
    const loose = event as Loose;
    loose.seq = this.events.length;
    this.events.push(loose);
    return loose;
  }

  private call(base: ReturnType<Decoder["base"]>, step: Step): void {
    const { op } = step;
    if (!isCalled(op)) return;
    const args = (callArgs[op] as (step: Step, slots: Slots) => object)(step, this.compiled.slots);
    const by = callerOf(step, this.compiled.slots);
    if (op === "getSingleton" || op === "merge") this.fences.want(step.id, (step as Step<"merge">).fence);
    if ("poller" in args && this.polled.has(step.id)) Object.assign(args, { poller: null });
    this.polled.add(step.id);
    const mapping = op === "unmap" || op === "unmapUnlocked" ? this.memory.unmapped(step.mapping) : null;
    this.push(this.add({ ...base, kind: "call", op, by, ...args, ...(mapping !== null && { mapping }) }));
  }

  private ret(base: ReturnType<Decoder["base"]>, step: Step, [errno = 0, ...numbers]: readonly number[]): void {
    const call = this.pop(base.task);
    const op = call["op"] as CalledOperation;
    this.memory.exports(step, errno);
    const answer = results[op] as (numbers: readonly number[], naming: Naming, step: Step) => Answer;
    const got = answer(numbers, this, step);
    if (op === "map" || op === "mapUnlocked") this.memory.mapped(step as Step<"map">, errno, numbers[0]!);
    if (got.context !== undefined && "context" in call) call["context"] = got.context;
    if (got.cookie !== undefined && "cookie" in call) call["cookie"] = got.cookie;
    const { seq, kind: _kind, ...args } = call;
    this.answered(base.task, errno);
    this.add({ ...args, ...base, kind: "ret", call: seq, errno, ...got });
    this.fences.forget(step.id);
  }

  private nested(
    base: ReturnType<Decoder["base"]>,
    step: Step,
    op: string,
    [id = -1, second = 0, third = 0]: readonly number[],
  ): void {
    if (op === "exportFd") {
      // An exporter does what a user asked it for.
      const { buffer, fd, closeOnExec } = step as Step<"requestFd">;
      const by = exporterOf(this.compiled.slots, buffer);
      this.push(this.add({ ...base, kind: "call", op, by, buffer, fd, closeOnExec }));
      return;
    }
    if (op === "reserveFences" || op === "addFence") {
      const resv = this.compiled.slots.name("reservation", id) ?? `reservation${id}`;
      const args = op === "addFence" ? { fence: this.fence(second), usage: usages[third] } : { count: second };
      this.push(this.add({ ...base, kind: "call", op, by: "framework", resv, ...args }));
      return;
    }
    if (op === "invalidate") {
      this.push(
        this.add({ ...base, kind: "call", op, by: this.memory.exporterOf(id), buffer: this.memory.buffer(id) }),
      );
      return;
    }
    if (op === "isRevocable") {
      const { attachment, exporter } = this.memory.attachment(id);
      this.push(this.add({ ...base, kind: "call", op, by: exporter, attachment }));
      return;
    }
    if (op === "waitFences") {
      const { resv, by } = { resv: this.compiled.slots.name("reservation", id), by: this.lockedBy(2, step, base.task) };
      const args = { usage: usages[second], interruptible: false, timeout: Number.MAX_SAFE_INTEGER };
      this.push(this.add({ ...base, kind: "call", op, by, resv, ...args }));
      return;
    }
    if (op === "getRef" || op === "put") {
      const importer = this.compiled.slots.setup.importers[0]?.name ?? "program";
      const by = second === 1 ? this.memory.exporterOf(id) : importer;
      this.push(this.add({ ...base, kind: "call", op, by, buffer: this.memory.buffer(id) }));
      return;
    }
    if (op === "unmap") {
      this.push(this.add({ ...base, kind: "call", op, ...this.memory.unmapArgs(id, second) }));
      return;
    }
    this.push(this.add({ ...base, kind: "call", op, by: "program", fence: this.fence(id) }));
  }

  private nestedEnd(base: ReturnType<Decoder["base"]>, [errno = 0, ...numbers]: readonly number[]): void {
    const { seq, kind: _kind, ...args } = this.pop(base.task);
    const op = args["op"];
    const answers =
      op === "exportFd" || op === "waitFences" || op === "isRevocable" ? results[op](numbers, this, null as never) : {};
    this.add({ ...args, ...base, kind: "ret", call: seq, errno, ...answers });
  }

  private hook(base: ReturnType<Decoder["base"]>, ends: boolean, numbers: readonly number[]): void {
    const name = this.hooks[numbers[0]!] ?? "unknown";
    const { to, args, answers } = decodeHook(name, numbers.slice(ends ? 2 : 1), this, this.compiled.slots);
    if (!ends) {
      this.push(this.add({ ...base, kind: "cb", hook: name, to, ...args }));
      return;
    }
    const { seq } = this.pop(base.task);
    const rest = { errno: numbers[1]!, injected: false, ...args, ...answers };
    this.add({ ...base, kind: "cbret", hook: name, to, cb: seq, ...rest });
  }

  private lock(base: ReturnType<Decoder["base"]>, step: Step | undefined, numbers: readonly number[]): void {
    const [slot, acquire, form, errno, name, waited] = numbers;
    const waits = this.resumed.get(base.task)?.["wait"] as WaitFor | undefined;
    // Of other waits a lock says nothing that is taken: an attach whose wait for a fence is interrupted takes it to undo.
    if (waits?.kind === "lock") this.answered(base.task, errno!);
    else if (errno !== 0) this.resumed.delete(base.task);
    this.add({
      ...base,
      kind: "lock",
      ...this.request(slot!, acquire!, forms[form!]!, this.lockedBy(name!, step, base.task)),
      errno,
      waited: waited === 1,
    });
  }

  private request(slot: number, acquire: number, form: LockForm, by: string) {
    const { slots } = this.compiled;
    return {
      lock: slots.name("reservation", slot) ?? `reservation${slot}`,
      lockClass: "reservation",
      form,
      acquire: slots.name("acquire", acquire) ?? null,
      by,
    };
  }

  /** In whose name a lock is taken: the core's, that of an exporter, the program's. */
  private lockedBy(name: number, step: Step | undefined, task: string): string {
    if (name === 1) return "framework";
    const hook = this.open.get(task)?.findLast(({ kind }) => kind === "cb");
    if (name === 2 && hook !== undefined) return hook["to"] as string;
    const { view, buffer = this.compiled.slots.made("view", view ?? "")?.buffer } = (step ?? {}) as {
      readonly buffer?: string;
      readonly view?: string;
    };
    return name === 2 && buffer !== undefined ? exporterOf(this.compiled.slots, buffer) : "program";
  }

  private unlock(base: ReturnType<Decoder["base"]>, step: Step | undefined, [slot, name]: readonly number[]): void {
    const { lock, lockClass, by } = this.request(slot!, -1, "plain", this.lockedBy(name!, step, base.task));
    this.add({ ...base, kind: "unlock", lock, lockClass, by });
  }

  /** The lock of the address space that tasks borrow. Each shows it as a lock of its own, as of readers there may be several. */
  private userLock(base: ReturnType<Decoder["base"]>, taken: boolean): void {
    const own = { ...base, lock: `mm.${base.task}`, lockClass: "mm", by: "program" };
    this.add(
      taken
        ? { ...own, kind: "lock", form: "plain", acquire: null, errno: 0, waited: false }
        : { ...own, kind: "unlock" },
    );
  }

  private blocked(base: ReturnType<Decoder["base"]>, step: Step, [kind, object, name]: readonly number[]): void {
    const wait = this.waitFor(step, kind!, object!, name!, base.task);
    const asked = step as { readonly interruptible?: boolean };
    const inMap = kind === 1 && waitsInside.has(step.op);
    const interruptible =
      asked.interruptible ??
      (inMap || kind === 4 || step.op === "lockInterruptible" || step.op === "lockSlowInterruptible");
    this.waits.set(base.task, { wait, interruptible });
    this.add({ ...base, kind: "blocked", wait, interruptible });
  }

  private waitFor(step: Step, kind: number, object: number, name: number, task: string): WaitFor {
    if (kind === 1) return { kind: "fence", fence: this.fence(object)! };
    if (kind === 3) return { kind: "unmapped", buffer: this.memory.buffer(object)! };
    if (kind === 4) {
      const { buffer, syncFile } = step as { readonly buffer?: string; readonly syncFile?: string };
      return { kind: "other", what: `poll of ${buffer ?? syncFile}` };
    }
    if (kind === 0) {
      const inside = name === 1;
      const acquire = inside ? null : ((step as { readonly acquire?: string | null }).acquire ?? null);
      const form = (inside ? undefined : slowForms[step.op]) ?? "plain";
      return { kind: "lock", ...this.request(object, -1, form, this.lockedBy(name, step, task)), acquire };
    }
    // One fence is named; of several any one ends the wait.
    if (step.op === "waitAny" && step.fences.length === 1) return { kind: "fence", fence: step.fences[0]! };
    return { kind: "other", what: step.op === "waitAny" ? "any of several fences" : `asleep in ${step.op}` };
  }

  private resume(base: ReturnType<Decoder["base"]>): void {
    const wait = this.waits.get(base.task)?.wait ?? { kind: "other", what: "unknown" };
    this.waits.delete(base.task);
    this.resumed.set(base.task, this.add({ ...base, kind: "resumed", wait, errno: 0 }));
  }

  /** What a wait ended with is known when the call that waited answers. */
  private answered(task: string, errno: number): void {
    const resumed = this.resumed.get(task);
    if (resumed !== undefined && (errno === EINTR || errno === restart)) resumed["errno"] = EINTR;
    this.resumed.delete(task);
  }

  /** The time of the last signal of a fence, told when it was written. */
  private stamp(id: number, time: number): void {
    const name = this.fence(id);
    const signal = this.events.findLast((event) => event.kind === "signal" && event["fence"] === name);
    if (signal !== undefined) signal["time"] = time;
  }

  private warn(line: string): void {
    const [, actor, index, atomic] = line.split(" ", 4);
    const base = this.base(Number(actor), this.compiled.all[Number(index)], atomic === "1");
    const text = line.split(" ").slice(4).join(" ").trim();
    this.add({
      ...base,
      kind: "warn",
      text: /kernel BUG|general protection/.test(text) ? `kernel stops: ${text}` : text,
    });
  }

  private skip(line: string): void {
    const words = line.split(" ");
    const step = this.compiled.all[Number(words[2])];
    if (step !== undefined) this.skipped.set(step.id, words.slice(4).join(" "));
  }

  private end(base: ReturnType<Decoder["base"]>, actors: readonly number[]): void {
    const waiting = actors.flatMap((actor) => {
      const task = this.compiled.slots.name("task", actor) ?? `task${actor}`;
      const wait = this.waits.get(task)?.wait;
      return wait === undefined ? [] : [{ task, wait }];
    });
    this.add({ ...base, task: "drain", step: null, kind: "end", waiting });
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
