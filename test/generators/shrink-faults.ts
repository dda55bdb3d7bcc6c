import { Judge } from "../../contracts/judge.ts";
import { on, remember, type Monitor } from "../../contracts/monitor.ts";
import { registry } from "../../contracts/registry.ts";
import { checked } from "../../contracts/rule-text.ts";
import type { Rule } from "../../contracts/rule.ts";
import { drawRun } from "../../conformance/draw-run.ts";
import { referenceKinds } from "../../conformance/reference-roles.ts";
import { replay } from "../../conformance/replay.ts";
import { referenceSystem } from "../../conformance/reference-system.ts";
import type { System } from "../../harness/system.ts";
import { ReferenceBuffers } from "../../reference-impl/buffers/buffers.ts";
import { DefaultExporter } from "../../reference-impl/exporter/default-exporter.ts";
import { ReferenceFences } from "../../reference-impl/fences/fences.ts";
import { ReferenceReservations } from "../../reference-impl/reservations/reservations.ts";
import { EIO, ENODEV } from "../../spec/errno.ts";
import { profiles } from "../../spec/profile.ts";
import type { Program } from "../../spec/program.ts";
import type { Situation } from "../../spec/situation.ts";

/** A faulty system, a rule that convicts it, and the length of the shortest program in which it does. */
export interface Fault {
  readonly name: string;
  readonly system: () => System;
  readonly rule: Rule;
  /** Worked out by hand: steps, preemptions and failures. */
  readonly minimum: number;
  readonly situation: Situation;
  /** Changes a drawn program before it is tried: adds the failures a fault needs. */
  readonly prepare?: (program: Program) => Program;
}

/** A rule of a test's own. */
export function ownRule(id: string, monitor: Monitor): Rule {
  return { ...registry[0]!, id, obliged: ["framework", "exporter"], status: checked, monitor };
}

/** An error number that nothing in the reference answers. */
const odd = 1234;

const neverOdd = (id: string): Rule =>
  ownRule(
    id,
    on({
      ret(event, _state, verdict) {
        if (event.errno === odd) verdict.violated(`${event.op} answered an error of its own`, event);
      },
    }),
  );

class ShortSeek extends ReferenceBuffers {
  override seek(...[buffer, offset, whence]: Parameters<ReferenceBuffers["seek"]>): number {
    const size = super.seek(buffer, offset, whence);
    return whence === 2 && size > 0 && buffer.name !== null ? size - 1 : size;
  }
}

class ThirdMap extends ReferenceBuffers {
  private readonly live = new WeakMap<object, number>();

  override *map(...[attachment, direction]: Parameters<ReferenceBuffers["map"]>) {
    const live = attachment === null ? 0 : (this.live.get(attachment) ?? 0);
    if (live >= 2) return odd;
    const table = yield* super.map(attachment, direction);
    if (attachment !== null && typeof table !== "number") this.live.set(attachment, live + 1);
    return table;
  }

  override *unmap(...[attachment, table, direction]: Parameters<ReferenceBuffers["unmap"]>) {
    yield* super.unmap(attachment, table, direction);
    if (attachment !== null) this.live.set(attachment, (this.live.get(attachment) ?? 0) - 1);
  }
}

class PoisonedByFailure extends ReferenceBuffers {
  private readonly poisoned = new WeakSet<object>();

  override *map(...[attachment, direction]: Parameters<ReferenceBuffers["map"]>) {
    if (attachment !== null && this.poisoned.has(attachment)) return odd;
    const table = yield* super.map(attachment, direction);
    if (attachment !== null && (table === EIO || table === ENODEV)) this.poisoned.add(attachment);
    return table;
  }
}

class LostUpdate extends ReferenceBuffers {
  private counted = 0;
  private attached = 0;

  override *attach(...args: Parameters<ReferenceBuffers["attach"]>) {
    const before = this.counted;
    const attachment = yield* super.attach(...args);
    if (typeof attachment !== "number") {
      this.counted = before + 1;
      this.attached += 1;
    }
    return attachment;
  }

  override getName(buffer: Parameters<ReferenceBuffers["getName"]>[0]): string {
    return this.counted === this.attached ? super.getName(buffer) : "miscounted";
  }
}

class SecondDetach extends ReferenceBuffers {
  private readonly first = new WeakMap<object, object>();

  override *attach(...args: Parameters<ReferenceBuffers["attach"]>) {
    const attachment = yield* super.attach(...args);
    const [buffer] = args;
    if (buffer !== null && typeof attachment !== "number" && !this.first.has(buffer))
      this.first.set(buffer, attachment);
    return attachment;
  }

  override *detach(...[buffer, attachment]: Parameters<ReferenceBuffers["detach"]>) {
    if (buffer === null || attachment === null || this.first.get(buffer) === attachment)
      yield* super.detach(buffer, attachment);
  }
}

class FourthCallback extends ReferenceFences {
  override addCallback(...[fence, callback]: Parameters<ReferenceFences["addCallback"]>): number {
    return (fence?.callbacks?.length ?? 0) >= 3 ? odd : super.addCallback(fence, callback);
  }
}

class ShallowChains extends ReferenceFences {
  private readonly depth = new WeakMap<object, number>();

  override createChain(...[previous, fence, seqno]: Parameters<ReferenceFences["createChain"]>) {
    const depth = previous === null ? 1 : (this.depth.get(previous) ?? 0) + 1;
    const chain = super.createChain(previous, fence, seqno);
    if (chain !== null) this.depth.set(chain, depth);
    return depth > 2 ? null : chain;
  }
}

class QuietAdd extends ReferenceReservations {
  override addFence(...[resv, fence, usage]: Parameters<ReferenceReservations["addFence"]>): void {
    if (!this.env.isContainer(fence)) super.addFence(resv, fence, usage);
  }
}

class MovedAfterRevoke extends DefaultExporter {
  private readonly gaveBack = new WeakSet<object>();

  override *unrevoke(...[buffer]: Parameters<DefaultExporter["unrevoke"]>) {
    const errno = yield* super.unrevoke(buffer);
    this.gaveBack.add(buffer);
    return errno;
  }

  override *move(...[buffer, placement]: Parameters<DefaultExporter["move"]>) {
    return this.gaveBack.has(buffer) ? odd : yield* super.move(buffer, placement);
  }
}

const buffersWith = (buffers: Parameters<typeof referenceSystem>[0]) => () => referenceSystem(buffers);

/** The faults, each with the shortest program written out. */
export const faults: readonly Fault[] = [
  {
    name: "a seek is one short once the buffer has a name",
    system: buffersWith({ buffers: (env) => new ShortSeek(env) }),
    rule: ownRule(
      "OWN-01",
      on({
        "ret seek"(event, state, verdict) {
          const size = state.buffers.get(event.buffer)?.size;
          if (event.whence === 2 && event.errno === 0 && event.result !== size) verdict.violated("a wrong size", event);
        },
      }),
    ),
    // export, setName, seek
    minimum: 3,
    situation: { weights: { setName: 8, seek: 8 } },
  },
  {
    name: "the third live mapping of an attachment is refused",
    system: buffersWith({ buffers: (env) => new ThirdMap(env) }),
    rule: neverOdd("OWN-02"),
    // export, attach, three times mapUnlocked
    minimum: 5,
    situation: { weights: { map: 3, mapUnlocked: 3 }, importers: ["scripted"] },
  },
  {
    name: "a failed map spoils the attachment",
    system: buffersWith({ buffers: (env) => new PoisonedByFailure(env) }),
    rule: neverOdd("OWN-03"),
    // export, attach, mapUnlocked with a failure, mapUnlocked; or revoke in place of the failure
    minimum: 5,
    situation: { weights: { map: 3, mapUnlocked: 3 }, importers: ["scripted"] },
    prepare: (program) => ({
      ...program,
      failures: program.steps
        .filter((step) => (step.op === "map" || step.op === "mapUnlocked") && step.attachment !== null)
        .map(({ id }) => ({ step: id, site: "hook:map", nth: 1, errno: EIO }))
        .slice(0, 2),
    }),
  },
  {
    name: "two attaches at once are counted as one",
    system: buffersWith({ buffers: (env) => new LostUpdate(env) }),
    rule: ownRule(
      "OWN-04",
      on({
        "ret getName"(event, _state, verdict) {
          if (event.name === "miscounted") verdict.violated("two attaches were counted as one", event);
        },
      }),
    ),
    // export, attach parked until another attach has ended, attach, getName
    minimum: 5,
    situation: { weights: { attach: 6, getName: 6 }, importers: ["scripted"], tasks: 3 },
  },
  {
    name: "the second attachment of a buffer is never detached",
    system: buffersWith({ buffers: (env) => new SecondDetach(env) }),
    rule: ownRule(
      "OWN-05",
      remember(() => ({ attached: 0 }), {
        "cbret attach"(event, _state, _verdict, memory) {
          if (event.errno === 0) memory.attached += 1;
        },
        "cb detach"(_event, _state, _verdict, memory) {
          memory.attached -= 1;
        },
        end(event, _state, verdict, memory) {
          if (memory.attached > 0) verdict.violated("an attachment was never detached", event);
        },
      }),
    ),
    // export, attach, attach; the drain detaches
    minimum: 3,
    situation: { exporters: ["subject"] },
  },
  {
    name: "a fence takes three callbacks",
    system: buffersWith({ fences: (env) => new FourthCallback(env) }),
    rule: neverOdd("OWN-06"),
    // fenceInit, four times addCallback
    minimum: 5,
    situation: { weights: { addCallback: 8 } },
  },
  {
    name: "a chain of three nodes cannot be made",
    system: buffersWith({ fences: (env) => new ShallowChains(env) }),
    rule: ownRule(
      "OWN-07",
      remember(() => ({ refused: false }), {
        "call createChain"(_event, _state, _verdict, memory) {
          memory.refused = false;
        },
        alloc(event, _state, _verdict, memory) {
          memory.refused ||= event.errno !== 0;
        },
        "ret createChain"(event, _state, verdict, memory) {
          if (!event.created && !memory.refused) verdict.violated("no node although there was memory", event);
        },
      }),
    ),
    // fenceInit, three references for three nodes, and one for each of the two nodes that get a successor
    minimum: 9,
    situation: { weights: { createChain: 12, fenceGet: 12, fenceInit: 3 } },
  },
  {
    name: "a container fence is swallowed without a warning",
    system: buffersWith({ reservations: (env) => new QuietAdd(env) }),
    rule: ownRule(
      "OWN-08",
      remember(() => ({ warned: false }), {
        "call addFence"(_event, _state, _verdict, memory) {
          memory.warned = false;
        },
        warn(_event, _state, _verdict, memory) {
          memory.warned = true;
        },
        "ret addFence"(event, state, verdict, memory) {
          const kind = state.fences.get(event.fence)?.kind ?? "plain";
          if (kind !== "plain" && !memory.warned) verdict.violated("a container was added without a warning", event);
        },
      }),
    ),
    // fenceInit, fenceGet, createArray, lock, reserveFences, addFence
    minimum: 6,
    situation: { weights: { createArray: 6, addFence: 9, lock: 4, reserveFences: 4 }, misuse: ["addFence"] },
  },
  {
    name: "no move after an unrevoke",
    system: buffersWith({ exporters: { subject: (env) => new MovedAfterRevoke(env) } }),
    rule: neverOdd("OWN-09"),
    // export, unrevoke, move
    minimum: 3,
    situation: { weights: { unrevoke: 6, move: 6 }, exporters: ["subject"] },
  },
];

/** Programs that break a fault's rule when they are replayed, found by random runs from seed 1 on. */
export function find(fault: Fault, count: number, longest = 120): readonly Program[] {
  const profile = profiles["K7.1"];
  const judge = new Judge([fault.rule], profile);
  const aim = { situation: fault.situation, area: null };
  const found: Program[] = [];
  for (let seed = 1; found.length < count && seed < 3000; seed += 1) {
    const run = drawRun(fault.system(), judge, "K7.1", seed, { kinds: referenceKinds, longest }, aim);
    if (run instanceof Promise) throw new Error("these systems are synchronous");
    if (judge.violations.length === 0 && fault.prepare === undefined) continue;
    const program = fault.prepare?.(run.program) ?? run.program;
    void replay(program, fault.system(), [fault.rule], profile, judge);
    if (judge.violations.length > 0) found.push(program);
  }
  return found;
}
