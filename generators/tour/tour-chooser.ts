import type { Errno } from "../../spec/errno.ts";
import { classify } from "../../spec/operations/classify/classify.ts";
import type { Profile } from "../../spec/profile.ts";
import type { Failure, Preemption, Step } from "../../spec/program.ts";
import type { Scope, Scratch } from "../../spec/scopes/scope.ts";
import type { State } from "../../spec/state/state.ts";
import type { Graph } from "../explore/graph.ts";
import { Holds } from "../explore/holds.ts";
import { Script } from "../explore/script.ts";
import { Walk } from "../explore/walk.ts";

/** Why a walk ended early, in words: what was implemented is not what the scope says. */
export interface Departure {
  /** The transition after which it was seen, by its place in the walk; -1: in the prelude. */
  readonly place: number;
  readonly text: string;
}

/**
 * Plays one walk of a tour, transition by transition, as a run's chooser: before each step it compares the state that
 * the run has reached with the scope's. Where they differ the walk is over.
 */
export class TourChooser {
  readonly steps: readonly Step[];
  readonly schedule: Preemption[] = [];
  readonly failures: readonly Failure[] = [];
  /** Transitions after which the state was the scope's. */
  taken = 0;
  departure: Departure | null = null;
  private readonly graph: Graph;
  private readonly scope: Scope;
  private readonly profile: Profile;
  private readonly edges: ArrayLike<number>;
  private readonly walk: Walk;
  private readonly script: Script;
  private readonly holds = new Holds();
  private readonly waiting: Step[];
  private readonly expected: Scratch;
  private readonly actual: Scratch;
  private place = -1;

  /** `scope`: that of the graph, or one with its objects named otherwise. `edges`: numbers of transitions of the graph. */
  constructor(graph: Graph, scope: Scope, profile: Profile, edges: ArrayLike<number>) {
    this.graph = graph;
    this.scope = scope;
    this.profile = profile;
    this.edges = edges;
    this.walk = new Walk(graph);
    this.script = new Script(scope);
    this.steps = this.script.steps;
    this.waiting = [...this.script.steps];
    this.expected = new Int32Array(graph.codec.length);
    this.actual = new Int32Array(graph.codec.length);
  }

  next(state: State, tasks: { isIdle(task: string): boolean; inFlight(): readonly Step[] }): Step | null {
    if (this.departure !== null || this.place >= this.edges.length) return null;
    if (this.waiting.length === 0) {
      const difference = this.difference(state);
      if (difference !== null) return this.depart(difference);
      if (this.place >= 0) this.taken += 1;
      this.place += 1;
      if (this.place >= this.edges.length) return null;
      const instance = this.walk.takeEdge(this.edges[this.place]!);
      const steps = this.script.write(instance);
      this.waiting.push(...steps);
      this.holds.begin(instance, steps, this.script.names);
    }
    const step = this.waiting.shift()!;
    if (!tasks.isIdle(step.task)) return this.depart(`${step.task} still waits and cannot take ${step.op}`);
    const { setup } = this.scope;
    const kind = classify({ state, setup, profile: this.profile, inFlight: tasks.inFlight() }, step);
    if (kind !== "enabled" && kind !== "refused") return this.depart(`${step.op} is ${kind} in the state reached`);
    return step;
  }

  pause(step: string, site: string, nth: number): number | null {
    return this.holds.pause(step, site, nth);
  }

  goesOn(task: string): string | null {
    return this.holds.goesOn(task);
  }

  paused({ step, site, nth, until }: Preemption): void {
    this.schedule.push({ step, site, nth, until });
  }

  fail(): Errno {
    return 0;
  }

  counts(step: string): boolean {
    return this.holds.counts(step);
  }

  private depart(text: string): null {
    this.departure = { place: this.place, text };
    return null;
  }

  private difference(state: State): string | null {
    const { expected, actual } = this;
    actual.fill(0);
    this.scope.project(state, this.script.names, actual);
    this.walk.read(expected);
    return this.graph.codec.difference(expected, actual);
  }
}
