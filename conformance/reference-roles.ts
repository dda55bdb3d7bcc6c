import type { Factory } from "../harness/system.ts";
import type { Exporter } from "../spec/roles/exporter.ts";
import type { Importer } from "../spec/roles/importer.ts";

/** Exporters that set-ups may name. `subject` stands for the default one where the reference itself is under test. */
export const referenceExporters: Readonly<Record<string, Factory<Exporter>>> = {};

/** Importers that set-ups may name, beside `scripted`, which the program plays. */
export const referenceImporters: Readonly<Record<string, Factory<Importer>>> = {};
