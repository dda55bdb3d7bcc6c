import type { Rule } from "../contracts/rule.ts";
import type { Capability } from "../contracts/rule-text.ts";
import type { Factory, System } from "../harness/system.ts";
import type { Kinds } from "../generators/world-shape.ts";
import type { Exporter } from "../spec/roles/exporter.ts";
import type { Framework } from "../spec/roles/framework.ts";
import type { Importer } from "../spec/roles/importer.ts";
import { referenceKinds } from "./reference-roles.ts";
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
  const { exporter, importer, framework } = subject;
  const base = referenceSystem({
    name: subject.name,
    ...(exporter && { exporters: { subject: exporter } }),
    ...(importer && { importers: { subject: importer } }),
  });
  if (framework === undefined) return { ...base, version: subject.version ?? "0" };
  return {
    ...base,
    version: subject.version ?? "0",
    framework: (env) => ({ ...base.framework(env), ...framework(env) }),
  };
}

/** What set-ups are drawn from: the subject mostly, beside partners that bring out its duties. */
export function kindsOf(subject: Subject): Kinds {
  return {
    exporters: subject.exporter === undefined ? referenceKinds.exporters : ["subject"],
    importers:
      subject.importer === undefined ? referenceKinds.importers : ["subject", "subject", "subject", "scripted"],
  };
}

/** Optional exporter methods and the capabilities they stand for. */
const exporterCapabilities: readonly (readonly [keyof Exporter, readonly Capability[]])[] = [
  ["pin", ["pin", "dynamicExporter"]],
  ["move", ["move"]],
  ["revoke", ["revoke"]],
  ["unrevoke", ["unrevoke"]],
  ["revokeForever", ["permanentRevoke"]],
];

/** Capabilities an exporter's optional methods claim. */
export function capabilitiesOf(exporter: Exporter): readonly Capability[] {
  return exporterCapabilities.flatMap(([method, capabilities]) =>
    exporter[method] === undefined ? [] : capabilities,
  );
}

/** Optional methods an instance has, by name: what must not change from one instance to the next. */
export function methodsOf(role: SubjectRole, instance: Exporter | Importer): readonly string[] {
  const names =
    role === "exporter"
      ? ["attach", "detach", "pin", "unpin", "map", "unmap", "release", "export", "move", "evict", "revoke", "unrevoke"]
          .concat(["revokeForever", "reset", "setMemory", "close"])
      : ["import", "submit", "stop", "release"];
  const methods = instance as unknown as Readonly<Record<string, unknown>>;
  return names.filter((name) => methods[name] !== undefined);
}
