import type { Rule } from "../contracts/rule.ts";
import type { Capability } from "../contracts/rule-text.ts";
import { probe } from "../harness/probe.ts";
import type { System } from "../harness/system.ts";
import type { Profile } from "../spec/profile.ts";
import type { Exporter } from "../spec/roles/exporter.ts";
import type { Importer } from "../spec/roles/importer.ts";
import { conductCapabilities } from "./conduct.ts";
import type { Subject } from "./subject.ts";

/** What a subject offers, read off its optional methods. */
export interface Manifest {
  /** Optional methods by name. */
  readonly methods: readonly string[];
  readonly capabilities: readonly Capability[];
}

const exporterMethods = [
  "attach",
  "detach",
  "pin",
  "unpin",
  "map",
  "unmap",
  "release",
  "beginCpu",
  "endCpu",
  "mmap",
  "vmap",
  "vunmap",
  "export",
  "exportRegion",
  "move",
  "evict",
  "revoke",
  "unrevoke",
  "revokeForever",
  "reset",
  "setMemory",
  "close",
  "p2pMap",
  "p2pUnmap",
  "vmaOpened",
  "vmaClosed",
  "vmaFault",
  "models",
  "match",
  "mapPhysical",
  "unmapPhysical",
  "makePrivate",
  "restrict",
] as const satisfies readonly (keyof Exporter)[];

const importerMethods = [
  "import",
  "submit",
  "stop",
  "release",
  "mirror",
  "mirrorFault",
  "copyPage",
  "unmirror",
  "fault",
  "prefetch",
  "bindSlot",
  "unbindSlot",
  "guestAccess",
] as const satisfies readonly (keyof Importer)[];

const capabilityOf: Partial<Record<keyof Exporter, readonly Capability[]>> = {
  attach: ["attachHook"],
  pin: ["pin", "dynamicExporter"],
  move: ["move"],
  beginCpu: ["cpuSync"],
  mmap: ["mmap"],
  vmap: ["vmap"],
  exportRegion: ["regionExport"],
  revoke: ["revoke"],
  unrevoke: ["unrevoke"],
  revokeForever: ["permanentRevoke"],
  p2pMap: ["vmaPeer"],
  mapPhysical: ["pfn"],
  models: ["negotiation"],
};

const capabilityOfImporter: Partial<Record<keyof Importer, readonly Capability[]>> = {
  mirror: ["mirror"],
  fault: ["faultPath"],
  bindSlot: ["guests"],
};

/** What some importers do that others have no method for. */
const importerCapabilities: readonly Capability[] = Object.values(capabilityOfImporter).flat();

/** Capabilities of the partners, which a subject that brings no exporter has around it. */
const partnerCapabilities: readonly Capability[] = [
  ...new Set(Object.values(capabilityOf).flat()),
  ...conductCapabilities,
  ...importerCapabilities,
  "peer2peer",
  "syncFile",
];

const revoking: readonly Capability[] = ["revoke", "unrevoke", "permanentRevoke"];

/** The capabilities that a kernel series has at all. */
function offeredBy(profile: Profile, capabilities: readonly Capability[]): readonly Capability[] {
  return profile.hasRevoke ? capabilities : capabilities.filter((name) => !revoking.includes(name));
}

/** Whether a series has everything a rule is about. */
export function hasWhatItNeeds(profile: Profile, rule: Rule): boolean {
  const missing = (name: Capability) => revoking.includes(name) && !profile.hasRevoke;
  if (rule.needs?.some(missing) === true) return false;
  return rule.needsAny === undefined || !rule.needsAny.every(missing);
}

/** Reads a subject's manifest off two instances. Throws an Error in a person's words where they differ or cannot be made. */
export function readManifest(subject: Subject, system: System, profile: Profile): Manifest {
  const methods: string[] = [];
  let capabilities = partnerCapabilities;
  if (subject.exporter !== undefined) {
    const found = twice("exporter", () => offered(probe(system, subject.exporter!, profile), exporterMethods));
    methods.push(...found);
    const own = found.flatMap((name) => capabilityOf[name] ?? []);
    capabilities = [...own, ...conductCapabilities, ...importerCapabilities, "peer2peer", "syncFile"];
  }
  if (subject.importer !== undefined) {
    const found = twice("importer", () => offered(probe(system, subject.importer!, profile), importerMethods));
    methods.push(...found);
    const own = found.flatMap((name) => capabilityOfImporter[name] ?? []);
    // A whole system has its other importers beside it.
    const whole = subject.exporter !== undefined && subject.framework !== undefined;
    if (!whole)
      capabilities = capabilities.filter((name) => !importerCapabilities.includes(name) || own.includes(name));
  }
  return { methods, capabilities: offeredBy(profile, capabilities) };
}

function offered<R extends object, K extends keyof R & string>(instance: R, names: readonly K[]): readonly K[] {
  return names.filter((name) => instance[name] !== undefined);
}

/** Optional methods are the manifest: every instance has to offer the same. */
function twice<T extends string>(role: string, read: () => readonly T[]): readonly T[] {
  const [first, second] = [read(), read()];
  if (first.join() === second.join()) return first;
  const changed = [...first, ...second].filter((name) => first.includes(name) !== second.includes(name));
  throw new Error(
    `the ${role} changes its capabilities: ${changed.join(", ")} is there on one instance and missing on the next; optional methods are its manifest and must not change`,
  );
}
