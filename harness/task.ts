import type { LockRequest } from "../spec/event.ts";
import type { Suspension, Wait } from "../spec/roles/suspendable.ts";
import type { Step } from "../spec/program.ts";

/** Steps a parked task still lets pass, or the step it waits for; `idle`: until nobody else can run. */
export type Parking = { readonly until: string } | { count: number };

/** One thread of control: a program task, a deferred work item, or the drain. */
export class Task {
  readonly name: string;
  /** Program tasks take steps; others run once. */
  readonly takesSteps: boolean;
  activity: Generator<Suspension, void, unknown> | null = null;
  /** The step on whose behalf it runs. */
  stepId: string | null = null;
  step: Step | null = null;
  /** Place in the order in which activities began: the oldest runs first. */
  began = 0;
  wait: Wait | null = null;
  parking: Parking | null = null;
  /** Where it parked, for recording the preemption. */
  parkedAt: { readonly step: string; readonly site: string; readonly nth: number } | null = null;
  /** Place in the order in which tasks were parked. */
  parkedSince = 0;
  /** Passages of preemption and failure sites in the current step. */
  passages: Map<string, number> | null = null;
  atomicDepth = 0;
  interrupted = false;
  /** What the innermost lock attempt asked for, to name it in a `blocked` event. */
  request: LockRequest | null = null;
  /** Blocking env calls made and begun: they differ when one was made and thrown away. */
  callsMade = 0;
  callsBegun = 0;
  /** Times it blocked. */
  blocks = 0;
  /** Resumptions in the current activity. */
  resumptions = 0;

  constructor(name: string, takesSteps: boolean) {
    this.name = name;
    this.takesSteps = takesSteps;
  }

  /** Counts a passage of `site` in the current step, from 1. */
  pass(site: string): number {
    this.passages ??= new Map();
    const nth = (this.passages.get(site) ?? 0) + 1;
    this.passages.set(site, nth);
    return nth;
  }
}
