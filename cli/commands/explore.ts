import { writeFileSync } from "node:fs";
import { exploreScope, type ScopeReport } from "../../conformance/explore/explore-scope.ts";
import { graphAsDot, graphAsJson } from "../../conformance/explore/graph-text.ts";
import type { Graph } from "../../generators/explore/graph.ts";
import { BadInput } from "../../spec/bad-input.ts";
import { didYouMean } from "../../spec/closest.ts";
import { scopes } from "../../spec/scopes/scopes.ts";
import type { Scope } from "../../spec/scopes/scope.ts";
import { print, type ExitCode, type OutputOptions } from "../output.ts";
import { row } from "../rows.ts";

/** Settings of `explore`. */
export interface ExploreCommandOptions extends OutputOptions {
  /** File for the graph: `.dot` for Graphviz, `.json` for data. */
  readonly graph?: string;
  /** The proposal whose scopes are meant. */
  readonly proposal?: string;
}

/** `explore [SCOPE]`: every state and transition of a scope, of all scopes without one. */
export function exploreCommand(name: string | undefined, { format, graph: file }: ExploreCommandOptions): ExitCode {
  const write = file === undefined ? null : graphWriter(file, name, scopes);
  const chosen = name === undefined ? scopes : [scopeNamed(name, scopes)];
  const reports: ScopeReport[] = [];
  const toWrite: Graph[] = [];
  for (const scope of chosen) {
    const { graph, report } = exploreScope(scope, cpuSeconds);
    if (write !== null) toWrite.push(graph);
    reports.push(report);
    if (format === "text") print(describeScope(report).join("\n"));
  }
  if (format === "json") print(JSON.stringify(reports, null, 2));
  // Last: where it cannot be written the answer has been given.
  for (const graph of toWrite) write?.(graph);
  return reports.some(({ differences }) => differences.length > 0) ? 3 : 0;
}

/** The scope of this name. Throws BadInput where there is none. */
export function scopeNamed(name: string, known: readonly Scope[]): Scope {
  const scope = known.find((entry) => entry.name === name);
  if (scope !== undefined) return scope;
  const names = known.map((entry) => entry.name);
  throw new BadInput("name", name, `there is no such scope${didYouMean(name, names, `known: ${names.join(", ")}`)}`);
}

/** Writes a graph to a file by its suffix. Throws BadInput where no scope is named, or the suffix says nothing. */
export function graphWriter(file: string, name: string | undefined, known: readonly Scope[]): (graph: Graph) => void {
  if (name === undefined)
    throw new BadInput(
      "flag",
      "--graph",
      `a graph is of one scope; name it: explore ${known[0]?.name ?? "SCOPE"} --graph ${file}`,
    );
  const text = file.endsWith(".dot") ? graphAsDot : file.endsWith(".json") ? graphAsJson : null;
  if (text === null)
    throw new BadInput("flag", `--graph ${file}`, "the suffix says how to write the graph; end it in .dot or .json");
  return (graph) => {
    try {
      writeFileSync(file, text(graph));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new BadInput("file", file, `cannot be written (${why}); choose another --graph`);
    }
  };
}

/** What is known of a scope, for people. `by`: what its transitions were carried out on. */
export function describeScope(report: ScopeReport, by = "the reference"): readonly string[] {
  const { legalErrors, armed, decided, measured } = report;
  const idle = armed.filter((id) => !decided.includes(id));
  const ids = Object.entries(report.ids).map(([type, count]) => `${type} ${count}`);
  return [
    `${report.scope}: ${report.about}`,
    ...row("world", `${ids.join(", ")}; ${report.profile}; bounds: ${report.bounds}`),
    ...row("states", `${report.states} up to naming, ${report.fullStates} in all`),
    ...row("transitions", `${report.transitions} up to naming, ${report.fullTransitions} in all`),
    ...row("diameter", `${report.diameter}`),
    ...row("legal errors", legalErrors.map((one) => `${one.errno} ${one.operation} ${one.transitions}`).join(", ")),
    ...row(
      "rules",
      `${armed.length} armed, ${armed.length - idle.length} decided, beside ${decided.length - armed.length + idle.length} of other areas`,
    ),
    ...row("not decided", idle.length === 0 ? "none" : idle.join(" ")),
    ...row("carried out", `${report.replayed} transitions on ${by}, ${report.differences.length} differences`),
    ...row("measured", `${measured.bytesPerState} bytes a state, ${measured.statesPerSecond} states per CPU second`),
    ...report.differences.flatMap((difference) => row("DIFFERENCE", difference)),
    "",
  ];
}

/** CPU seconds of this process. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
