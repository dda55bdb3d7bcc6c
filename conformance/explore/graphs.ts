import { explore } from "../../generators/explore/explore.ts";
import type { Graph } from "../../generators/explore/graph.ts";
import type { Setup } from "../../spec/program.ts";
import type { Scope } from "../../spec/scopes/scope.ts";
import { scopes } from "../../spec/scopes/scopes.ts";
import type { SubjectRole } from "../verdict.ts";

const explored = new Map<Scope, Graph>();

/** The graph of a scope, explored once in a process. */
export function graphOf(scope: Scope): Graph {
  let graph = explored.get(scope);
  if (graph === undefined) {
    graph = explore(scope);
    explored.set(scope, graph);
  }
  return graph;
}

/** Scopes in which a subject of these roles has a part, for programs of this profile. */
export function scopesFor(roles: readonly SubjectRole[], profile: string): readonly Scope[] {
  return scopes.filter((scope) => scope.profile === profile && roles.some((role) => hasPart(scope.setup, role)));
}

function hasPart({ exporters, importers }: Setup, role: SubjectRole): boolean {
  switch (role) {
    case "framework":
      return true;
    case "exporter":
      return exporters.some(({ kind }) => kind === "subject");
    case "importer":
      return importers.some(({ kind }) => kind === "subject");
  }
}
