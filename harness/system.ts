import type { Env } from "../spec/roles/env.ts";
import type { Exporter } from "../spec/roles/exporter.ts";
import type { Framework } from "../spec/roles/framework.ts";
import type { Importer } from "../spec/roles/importer.ts";

/** Makes a role instance for one program. Fresh for every program. */
export type Factory<Role> = (env: Env) => Role;

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
}
