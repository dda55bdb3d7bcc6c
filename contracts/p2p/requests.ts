import type { AccessEvent } from "../../spec/event.ts";
import { deviceOf } from "../../spec/platform.ts";
import type { Situation } from "../../spec/situation.ts";
import type { State } from "../../spec/state/state.ts";
import { isDeviceMemory } from "../shared/platform.ts";
import { isBehindSwitch } from "./topology.ts";

/** Devices with ATS that use memory of all kinds. */
export const requests: Situation = {
  weights: { import: 6, submit: 10, complete: 8, export: 4, move: 3 },
  exporters: ["subject", "dynamic", "static"],
  importers: ["subject", "static", "pinned", "pinnedRevocable", "pageTable"],
  platform: ["ats", "direct"],
  buffers: 2,
};

/** A device's use of memory where its driver chose the kind of request. */
export function useOf(
  event: AccessEvent,
  state: State,
): { readonly device: string; readonly peer: boolean } | undefined {
  const device = state.attachments.get(event.attachment)?.device;
  if (event.request === undefined || event.answer !== "ok" || device === undefined) return undefined;
  return { device, peer: isDeviceMemory(state, event.storage) };
}

/** Whether it makes a difference which requests a device sends to a peer: it has ATS, an IOMMU, and a switch above it. */
export function mattersFor(state: State, device: string): boolean {
  const { ats, iommu } = deviceOf(state.platform, device);
  return ats && iommu === "translated" && isBehindSwitch(state, device);
}
