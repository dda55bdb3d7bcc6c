import type { Factory } from "../harness/system.ts";
import { DefaultExporter } from "../reference-impl/exporter/default-exporter.ts";
import { DynamicExporter } from "../reference-impl/exporter/dynamic-exporter.ts";
import { StaticExporter } from "../reference-impl/exporter/static-exporter.ts";
import { CpuImporter } from "../reference-impl/importers/cpu-importer.ts";
import { DynamicImporter } from "../reference-impl/importers/dynamic-importer.ts";
import { FaultingImporter } from "../reference-impl/importers/faulting-importer.ts";
import { GuestImporter } from "../reference-impl/importers/guest-importer.ts";
import { MirrorImporter } from "../reference-impl/importers/mirror-importer.ts";
import { PageTableImporter } from "../reference-impl/importers/page-table-importer.ts";
import { PinnedImporter } from "../reference-impl/importers/pinned-importer.ts";
import { PinnedRevocableImporter } from "../reference-impl/importers/pinned-revocable-importer.ts";
import { StaticImporter } from "../reference-impl/importers/static-importer.ts";
import type { Exporter } from "../spec/roles/exporter.ts";
import type { Importer } from "../spec/roles/importer.ts";

/** Exporters that set-ups may name. `subject` stands for the default one where the reference itself is under test. */
export const referenceExporters: Readonly<Record<string, Factory<Exporter>>> = {
  subject: (env) => new DefaultExporter(env),
  default: (env) => new DefaultExporter(env),
  dynamic: (env) => new DynamicExporter(env),
  static: (env) => new StaticExporter(env),
};

/** Importers that set-ups may name, beside `scripted`, which the program plays. */
export const referenceImporters: Readonly<Record<string, Factory<Importer>>> = {
  subject: (env) => new MirrorImporter(env),
  dynamic: (env) => new DynamicImporter(env),
  static: (env) => new StaticImporter(env),
  faulting: (env) => new FaultingImporter(env),
  guest: (env) => new GuestImporter(env),
  mirror: (env) => new MirrorImporter(env),
  pageTable: (env) => new PageTableImporter(env),
  cpu: (env) => new CpuImporter(env),
  pinned: (env) => new PinnedImporter(env),
  pinnedRevocable: (env) => new PinnedRevocableImporter(env),
};

/** What random set-ups of the reference are drawn from. */
export const referenceKinds: { readonly exporters: readonly string[]; readonly importers: readonly string[] } = {
  exporters: ["subject", "subject", "subject", "dynamic", "dynamic", "static", "scripted", "scriptedDynamic"],
  importers: [
    "scripted",
    "scripted",
    "scripted",
    "subject",
    "subject",
    "pageTable",
    "static",
    "cpu",
    "pinned",
    "pinnedRevocable",
  ],
};
