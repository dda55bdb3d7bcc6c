import type { Scope, ScopeOperation, Scratch } from "../../spec/scopes/scope.ts";
import type { Canonical } from "./canonical.ts";
import type { Codec } from "./codec.ts";
import type { Instance } from "./instances.ts";
import type { StateTable } from "./state-table.ts";
import type { Symmetry } from "./symmetry.ts";
import { Walk } from "./walk.ts";

/** What an exploration counted. */
export interface Counts {
  /** Distinct states; under symmetry, distinct up to the naming of ids. */
  readonly states: number;
  readonly transitions: number;
  /** The same without symmetry, counted from the orbits. */
  readonly fullStates: number;
  readonly fullTransitions: number;
}

/** All transitions: those of state `s` are numbers `starts[s]` up to `starts[s + 1]`. */
export interface Edges {
  readonly starts: Int32Array;
  /** Which operation with which ids, in the ids of the state it leaves. */
  readonly instances: Uint16Array;
  readonly targets: Int32Array;
  /** The naming that brought the result to the target's canonical form: old id to new id. */
  readonly namings: Uint16Array;
}

interface Parts {
  readonly scope: Scope;
  readonly codec: Codec;
  readonly symmetry: Symmetry;
  readonly canonical: Canonical | null;
  readonly table: StateTable;
  readonly instances: readonly Instance[];
  readonly counts: Counts;
  readonly seen: Float64Array;
  readonly edges: Edges | null;
}

/** Where a state lies in a graph. */
export interface Place {
  readonly state: number;
  /** The naming that brings the asked state to the stored one: old id to new id. */
  readonly naming: number;
}

/** A scope explored. States are numbered from 0, the initial one, nearest first. */
export class Graph {
  readonly scope: Scope;
  readonly symmetry: Symmetry;
  readonly instances: readonly Instance[];
  readonly counts: Counts;
  /** Times each instance was enabled, over all states without symmetry. */
  readonly seen: Float64Array;
  /** The state from which each was reached first; -1 for the initial one. */
  readonly parents: Int32Array;
  /** The instance that did. */
  readonly vias: Uint16Array;
  readonly codec: Codec;
  private readonly parts: Parts;
  private readonly byIds: ReadonlyMap<string, Instance>;
  private depths_: Int32Array | null = null;

  constructor(parts: Parts) {
    this.parts = parts;
    this.scope = parts.scope;
    this.symmetry = parts.symmetry;
    this.instances = parts.instances;
    this.counts = parts.counts;
    this.seen = parts.seen;
    this.parents = parts.table.parents.subarray(0, parts.table.size);
    this.vias = parts.table.vias.subarray(0, parts.table.size);
    this.codec = parts.codec;
    this.byIds = new Map(parts.instances.map((instance) => [keyOf(instance.operation, instance.ids), instance]));
  }

  /** An operation of the scope with these ids. */
  instanceOf(operation: ScopeOperation, ids: readonly number[]): Instance {
    return this.byIds.get(keyOf(operation, ids))!;
  }

  /** The transitions. Throws for a graph that was explored without keeping them. */
  get edges(): Edges {
    const { edges } = this.parts;
    if (edges === null) throw new RangeError("this graph was explored without its transitions; explore it with them");
    return edges;
  }

  /** Steps from the initial state to each. */
  get depths(): Int32Array {
    if (this.depths_ === null) {
      this.depths_ = new Int32Array(this.counts.states);
      for (let state = 1; state < this.counts.states; state += 1)
        this.depths_[state] = this.depths_[this.parents[state]!]! + 1;
    }
    return this.depths_;
  }

  /** Steps to the farthest state. */
  get diameter(): number {
    return this.depths.at(-1)!;
  }

  /** Bytes of the stored states, their table, parents and operations, each state. */
  get bytesPerState(): number {
    return this.parts.table.bytes / this.counts.states;
  }

  /** Writes a state, in its canonical form. */
  read(state: number, into: Scratch): void {
    this.codec.unpack(this.parts.table.states, state * this.codec.lanes, into);
  }

  /** Finds a state under whatever naming; null: it is not reached. */
  find(s: Scratch): Place | null {
    const { canonical, table } = this.parts;
    const packed = canonical?.packed ?? new Int32Array(this.codec.lanes);
    if (canonical === null) this.codec.pack(s, packed, 0);
    else canonical.of(s);
    const state = table.indexOf(packed);
    return state < 0 ? null : { state, naming: canonical?.naming ?? 0 };
  }

  /** The number of a state under whatever naming, or -1. */
  indexOf(s: Scratch): number {
    return this.find(s)?.state ?? -1;
  }

  /** A shortest way to a state: operations with the ids they take when started from the initial state. */
  shortestPath(state: number): readonly Instance[] {
    return this.walkTo(state).path;
  }

  /** The same as a walk that has arrived there. */
  walkTo(state: number): Walk {
    const vias: number[] = [];
    for (let at = state; at > 0; at = this.parents[at]!) vias.push(this.vias[at]!);
    const walk = new Walk(this);
    for (const via of vias.toReversed()) walk.take(this.instances[via]!);
    return walk;
  }
}

function keyOf({ name }: ScopeOperation, ids: readonly number[]): string {
  return `${name} ${ids.join(" ")}`;
}
