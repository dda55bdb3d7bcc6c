import fc from "fast-check";
import { drawSetup } from "../generators/world-shape.ts";
import { Random } from "../generators/random.ts";
import { referenceKinds } from "../conformance/reference-roles.ts";
import { Judge } from "../contracts/judge.ts";
import { monitored } from "../contracts/registry.ts";
import { Session } from "../harness/session.ts";
import type { System } from "../harness/system.ts";
import { classify } from "../spec/operations/classify/classify.ts";
import type { FieldShape, ObjectKind } from "../spec/operations/define.ts";
import { operationNames, operationOf, type OperationName } from "../spec/operations/operations.ts";
import { profiles, type Series } from "../spec/profile.ts";
import type { Setup, Step } from "../spec/program.ts";

/** What the commands know before they run: the state that the judge has folded. */
interface Model {
  readonly setup: Setup;
  readonly judge: Judge;
  readonly session: Session;
  /** The rule that is hunted. */
  readonly rule: string;
}

/** What they run on. */
interface Real {
  readonly session: Session;
  steps: number;
}

class RuleBroken extends Error {}

/** Thrown to leave fast-check when the time is up. */
class OutOfTime extends Error {}

function isBroken(judge: Judge, rule: string): boolean {
  return judge.violations.some((violation) => violation.rule.id === rule);
}

/** A step with arguments that fast-check drew without knowing the state. */
class StepCommand implements fc.Command<Model, Real> {
  protected readonly step: Step;

  constructor(step: Step) {
    this.step = step;
  }

  check({ setup, judge, session }: Readonly<Model>): boolean {
    if (session.fault !== null) return false;
    const { step } = this;
    if ("exporter" in step && setup.exporters.every(({ name }) => name !== step.exporter)) return false;
    const { inFlight } = session;
    if (inFlight.some(({ task }) => task === step.task)) return false;
    const kind = classify({ state: judge.state, setup, profile: judge.profile, inFlight }, step);
    return kind === "enabled" || kind === "refused";
  }

  run({ judge, rule }: Model, real: Real): void {
    real.steps += 1;
    real.session.apply({ ...this.step, id: `s${real.steps}` });
    if (isBroken(judge, rule)) throw new RuleBroken();
  }

  toString(): string {
    return this.step.op;
  }
}

const prefixes: Partial<Record<ObjectKind, string>> = { importer: "i", exporter: "e", buffer: "b", task: "t" };

/** Names an argument may take: a handful a kind, so that commands meet each other's objects. */
function names(kind: ObjectKind): fc.Arbitrary<string> {
  if (kind === "reservation") return fc.constantFrom("r1", "b1.resv", "b2.resv");
  const prefix = prefixes[kind] ?? `${kind}`;
  return fc.integer({ min: 1, max: 3 }).map((number) => `${prefix}${number}`);
}

function orNull<T>(arbitrary: fc.Arbitrary<T>, nullable: boolean): fc.Arbitrary<T | null> {
  return nullable ? fc.option(arbitrary, { freq: 8 }) : arbitrary;
}

function valueOf(shape: FieldShape): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case "refer":
      return orNull(names(shape.object), shape.nullable);
    case "referList":
      return fc.uniqueArray(names(shape.object), { maxLength: 3 });
    case "create":
      return names(shape.object);
    case "oneOf":
      return fc.constantFrom(...shape.values);
    case "subset":
      return fc.subarray([...shape.values]);
    case "integer":
      return fc.integer({ min: Math.max(shape.minimum, -5), max: Math.min(shape.maximum, 1_000_000) });
    case "flag":
      return fc.boolean();
    case "text":
      return orNull(fc.string({ maxLength: 40 }), shape.nullable);
  }
}

/** One class an operation, as one writes them by hand. */
function commandOf(op: OperationName): fc.Arbitrary<StepCommand> {
  const fields = Object.entries(operationOf(op).fields).map(([name, { shape }]) => [name, valueOf(shape)] as const);
  const Command = class extends StepCommand {};
  return fc
    .record({ task: names("task"), ...Object.fromEntries(fields) })
    .map((values) => new Command({ id: "", op, ...values } as unknown as Step));
}

/** What the search came to. */
export interface CommandsHunt {
  readonly killed: boolean;
  /** Commands that ran. */
  readonly operations: number;
}

/**
 * Hunts one rule with `fc.commands` and `fc.modelRun`, as its documentation has it: size max, 100 commands,
 * the precondition in `check`. `goOn` is asked before every program.
 */
export function huntWithCommands(
  system: System,
  series: Series,
  rule: string,
  seed: number,
  goOn: () => boolean,
): CommandsHunt {
  const profile = profiles[series];
  const judge = new Judge(
    monitored(series).filter(({ id }) => id === rule),
    profile,
  );
  let operations = 0;
  let killed = false;
  const commands = fc.commands(operationNames.map(commandOf), { maxCommands: 100, size: "max" });
  const property = fc.property(fc.nat(), commands, (world, drawn) => {
    if (!goOn()) throw new OutOfTime();
    const setup = drawSetup(new Random(world), referenceKinds);
    judge.begin();
    const session = new Session(setup, profile, system, judge);
    const real: Real = { session, steps: 0 };
    try {
      fc.modelRun(() => ({ model: { setup, judge, session, rule }, real }), drawn);
    } finally {
      operations += real.steps;
    }
    session.finish();
    if (isBroken(judge, rule)) throw new RuleBroken();
  });
  const { errorInstance } = fc.check(property, { seed, numRuns: Number.MAX_SAFE_INTEGER, endOnFailure: true });
  if (errorInstance instanceof RuleBroken) killed = true;
  else if (!(errorInstance instanceof OutOfTime)) throw errorInstance;
  return { killed, operations };
}
