import type { Series } from "../spec/profile.ts";
import type { Source } from "./source.ts";

/** The areas of the catalog, in its order. */
export const areas = [
  "LIFE",
  "ATT",
  "PIN",
  "MAP",
  "MOVE",
  "REV",
  "RESV",
  "FENCE",
  "CPU",
  "SYNC",
  "P2P",
  "DMAMAP",
  "MMUN",
  "FAULT",
  "NEG",
] as const;
export type Area = (typeof areas)[number];

/** Whose duty a rule is. `fenceOwner` is whoever creates and signals a fence, `caller` whoever calls the API at hand. */
export type Party = "framework" | "exporter" | "importer" | "caller" | "fenceOwner";

/** MUST decides conformance, SHOULD warns unless strict, MAY says that both behaviours are legal, `fact` records how a series behaves. */
export type Level = "MUST" | "SHOULD" | "MAY" | "fact";

/** Capabilities a subject can have or honestly lack; a rule that needs a missing one is `absent`. */
export type Capability =
  | "dynamicExporter"
  | "attachHook"
  | "revoke"
  | "unrevoke"
  | "permanentRevoke"
  | "pin"
  | "move"
  | "peer2peer"
  // What an importer does, seen from its calls: it has the callback, pins, adds fences, locks with contexts, stops its device.
  | "importerCallback"
  | "importerPin"
  | "importerFence"
  | "importerContext"
  | "importerStop"
  | "regionExport"
  | "privateInterconnect"
  | "pfn"
  | "negotiation"
  | "vmaPeer"
  /** Hooks that begin and end CPU access. */
  | "cpuSync"
  | "mirror"
  | "faultPath"
  | "guests"
  | "vmap"
  | "mmap"
  | "syncFile";

/** Why a registry row has no working monitor, or that it has one. */
export type Status =
  | { readonly kind: "checked" }
  | { readonly kind: "sampled" }
  | { readonly kind: "kernelOnly" }
  | { readonly kind: "fact" }
  | { readonly kind: "untested"; readonly reason: string }
  | { readonly kind: "excluded"; readonly reason: string };

/** A rule checked by a monitor on every history. */
export const checked: Status = { kind: "checked" };
/** A row that records how a series behaves; nobody can violate it. */
export const fact: Status = { kind: "fact" };
/** A row no one can check this way, and why. */
export function untested(reason: string): Status {
  return { kind: "untested", reason };
}

/** A row that is no statement about a run, and why. */
export function excluded(reason: string): Status {
  return { kind: "excluded", reason };
}

/** A status in a few words, with its reason. */
export function printStatus(status: Status): string {
  switch (status.kind) {
    case "untested":
    case "excluded":
      return `${status.kind}: ${status.reason}`;
    case "kernelOnly":
      return "kernel-only";
    case "checked":
    case "sampled":
    case "fact":
      return status.kind;
  }
}

/** The words of a rule: everything but its monitor. */
export interface RuleText {
  /** Permanent id, the catalog's. */
  readonly id: string;
  readonly level: Level;
  readonly obliged: readonly Party[];
  /** Other parties whose fault shows here. */
  readonly provokedBy?: readonly Party[];
  /** One sentence a driver author can act on. */
  readonly statement: string;
  /** Why the rule exists: what goes wrong without it. */
  readonly intent: string;
  readonly sources: readonly Source[];
  /** First and last series in which the rule holds; absent: all. */
  readonly from?: Series;
  readonly until?: Series;
  readonly needs?: readonly Capability[];
  /** Capabilities of which one is enough. */
  readonly needsAny?: readonly Capability[];
  /** The duty exists only for subjects that do this; one of which it is never seen has nothing to answer for. */
  readonly onlyIf?: string;
  /** Temporal rows (T-nn of the catalog's Part V) that this rule implements. */
  readonly temporal?: readonly string[];
  /** What to look at when it fails, as questions. */
  readonly hints: readonly string[];
}
