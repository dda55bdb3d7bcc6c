import { operationOf } from "../../spec/operations/operations.ts";
import type { Program, Step } from "../../spec/program.ts";
import { lengthOf as slotsIn } from "../../spec/scopes/layout.ts";
import type { Scope, Scratch, StepDraft } from "../../spec/scopes/scope.ts";
import { scopes } from "../../spec/scopes/scopes.ts";
import { explore } from "../explore/explore.ts";
import type { Graph } from "../explore/graph.ts";
import { instancesOf, type Instance } from "../explore/instances.ts";
import { follow, scopeNames, type Followed } from "./follow.ts";
import { namesMade, namesUsed } from "./names.ts";
import { each } from "./pass.ts";
import type { Search, Session } from "./session.ts";

/** Shorter programs are as short as their operations allow: listing all that are shorter never found one. */
const shortest = 5;
const longest = 40;

/**
 * Replaces the beginning of the program by the shortest way to the same state, where a scope knows it: the longest
 * beginning first. The names of what is there then stay.
 */
export function* shorterPrefixes(session: Session): Search<void> {
  const { program } = session;
  if (program.steps.length < shortest || program.steps.length > longest) return;
  const found = scopes.flatMap((scope) => shorterIn(scope, program));
  const ordered = found.toSorted((first, second) => second.replaced - first.replaced);
  yield* each(session, ordered, (now, { candidate }) => (now === program ? candidate : now));
}

interface Replacement {
  /** Steps of the program that make room. */
  readonly replaced: number;
  readonly candidate: Program;
}

const graphs = new Map<Scope, Graph>();

function graphOf(scope: Scope): Graph {
  const known = graphs.get(scope);
  if (known !== undefined) return known;
  const graph = explore(scope, { edges: false });
  graphs.set(scope, graph);
  return graph;
}

function shorterIn(scope: Scope, program: Program): readonly Replacement[] {
  const reached = [...follow(scope, instancesOf(scope), program.steps, slotsIn(scope))];
  // Exploring costs something: only where the scope follows the program for a while.
  if (reached.length < 4) return [];
  const graph = graphOf(scope);
  return reached.flatMap((place) => {
    const candidate = withShortest(graph, place, program);
    return candidate === null ? [] : [{ replaced: place.steps, candidate }];
  });
}

/** The program with the shortest way to this place; null where there is none that is shorter. */
function withShortest(graph: Graph, place: Followed, program: Program): Program | null {
  const way = wayTo(graph, place.state);
  if (way === null) return null;
  const names = scopeNames(graph.scope);
  const drafts = [...graph.scope.prelude, ...way.flatMap(({ operation, a, b, c }) => operation.steps(names, a, b, c))];
  if (drafts.length >= place.steps) return null;
  // What is there in the end has its name in the program; what is gone by then gets one of its own.
  const toProgram = new Map<string, string>();
  for (const [key, name] of names.entries()) {
    const followed = place.names.at(key);
    const own = followed === undefined ? undefined : place.binding.toProgram.get(followed);
    if (own !== undefined) toProgram.set(name, own);
  }
  const taken = new Set(program.steps.flatMap((step) => [...namesMade(step), ...namesUsed(step), `task ${step.task}`]));
  const rename = (name: string) => {
    const known = toProgram.get(name) ?? place.binding.toProgram.get(name);
    if (known !== undefined) return known;
    const next = freshName(name, taken);
    toProgram.set(name, next);
    return next;
  };
  const ids = new Set(program.steps.map(({ id }) => id));
  const prefix = drafts.map((draft) => renamedStep(draft, freshName("s", ids), rename));
  return { ...program, steps: [...prefix, ...program.steps.slice(place.steps)] };
}

/** The shortest way from the start to a state, with the ids as the state has them. */
function wayTo(graph: Graph, state: Scratch): readonly Instance[] | null {
  const place = graph.find(state);
  if (place === null) return null;
  const walk = graph.walkTo(place.state);
  const { symmetry, instances } = graph;
  const there = new Int32Array(state.length);
  const moved = new Int32Array(state.length);
  walk.read(there);
  for (let naming = 0; naming < symmetry.order; naming += 1) {
    symmetry.apply(naming, there, moved);
    if (!moved.every((value, slot) => value === state[slot])) continue;
    return walk.path.map(({ operation, ids }) => {
      const renamed = ids.map((id, at) => symmetry.moved(naming, symmetry.type(operation.takes[at]!), id));
      return instances.find(
        (other) => other.operation === operation && other.ids.every((id, at) => id === renamed[at]),
      )!;
    });
  }
  return null;
}

function renamedStep(draft: StepDraft, id: string, rename: (name: string) => string): Step {
  const values = draft as unknown as Readonly<Record<string, string | readonly string[] | null>>;
  const task = (name: string) => rename(`task ${name}`).slice("task ".length);
  const fields = Object.entries(operationOf(draft.op).fields).map(([field, { shape }]) => {
    const value = values[field] ?? null;
    const names = shape.kind === "refer" || shape.kind === "create" || shape.kind === "referList";
    if (value === null || !names) return [field, values[field]];
    if (typeof value !== "string") return [field, value.map(rename)];
    return [field, shape.object === "task" ? task(value) : rename(value)];
  });
  return { id, task: task(draft.task), op: draft.op, ...Object.fromEntries(fields) } as Step;
}

function freshName(like: string, taken: Set<string>): string {
  const stem = like.startsWith("task ") ? "task t" : like.replace(/^new | \d+$|\d+$/g, "");
  for (let number = 1; ; number += 1) {
    const name = `${stem}${number}`;
    if (taken.has(name)) continue;
    taken.add(name);
    return name;
  }
}
