import { DefaultExporter } from "../reference-impl/exporter/default-exporter.ts";
import { ReferenceFramework } from "../reference-impl/framework.ts";
import { MirrorImporter } from "../reference-impl/importers/mirror-importer.ts";
import type { Subject } from "./subject.ts";
import { suiteVersion } from "./version.ts";

/** The reference as a subject: a whole system. */
export const referenceSubject: Subject = {
  name: "reference",
  version: suiteVersion,
  exporter: (env) => new DefaultExporter(env),
  importer: (env) => new MirrorImporter(env),
  framework: (env) => new ReferenceFramework(env),
};
