import { operationOf } from "../../spec/operations/operations.ts";
import type { Step } from "../../spec/program.ts";
import { Names } from "../../spec/scopes/names.ts";
import type { Scope, Scratch, StepDraft } from "../../spec/scopes/scope.ts";
import type { Instance } from "../explore/instances.ts";
import { fieldsOf } from "./names.ts";

/** Which names of a program the names of a scope's drafts are, both ways. */
export class Binding {
  readonly toProgram: Map<string, string>;
  private readonly toScope: Map<string, string>;

  constructor(from?: Binding) {
    this.toProgram = new Map(from?.toProgram);
    this.toScope = new Map(from?.toScope);
  }

  /** Whether the two may be the same object; from now on they are. */
  binds(scopeName: unknown, programName: unknown): boolean {
    if (typeof scopeName !== "string" || typeof programName !== "string") return scopeName === programName;
    const known = this.toProgram.get(scopeName) ?? programName;
    const back = this.toScope.get(programName) ?? scopeName;
    if (known !== programName || back !== scopeName) return false;
    this.toProgram.set(scopeName, programName);
    this.toScope.set(programName, scopeName);
    return true;
  }

  /** Whether the step is the draft under these names. Numbers may differ: whoever goes on from here tries it out. */
  bindsStep(draft: StepDraft, step: Step): boolean {
    if (draft.op !== step.op || step.misuse === true || step.interrupted === true) return false;
    if (!this.binds(`task ${draft.task}`, `task ${step.task}`)) return false;
    const wanted = draft as unknown as Readonly<Record<string, unknown>>;
    return Object.entries(operationOf(step.op).fields).every(([field, { shape }]) => {
      const [mine, its] = [wanted[field], fieldsOf(step)[field]];
      switch (shape.kind) {
        case "refer":
          return shape.object === "task"
            ? this.binds(`task ${String(mine)}`, `task ${String(its)}`)
            : this.binds(mine, its);
        case "create":
          return this.binds(mine, its);
        case "referList": {
          const [names, others] = [mine as readonly string[], its as readonly string[]];
          return names.length === others.length && names.every((name, at) => this.binds(name, others[at]));
        }
        case "integer":
          return true;
        default:
          return JSON.stringify(mine) === JSON.stringify(its);
      }
    });
  }
}

/** Where a scope stands after some steps of a program. */
export interface Followed {
  /** Steps of the program that led here. */
  readonly steps: number;
  readonly state: Scratch;
  readonly names: Names;
  readonly binding: Binding;
}

/** Names of a scope's objects before anything has happened; new ones are like no name of a program. */
export function scopeNames(scope: Scope): Names {
  let count = 0;
  return new Names(scope.objects, (kind) => `new ${kind} ${(count += 1)}`);
}

/** Walks through a scope as the program says, for as long as its steps are transitions of the scope. */
export function* follow(scope: Scope, instances: readonly Instance[], steps: readonly Step[], length: number) {
  const state: Scratch = new Int32Array(length);
  scope.initial(state);
  const binding = new Binding();
  if (!binds(binding, scope.prelude, steps, 0)) return;
  let now: Followed = { steps: scope.prelude.length, state, names: scopeNames(scope), binding };
  for (;;) {
    yield now;
    const next = transition(now, instances, steps);
    if (next === null) return;
    now = next;
  }
}

function transition(
  { steps: at, state, names, binding }: Followed,
  instances: readonly Instance[],
  steps: readonly Step[],
) {
  for (const { operation, a, b, c } of instances) {
    if (!operation.enabled(state, a, b, c)) continue;
    const named = names.copy();
    const drafts = operation.steps(named, a, b, c);
    const bound = new Binding(binding);
    if (!binds(bound, drafts, steps, at)) continue;
    const after = state.slice();
    operation.apply(after, a, b, c);
    return { steps: at + drafts.length, state: after, names: named, binding: bound };
  }
  return null;
}

function binds(binding: Binding, drafts: readonly StepDraft[], steps: readonly Step[], at: number): boolean {
  return (
    at + drafts.length <= steps.length && drafts.every((draft, place) => binding.bindsStep(draft, steps[at + place]!))
  );
}
