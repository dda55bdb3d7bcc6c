import type { Rule } from "../contracts/rule.ts";
import type { Factory, System } from "../harness/system.ts";
import type { Kinds } from "../generators/world-shape.ts";
import type { Situation } from "../spec/situation.ts";
import type { Exporter } from "../spec/roles/exporter.ts";
import type { Framework } from "../spec/roles/framework.ts";
import type { Importer } from "../spec/roles/importer.ts";
import { referenceSystem } from "./reference-system.ts";
import type { SubjectRole } from "./verdict.ts";

/** What a user brings: one role, or several. Everything that is missing comes from the reference. */
export interface Subject {
  readonly name: string;
  readonly version?: string;
  readonly exporter?: Factory<Exporter>;
  readonly importer?: Factory<Importer>;
  /** A whole framework, or some of its three parts. */
  readonly framework?: Factory<Partial<Framework>>;
  /** Rules of the user's own, judged beside ours. */
  readonly rules?: readonly Rule[];
  /** Partners in place of the reference's: kinds by name, drawn evenly. */
  readonly partners?: {
    readonly exporters?: Readonly<Record<string, Factory<Exporter>>>;
    readonly importers?: Readonly<Record<string, Factory<Importer>>>;
  };
}

/** Roles the subject brings, in a fixed order. */
export function rolesOf(subject: Subject): readonly SubjectRole[] {
  const roles: SubjectRole[] = [];
  if (subject.exporter !== undefined) roles.push("exporter");
  if (subject.importer !== undefined) roles.push("importer");
  if (subject.framework !== undefined) roles.push("framework");
  return roles;
}

/** The subject in place, certified partners around it. */
export function systemOf(subject: Subject): System {
  const { exporter, importer, framework, partners } = subject;
  const base = referenceSystem({
    name: subject.name,
    exporters: { ...partners?.exporters, ...(exporter && { subject: exporter }) },
    importers: { ...partners?.importers, ...(importer && { subject: importer }) },
  });
  if (framework === undefined) return { ...base, version: subject.version ?? "0" };
  return {
    ...base,
    version: subject.version ?? "0",
    framework: (env) => ({ ...base.framework(env), ...framework(env) }),
  };
}

/** Partners that bring out the duties of the other side. */
const importerPartners = [
  "scripted",
  "scripted",
  "scripted",
  "dynamic",
  "pageTable",
  "static",
  "cpu",
  "pinned",
  "pinnedRevocable",
];
const exporterPartners = ["default", "default", "dynamic", "static", "scripted", "scriptedDynamic"];

/** What set-ups are drawn from: the subject mostly, beside partners that bring out its duties. */
export function kindsOf(subject: Subject): Kinds {
  const { exporter, importer, partners } = subject;
  const otherExporters = partners?.exporters === undefined ? exporterPartners : Object.keys(partners.exporters);
  const otherImporters = partners?.importers === undefined ? importerPartners : Object.keys(partners.importers);
  // A whole system plays every part itself, and meets the variants as well.
  const whole = exporter !== undefined && importer !== undefined;
  return {
    exporters: exporter === undefined ? otherExporters : mix("subject", whole ? otherExporters : []),
    importers: importer === undefined ? otherImporters : mix("subject", whole ? otherImporters : ["scripted"]),
    ownImporters: whole ? false : importer !== undefined || partners?.importers !== undefined,
  };
}

/**
 * A situation as it can be drawn for a subject. On a side where the subject plays, or partners of its own do, only their
 * kinds count: a situation that asks for others would otherwise go past them.
 */
export function situationFor(subject: Subject, situation: Situation): Situation {
  const { exporter, importer, partners } = subject;
  const kinds = kindsOf(subject);
  const among = (wanted: readonly string[] = [], own: readonly string[] = []) => {
    const left = wanted.filter((kind) => own.includes(kind));
    return left.length > 0 ? left : own;
  };
  return {
    ...situation,
    ...((exporter ?? partners?.exporters) && { exporters: among(situation.exporters, kinds.exporters) }),
    ...((importer ?? partners?.importers) && { importers: among(situation.importers, kinds.importers) }),
  };
}

/** The subject as often as all others together. */
function mix(subject: string, others: readonly string[]): readonly string[] {
  return [...Array.from({ length: Math.max(1, others.length) }, () => subject), ...others];
}
