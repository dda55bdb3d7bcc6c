import type { Errno } from "../../spec/errno.ts";
import type { FirstPass, IntervalOps, Notifier, RangeNotice, RangeOps } from "../../spec/roles/spaces.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { equip, type Mutable } from "../mutable.ts";
import type { World } from "../world.ts";
import { runRole } from "./hooks.ts";

function described(notifier: string, { start, pages, change, owner }: RangeNotice) {
  return { notifier, start, pages, change, owner };
}

/** An interval notifier's callbacks as the framework gets them: each call recorded. A class: see `ExporterHooks`. */
class IntervalHooks {
  private readonly world: World;
  private readonly to: string;
  /** The notifier's name: a callback may come before the call that adds it has returned. */
  private readonly name: string;
  private readonly ops: IntervalOps;

  constructor(world: World, to: string, name: string, ops: IntervalOps) {
    this.world = world;
    this.to = to;
    this.name = name;
    this.ops = ops;
  }

  *invalidate(notifier: Notifier, notice: RangeNotice, sequence: number): Generator<Suspension, boolean, unknown> {
    const { accepted } = yield* this.pass("only", notice, sequence, () =>
      this.ops.invalidate(notifier, notice, sequence),
    );
    return accepted;
  }

  *start(notifier: Notifier, notice: RangeNotice, sequence: number): Generator<Suspension, FirstPass, unknown> {
    return yield* this.pass("first", notice, sequence, () => this.ops.invalidateStart!(notifier, notice, sequence));
  }

  *finish(notifier: Notifier): Generator<Suspension, void, unknown> {
    const { world, to } = this;
    const args = { notifier: this.name };
    const cb = world.recorder.emit({ kind: "cb", hook: "mmuFinish", to, ...args });
    yield* runRole(world, "the importer's invalidateFinish", () => this.ops.invalidateFinish!(notifier));
    world.recorder.emit({ kind: "cbret", hook: "mmuFinish", to, cb, errno: 0, injected: false, ...args });
  }

  private *pass(
    pass: "only" | "first",
    notice: RangeNotice,
    sequence: number,
    callback: () => ReturnType<IntervalOps["invalidate"]> | ReturnType<NonNullable<IntervalOps["invalidateStart"]>>,
  ): Generator<Suspension, FirstPass, unknown> {
    const { world, to } = this;
    yield* world.at("cb-mmu");
    const args = { ...described(this.name, notice), blockable: notice.blockable, sequence, pass };
    const cb = world.recorder.emit({ kind: "cb", hook: "mmuInvalidate", to, ...args });
    const result = yield* runRole<boolean | FirstPass>(world, "the importer's invalidate", callback);
    const { accepted, finish } = typeof result === "boolean" ? { accepted: result, finish: false } : result;
    world.recorder.emit({
      kind: "cbret",
      hook: "mmuInvalidate",
      to,
      cb,
      errno: 0,
      injected: false,
      ...args,
      answer: accepted,
      finish,
    });
    yield* world.at("cbret-mmu");
    return { accepted, finish };
  }
}

/** Callbacks of a range notifier, recorded. */
class RangeHooks {
  private readonly world: World;
  private readonly to: string;
  private readonly name: string;
  private readonly ops: RangeOps;

  constructor(world: World, to: string, name: string, ops: RangeOps) {
    this.world = world;
    this.to = to;
    this.name = name;
    this.ops = ops;
  }

  *start(notifier: Notifier, notice: RangeNotice): Generator<Suspension, Errno, unknown> {
    const { world, to } = this;
    yield* world.at("cb-mmu");
    const args = { ...described(this.name, notice), blockable: notice.blockable };
    const cb = world.recorder.emit({ kind: "cb", hook: "rangeStart", to, ...args });
    const errno = (yield* runRole(world, "the importer's start", () => this.ops.start!(notifier, notice))) ?? 0;
    world.recorder.emit({ kind: "cbret", hook: "rangeStart", to, cb, errno, injected: false, ...args });
    yield* world.at("cbret-mmu");
    return errno;
  }

  *end(notifier: Notifier, notice: RangeNotice): Generator<Suspension, void, unknown> {
    const { world, to } = this;
    const args = described(this.name, notice);
    const cb = world.recorder.emit({ kind: "cb", hook: "rangeEnd", to, ...args });
    yield* runRole(world, "the importer's end", () => this.ops.end!(notifier, notice));
    world.recorder.emit({ kind: "cbret", hook: "rangeEnd", to, cb, errno: 0, injected: false, ...args });
  }

  *release(notifier: Notifier): Generator<Suspension, void, unknown> {
    const { world, to } = this;
    const args = { notifier: this.name };
    const cb = world.recorder.emit({ kind: "cb", hook: "spaceRelease", to, ...args });
    yield* runRole(world, "the importer's release", () => this.ops.release!(notifier));
    world.recorder.emit({ kind: "cbret", hook: "spaceRelease", to, cb, errno: 0, injected: false, ...args });
  }

  flush(notifier: Notifier, start: number, pages: number): void {
    const { world, to } = this;
    const args = { notifier: this.name, start, pages };
    const cb = world.recorder.emit({ kind: "cb", hook: "flushShared", to, ...args });
    this.ops.flush!(notifier, start, pages);
    world.recorder.emit({ kind: "cbret", hook: "flushShared", to, cb, errno: 0, injected: false, ...args });
  }

  free(notifier: Notifier): void {
    const { world, to } = this;
    const args = { notifier: this.name };
    const cb = world.recorder.emit({ kind: "cb", hook: "freeNotifier", to, ...args });
    this.ops.free!(notifier);
    world.recorder.emit({ kind: "cbret", hook: "freeNotifier", to, cb, errno: 0, injected: false, ...args });
  }
}

/** An interval notifier's ops as the framework gets them. */
export function recordIntervalOps(world: World, to: string, name: string, ops: IntervalOps): IntervalOps {
  const hooks = new IntervalHooks(world, to, name, ops);
  const recorded: Mutable<IntervalOps> = { invalidate: (...args) => hooks.invalidate(...args) };
  if (ops.invalidateStart !== undefined) equip(recorded, "invalidateStart", (...args) => hooks.start(...args));
  if (ops.invalidateFinish !== undefined) equip(recorded, "invalidateFinish", (notifier) => hooks.finish(notifier));
  return recorded;
}

/** A range notifier's ops as the framework gets them. */
export function recordRangeOps(world: World, to: string, name: string, ops: RangeOps): RangeOps {
  const hooks = new RangeHooks(world, to, name, ops);
  const recorded: Mutable<RangeOps> = { refuses: ops.refuses === true };
  if (ops.start !== undefined) equip(recorded, "start", (...args) => hooks.start(...args));
  if (ops.end !== undefined) equip(recorded, "end", (...args) => hooks.end(...args));
  if (ops.release !== undefined) equip(recorded, "release", (notifier) => hooks.release(notifier));
  if (ops.flush !== undefined) equip(recorded, "flush", (...args) => hooks.flush(...args));
  if (ops.free !== undefined) equip(recorded, "free", (notifier) => hooks.free(notifier));
  return recorded;
}
