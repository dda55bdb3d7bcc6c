import type { Judge } from "../../contracts/judge.ts";
import { Holds } from "../../generators/explore/holds.ts";
import type { Instance } from "../../generators/explore/instances.ts";
import { Script } from "../../generators/explore/script.ts";
import type { Observer } from "../../harness/run.ts";
import { Session } from "../../harness/session.ts";
import type { System } from "../../harness/system.ts";
import type { Errno } from "../../spec/errno.ts";
import { classify } from "../../spec/operations/classify/classify.ts";
import type { StepClass } from "../../spec/operations/classify/context.ts";
import type { Step } from "../../spec/program.ts";
import { lengthOf } from "../../spec/scopes/layout.ts";
import type { Scope, Scratch, StepDraft } from "../../spec/scopes/scope.ts";

/** A way through a scope, carried out by a system while it is chosen. The judge holds the full state. */
export class ScopeSession {
  readonly script: Script;
  /** Errors that were answered in the last transition. */
  readonly answered = new Set<Errno>();
  private readonly scope: Scope;
  private readonly session: Session;
  private readonly judge: Judge;
  private readonly holds = new Holds();

  /** Runs the prelude. Throws where the system cannot carry it out. */
  constructor(scope: Scope, system: System, judge: Judge) {
    this.scope = scope;
    this.judge = judge;
    judge.begin();
    const { answered } = this;
    const observer: Observer = {
      get state() {
        return judge.state;
      },
      event: (event) => {
        if ((event.kind === "ret" || event.kind === "lock") && event.errno !== 0) answered.add(event.errno);
        judge.event(event);
      },
    };
    this.session = new Session(scope.setup, judge.profile, system, observer, this.holds);
    this.script = new Script(scope);
    for (const step of this.script.steps) this.apply(step);
  }

  /** Carries a transition out, given with the ids that its objects really have. Throws where a step is not legal. */
  take(instance: Instance): void {
    this.answered.clear();
    const steps = this.script.write(instance);
    this.holds.begin(instance, steps, this.script.names);
    for (const step of steps) this.apply(step);
  }

  /** What the steps of a call would be now, in the eyes of the language. The first that is not legal decides. */
  classOf({ operation, a, b, c }: Instance): StepClass | "busy" {
    let drafts: readonly StepDraft[];
    try {
      drafts = operation.steps(this.script.names.copy(), a, b, c);
    } catch (error) {
      // It names an object that there has never been.
      if (error instanceof RangeError) return "undefined";
      throw error;
    }
    const [first] = drafts;
    return first === undefined ? "undefined" : this.classOfStep({ id: "probe", ...first } as Step);
  }

  /** The scope's fields as the full state has them. */
  project(): Scratch {
    const s = new Int32Array(lengthOf(this.scope));
    this.scope.project(this.judge.state, this.script.names, s);
    return s;
  }

  /** Lets the world come to rest and ends the history. */
  finish(): void {
    const { fault } = this.session.finish();
    if (fault !== null) throw new Error(fault);
  }

  private apply(step: Step): void {
    const kind = this.classOfStep(step);
    if (kind !== "enabled" && kind !== "refused")
      throw new RangeError(`scope ${this.scope.name}: ${JSON.stringify(step)} is ${kind} for the language`);
    if (!this.session.apply(step)) throw new RangeError(`${step.id} was not begun: its task waits`);
    if (this.session.fault !== null) throw new Error(this.session.fault);
  }

  private classOfStep(step: Step): StepClass | "busy" {
    const { setup } = this.scope;
    const { inFlight } = this.session;
    if (inFlight.some(({ task }) => task === step.task)) return "busy";
    return classify({ state: this.judge.state, setup, profile: this.judge.profile, inFlight }, step);
  }
}
