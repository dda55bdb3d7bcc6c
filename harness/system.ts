import type { OperationName } from "../spec/operations/operations.ts";
import type { State } from "../spec/state/state.ts";
import type { StepHandler } from "./run-context.ts";
import type { Env } from "../spec/roles/env.ts";
import type { Exporter } from "../spec/roles/exporter.ts";
import type { Framework } from "../spec/roles/framework.ts";
import type { Importer } from "../spec/roles/importer.ts";

/** Makes a role instance for one program. Fresh for every program. */
export type Factory<Role> = (env: Env) => Role;

/** What a contract beside the core brings to a run. */
export interface AddedPart {
  readonly name: string;
  readonly hash: string;
  /** How its operations are carried out, by name. */
  readonly steps: Readonly<Record<string, StepHandler<OperationName>>>;
  /** What the end of a program gives back of its objects: steps of its own. */
  readonly giveBack: (state: State) => readonly { readonly op: string; readonly args: object }[];
}

/**
 * Everything a program can run on: a framework, and the kinds of exporters and importers that set-ups may name.
 * The kind `subject` is the implementation under test.
 */
export interface System {
  readonly name: string;
  readonly version: string;
  readonly framework: Factory<Framework>;
  readonly exporters: Readonly<Record<string, Factory<Exporter>>>;
  readonly importers: Readonly<Record<string, Factory<Importer>>>;
  /** Absent: the operations of the core and no others. */
  readonly added?: AddedPart;
}
