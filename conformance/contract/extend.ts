import type { Monitor } from "../../contracts/monitor.ts";
import { checked } from "../../contracts/rule-text.ts";
import type { Rule } from "../../contracts/rule.ts";
import { proposal, type Source } from "../../contracts/source.ts";
import { ownPart, type Only } from "../../generators/own-part.ts";
import type { Kinds } from "../../generators/world-shape.ts";
import { Actor } from "../../harness/added/actor.ts";
import { addedStep } from "../../harness/added/step.ts";
import type { System } from "../../harness/system.ts";
import { addContract, type AddedTables } from "../../spec/added-contract.ts";
import { BadInput } from "../../spec/bad-input.ts";
import type { FieldKinds } from "../../spec/call-record.ts";
import type { HistoryEvent } from "../../spec/event.ts";
import type { AddedOperation } from "../../spec/operations/added.ts";
import { isUsable } from "../../spec/operations/classify/added.ts";
import type { StepClass } from "../../spec/operations/classify/context.ts";
import type { OperationName } from "../../spec/operations/operations.ts";
import { callPhrases } from "../../spec/phrases.ts";
import type { Scope, StepDraft } from "../../spec/scopes/scope.ts";
import type { State } from "../../spec/state/state.ts";
import { referenceKinds } from "../reference-roles.ts";
import { coreContract, defineContract, type Contract, type Fault } from "./contract.ts";
import type {
  AnyExporter,
  AnyImporter,
  AnyPart,
  Fields,
  OwnFold,
  OwnOperation,
  Roles,
  Tables,
  TablesSeen,
  Words,
} from "./own.ts";

/** The first half of an extension: what its operations and rules are written in terms of. */
export interface Beginning<S extends AddedTables, E, I, P, X extends string> {
  /** A word: letters, digits and dashes. */
  readonly name: string;
  /** Its own tables, as `table` and `field` of `spec/state/schema.ts` declare them. */
  readonly state: S;
  /** Faults of its implementation, as switches in it. */
  readonly faults?: Readonly<Record<X, Fault>>;
  /** Its implementation; the reference plays whatever is missing. */
  readonly roles?: Roles<E, I, P, X>;
}

/** A beginning that makes operations. */
export interface Begun<S extends AddedTables, E, I, P, X extends string> extends Beginning<S, E, I, P, X> {
  /** One operation; its arguments, its answers and the role instances have the types that stand above. */
  operation<const F extends Fields, const A extends FieldKinds = Record<never, never>>(
    definition: OwnOperation<S, E, I, P, F, A>,
  ): OwnOperation<S, E, I, P, F, A>;
}

/** Begins an extension. */
export function extension<
  const S extends AddedTables,
  E extends AnyExporter = AnyExporter,
  I extends AnyImporter = AnyImporter,
  P extends AnyPart = AnyPart,
  const X extends string = never,
>(beginning: Beginning<S, E, I, P, X>): Begun<S, E, I, P, X> {
  return { ...beginning, operation: (definition) => definition };
}

/** An operation whose fields and answers nobody knows any more. */
interface AnyOperation<S, E, I, P> extends Pick<
  OwnOperation<S, E, I, P, Fields, FieldKinds>,
  "summary" | "fields" | "answers" | "lock" | "weight"
> {
  readonly enabled?: (own: TablesSeen<S>, args: never, context: never) => boolean | StepClass;
  readonly exclusive?: (args: never) => readonly string[];
  readonly outcomes?: (own: TablesSeen<S>, args: never, context: never) => ReturnType<AddedOperation["outcomes"]>;
  readonly run: (actor: Actor<E, I, P>, args: never) => unknown;
  readonly print: (args: never) => string;
}

/** A step that the end of a program takes: one of the contract's own operations, by its own name. */
export interface GivenBack {
  readonly op: string;
  readonly args: object;
}

/** An extension as a whole. */
export interface Extension<S extends AddedTables, E, I, P, X extends string, O> extends Begun<S, E, I, P, X> {
  readonly operations: O;
  /** How its tables change. */
  readonly fold?: (words: Pick<Words<S, O>, "changes">) => OwnFold<S, O>;
  /** Where its rules come from; by default a proposal of its name. */
  readonly sources?: readonly Source[];
  /** Rules of its own. */
  readonly rules?: (words: Words<S, O>) => readonly Rule[];
  /** Rules of the core that do not hold in it. */
  readonly without?: readonly string[];
  /** Rules of the core, restated. */
  readonly replace?: (words: Words<S, O>) => readonly Rule[];
  /** Small closed worlds of its own, as `spec/scopes/scope.ts` says: explored exhaustively and toured with it. */
  readonly scopes?: (words: Words<S, O>) => readonly Scope[];
  /** Operations of the core that programs of it are mostly made of, with factors on how often they come up. */
  readonly near: Partial<Readonly<Record<OperationName, number>>>;
  /** What steps of them have to be like, by operation. */
  readonly only?: Only;
  /** Kinds that set-ups are drawn from; by default its own where it brings any, otherwise the reference's. */
  readonly kinds?: Partial<Kinds>;
  /** What the end of a program gives back: steps of its own operations. */
  readonly giveBack?: (own: TablesSeen<S>) => readonly GivenBack[];
}

/**
 * A contract that extends another with operations, tables, an implementation and rules, and takes rules away or restates
 * them. Makes it known under its name, so that programs and histories of it can be read, printed and run.
 * Throws BadInput where its parts do not fit together.
 */
export function extendContract<
  S extends AddedTables,
  E extends AnyExporter,
  I extends AnyImporter,
  P extends AnyPart,
  X extends string,
  const O extends Readonly<Record<string, AnyOperation<S, E, I, P>>>,
>(base: Contract, definition: Extension<S, E, I, P, X, O>): Contract {
  const { name, state, near, without = [] } = definition;
  if (base !== coreContract) throw new BadInput("contract", name, "only the core contract can be extended");
  if (!/^[a-z][a-z0-9-]*$/.test(name))
    throw new BadInput("contract", name, "a contract's name is made of small letters, digits and dashes");
  for (const operation of Object.keys(definition.operations))
    if (Object.hasOwn(callPhrases, operation))
      throw new BadInput("contract", name, `the core has a call ${operation} already; give the operation another name`);
  for (const [operation, { fields, answers }] of Object.entries(definition.operations))
    for (const field of [...Object.keys(fields), ...Object.keys(answers ?? {})])
      if (taken.has(field))
        throw new BadInput(
          "contract",
          name,
          `${operation} has a field ${field}, which all steps or events have already`,
        );
  const words = wordsOf<S, O>(name, definition.operations, definition.sources ?? [proposal(name)]);
  const own = definition.rules?.(words) ?? [];
  const replaced = definition.replace?.(words) ?? [];
  const faults: Readonly<Record<string, Fault>> = definition.faults ?? {};
  const rules = rulesOf(base, name, own, replaced, without);
  for (const [fault, { rule }] of Object.entries(faults))
    if (!rules.some(({ id }) => id === rule))
      throw new BadInput("contract", name, `the fault ${fault} names the rule ${rule}, which the contract has not`);

  const scopes = definition.scopes?.(words) ?? [];
  const table = ownOperations(name, definition.operations);
  const kinds = kindsOf(definition);
  const system = systemsOf(base, definition, table);
  const contract = defineContract(
    {
      name,
      operations: { ...base.operations, ...Object.fromEntries(table.map(({ added }) => [added.name, added])) },
      state: { ...base.state, ...state },
      roles: (on) => ({ ...system(on), added: { ...system(on).added!, hash: contract.hash } }),
      rules,
      scopes: [...base.scopes, ...scopes],
    },
    kinds,
    {
      part: ownPart(
        table.map(({ added }) => added),
        near,
        definition.only ?? {},
      ),
      operations: table.map(({ added }) => added.name),
      rules: [...own, ...replaced],
      scopes,
      without,
      replaced: replaced.map(({ id }) => id),
      faults,
    },
  );
  addContract({
    name,
    hash: contract.hash,
    operations: table.map(({ added }) => added),
    tables: state,
    fold: foldOf<S>(name, definition.fold?.(words) ?? {}, definition.operations),
  });
  return contract;
}

/** Fields of every step and of every event. */
const taken: ReadonlySet<string> = new Set(
  "id task op interrupted misuse seq kind step atomic by call errno".split(" "),
);

/** Its name in programs and histories: that of the contract in front. */
function qualified(contract: string, operation: string): string {
  return `${contract}.${operation}`;
}

/** `ret getPfn` as histories have it, where that is an operation of the contract. */
function qualifiedKey(contract: string, operations: object, key: string): string {
  const [kind, op] = key.split(" ");
  return op !== undefined && Object.hasOwn(operations, op) ? `${kind} ${qualified(contract, op)}` : key;
}

function rulesOf(
  base: Contract,
  name: string,
  own: readonly Rule[],
  replaced: readonly Rule[],
  without: readonly string[],
): readonly Rule[] {
  const known = new Set(base.rules.map(({ id }) => id));
  const bad = (text: string) => new BadInput("contract", name, text);
  for (const id of [...without, ...replaced.map((rule) => rule.id)])
    if (!known.has(id)) throw bad(`there is no rule ${id} to take away or to restate`);
  for (const { id, monitor } of own) {
    if (known.has(id)) throw bad(`the rule ${id} is there already; give yours another id, or restate it under replace`);
    if (monitor === undefined) throw bad(`the rule ${id} has no monitor`);
  }
  const gone = new Set([...without, ...replaced.map((rule) => rule.id)]);
  return [...base.rules.filter(({ id }) => !gone.has(id)), ...replaced, ...own];
}

/** The contract's own tables in a state; those of another contract's state are nobody's. */
function tablesIn<S>({ added }: State): Tables<S> {
  return (added?.tables ?? {}) as Tables<S>;
}

function wordsOf<S extends AddedTables, O>(name: string, operations: O, sources: readonly Source[]): Words<S, O> {
  const keyed = (memory: (() => unknown) | null, handlers: object): Monitor => ({
    memory,
    handlers: Object.fromEntries(
      Object.entries(handlers as Monitor["handlers"]).map(([key, handler]) => [
        qualifiedKey(name, operations as object, key),
        handler,
      ]),
    ),
  });
  return {
    must: (rule) => ({ level: "MUST", status: checked, sources, ...rule }),
    own: (state) => tablesIn<S>(state) as TablesSeen<S>,
    changes: (handlers) => handlers,
    on: (handlers) => keyed(null, handlers),
    remember: (memory, handlers) => keyed(memory, handlers),
    // The types of steps list the operations of the core.
    draft: (operation, step) => ({ ...step, op: qualified(name, operation) }) as unknown as StepDraft,
  };
}

interface OwnEntry<S, E, I, P> {
  readonly added: AddedOperation;
  readonly run: AnyOperation<S, E, I, P>["run"];
}

function ownOperations<S extends AddedTables, E, I, P>(
  contract: string,
  operations: Readonly<Record<string, AnyOperation<S, E, I, P>>>,
): readonly OwnEntry<S, E, I, P>[] {
  return Object.entries(operations).map(([key, operation]) => {
    const { summary, fields, answers = {}, lock = "notHeld", weight = 10 } = operation;
    const { enabled, exclusive, outcomes, print } = operation;
    const added: AddedOperation = {
      name: qualified(contract, key),
      level: "driver",
      side: "harness",
      lock,
      summary,
      kernel: "",
      fields,
      answers,
      weight,
      phrase: (of) => print(of as never),
      classify: (context, step) => {
        if (!isUsable(context, step, lock, fields)) return "undefined";
        const answer = enabled?.(tablesIn<S>(context.state) as TablesSeen<S>, step as never, context as never) ?? true;
        if (typeof answer === "string") return answer;
        return answer ? "enabled" : "undefined";
      },
      exclusive: (step) => exclusive?.(step as never) ?? [],
      outcomes: (context, call) =>
        outcomes?.(tablesIn<S>(context.state) as TablesSeen<S>, call as never, context as never) ?? [],
    };
    return { added, run: operation.run };
  });
}

function kindsOf({
  roles,
  kinds,
}: {
  readonly roles?: { readonly exporter?: unknown; readonly importer?: unknown };
  readonly kinds?: Partial<Kinds>;
}): Kinds {
  return {
    exporters: kinds?.exporters ?? (roles?.exporter === undefined ? referenceKinds.exporters : ["subject"]),
    importers: kinds?.importers ?? (roles?.importer === undefined ? referenceKinds.importers : ["subject"]),
  };
}

/** What its programs run on: the reference with the contract's own parts in place. */
function systemsOf<
  S extends AddedTables,
  E extends AnyExporter,
  I extends AnyImporter,
  P extends AnyPart,
  X extends string,
>(
  base: Contract,
  definition: Pick<
    Extension<S, E, I, P, X, Readonly<Record<string, AnyOperation<S, E, I, P>>>>,
    "name" | "roles" | "giveBack"
  >,
  table: readonly OwnEntry<S, E, I, P>[],
): (faults: readonly string[]) => System {
  const { name, roles, giveBack } = definition;
  const steps = Object.fromEntries(
    table.map(({ added, run }) => [
      added.name,
      addedStep(added, (context, args) => run(new Actor<E, I, P>(context), args as never) as ReturnType<AddedBody>),
    ]),
  );
  return (faults) => {
    const on = new Set(faults);
    const has = (fault: X) => on.has(fault);
    const system = base.roles([]);
    const { exporter, importer, framework } = roles ?? {};
    return {
      ...system,
      name,
      exporters: { ...system.exporters, ...(exporter && { subject: (env) => exporter(env, has) }) },
      importers: { ...system.importers, ...(importer && { subject: (env) => importer(env, has) }) },
      framework: (env) => ({ ...system.framework(env), ...framework?.(env, has) }),
      added: {
        name,
        hash: "",
        steps,
        giveBack: (state) =>
          (giveBack?.(tablesIn<S>(state) as TablesSeen<S>) ?? []).map(({ op, args }) => ({
            op: qualified(name, op),
            args,
          })),
      },
    };
  };
}

type AddedBody = Parameters<typeof addedStep>[1];

function foldOf<S extends AddedTables>(
  name: string,
  handlers: object,
  operations: object,
): (state: State, event: HistoryEvent) => void {
  const folds = new Map(
    Object.entries(handlers as Readonly<Record<string, FoldAny<S>>>).map(([key, one]) => [
      qualifiedKey(name, operations, key),
      one,
    ]),
  );
  return (state, event) => {
    folds.get(event.kind)?.(event, tablesIn<S>(state), state);
    const word = event.kind === "call" || event.kind === "ret" ? event.op : "hook" in event ? event.hook : null;
    if (word !== null) folds.get(`${event.kind} ${word}`)?.(event, tablesIn<S>(state), state);
  };
}

type FoldAny<S> = (event: HistoryEvent, own: Tables<S>, state: State) => void;
