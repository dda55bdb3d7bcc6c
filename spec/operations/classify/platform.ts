import { traitsOf } from "../../platform.ts";
import { since } from "../../profile.ts";
import type { Step } from "../../program.ts";
import { pageSize } from "../../roles/handles.ts";
import type { State } from "../../state/state.ts";
import type { platformOperations } from "../platform.ts";
import { isSignalling, type ClassifyContext, type StepClass } from "./context.ts";

type PlatformStep = Step<keyof typeof platformOperations>;

/** What the program has mapped itself, by the name it gave it. */
export function ownEntry(state: State, name: string) {
  for (const row of state.dmaEntries.values()) if (row.object === name && row.by === "program") return row;
  return undefined;
}

/** Whether somebody else works with the device: an exporter on it, or an attachment for it. */
function isBusy({ state, setup, inFlight }: ClassifyContext, device: string): boolean {
  if (setup.exporters.some((entry) => entry.device === device)) return true;
  if (inFlight.length > 0) return true;
  for (const row of state.attachments.values())
    if (row.device === device && row.phase !== "failed" && row.phase !== "detached") return true;
  for (const row of state.dmaEntries.values()) if (row.device === device) return true;
  return false;
}

function traitsIn({ setup }: ClassifyContext, name: string) {
  const device = setup.devices.find((entry) => entry.name === name);
  return device === undefined ? undefined : traitsOf(device);
}

function classifyMap(context: ClassifyContext, step: Step<"dmaMap">): StepClass {
  const { attributes, owner, pieces, device } = step;
  if (ownEntry(context.state, step.entry) !== undefined || isSignalling(context, step.task)) return "undefined";
  const has = (name: (typeof attributes)[number]) => attributes.includes(name);
  if (!since(context.profile.series, "K7.1") && (has("requireCoherent") || has("ccShared"))) return "undefined";
  // A single mapping of a BAR has the mark, nothing else has it: the list tells each piece by itself.
  if (has("mmio") !== (owner !== null && pieces === 1)) return "undefined";
  // Only what is shared has the mark of it, and no page of a BAR is.
  if (has("ccShared") && owner !== null && pieces > 1) return "undefined";
  const traits = traitsIn(context, device);
  if (owner !== null && traitsIn(context, owner)?.bar !== "memory") return "undefined";
  return traits === undefined || step.pages * pieces * pageSize > 2 ** 22 ? "undefined" : "enabled";
}

/** Peer-to-peer memory and the DMA API. Nothing of it blocks or takes locks. */
export function classifyPlatformStep(context: ClassifyContext, step: PlatformStep): StepClass {
  switch (step.op) {
    case "providerInit":
      // An exporter does so itself.
      return context.setup.exporters.some((entry) => entry.device === step.device) ? "undefined" : "enabled";
    case "providerFor":
    case "mapType":
    case "distance":
      return "enabled";
    case "pageLookup":
      return isSignalling(context, step.task) ? "undefined" : "enabled";
    case "providerGone":
      // Under an exporter its memory would go away with it.
      return context.setup.exporters.some((entry) => entry.device === step.device) ? "undefined" : "enabled";
    case "dmaMap":
      return classifyMap(context, step);
    case "dmaUnmap":
      return ownEntry(context.state, step.entry) === undefined ? "undefined" : "enabled";
    case "dmaSync": {
      const row = ownEntry(context.state, step.entry);
      return row === undefined || row.list || row.attributes.includes("mmio") ? "undefined" : "enabled";
    }
    case "setMask":
      return isBusy(context, step.device) ? "undefined" : "enabled";
  }
}
