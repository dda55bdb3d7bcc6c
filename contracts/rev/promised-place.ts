import type { CbEvent, RetEvent } from "../../spec/event.ts";
import { accessFrame, givesBack } from "../../spec/state/observe/rows.ts";
import { frameOf, type State } from "../../spec/state/state.ts";
import type { Verdict } from "../monitor.ts";

/** REV-36: where the memory of attachments is to stay until they are told of the one revoke, or go by themselves. */
export class PromisedPlaces {
  /** Epochs, by attachment. */
  private readonly places = new Map<string, number>();
  /** Attachments that slipped in beside a revoke and were not told of it: the promise holds from the end of that one. */
  private readonly early = new Set<string>();

  agreed({ errno, model, attachment, buffer: name }: RetEvent<"negotiate">, state: State): void {
    const buffer = state.buffers.get(name);
    if (errno !== 0 || model !== "revocable" || buffer === undefined) return;
    if (buffer.access === "accessible") this.places.set(attachment, buffer.epoch);
    else this.early.add(attachment);
  }

  /** The memory is about to change: where it is now is where it was to stay. */
  changes(name: string, state: State): void {
    const buffer = state.buffers.get(name);
    if (buffer?.access !== "accessible") return;
    for (const attachment of this.early)
      if (state.attachments.get(attachment)?.buffer === name) {
        this.early.delete(attachment);
        this.places.set(attachment, buffer.epoch);
      }
  }

  told(event: CbEvent<"invalidate">, state: State, verdict: Verdict): void {
    const task = state.tasks.get(event.task);
    // One for a mere move ends nothing: the memory was to stay.
    if (frameOf(task, "move") !== undefined || frameOf(task, "evict") !== undefined) return;
    this.ends(event.attachment, state, verdict);
    const name = state.attachments.get(event.attachment)?.buffer ?? "";
    const buffer = state.buffers.get(name);
    const change = buffer === undefined ? undefined : accessFrame(task, buffer, name);
    if (change === undefined || change.op === "reset" || !givesBack(change)) this.early.delete(event.attachment);
  }

  goes(attachment: string, state: State, verdict: Verdict): void {
    this.early.delete(attachment);
    this.ends(attachment, state, verdict);
  }

  private ends(attachment: string, state: State, verdict: Verdict): void {
    const [place, name] = [this.places.get(attachment), state.attachments.get(attachment)?.buffer ?? ""];
    const buffer = state.buffers.get(name);
    if (place === undefined || buffer === undefined) return;
    this.places.delete(attachment);
    verdict.exercised();
    if (buffer.epoch !== place)
      verdict.violated(
        `${name} was to stay where it is until ${attachment} is told of a revoke, and has another place`,
        verdict.since("buffers", name, "epoch"),
        verdict.since("agreements", attachment, "model"),
      );
  }
}
