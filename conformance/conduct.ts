import type { Capability } from "../contracts/rule-text.ts";
import type { HistoryEvent } from "../spec/event.ts";

/** Capabilities of an importer that only its conduct shows: it has no optional methods for them. */
export const conductCapabilities: readonly Capability[] = [
  "importerCallback",
  "importerPin",
  "importerFence",
  "importerContext",
  "importerStop",
];

/** What an event shows its importer to do: who it is and which capability. Null for all other events. */
export function conductOf(event: HistoryEvent): { readonly importer: string; readonly shows: Capability } | null {
  if (event.kind === "device" && event.change === "stop") return { importer: "", shows: "importerStop" };
  if (event.kind !== "call") return null;
  switch (event.op) {
    case "attach":
      return event.ops === "callback" ? { importer: event.importer, shows: "importerCallback" } : null;
    case "pin":
      return { importer: event.by, shows: "importerPin" };
    case "addFence":
      return { importer: event.by, shows: "importerFence" };
    case "acquireInit":
      return { importer: event.by, shows: "importerContext" };
    default:
      return null;
  }
}
