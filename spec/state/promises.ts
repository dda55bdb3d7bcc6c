import { modelPromises } from "../roles/mapping-model.ts";
import { frameOf, type State } from "./state.ts";

/** Whether somebody attached was promised that a buffer stays in its place, or is being promised it now. */
export function promisesRest(state: State, buffer: string): boolean {
  for (const [name, { model }] of state.agreements) {
    const attachment = state.attachments.get(name);
    if (attachment?.buffer !== buffer || attachment.phase === "detached") continue;
    if (modelPromises[model].stability !== "L3") return true;
  }
  for (const task of state.tasks.values()) if (frameOf(task, "negotiate")?.buffer === buffer) return true;
  return false;
}
