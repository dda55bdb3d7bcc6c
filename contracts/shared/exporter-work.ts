import type { CallEvent, DeviceEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import { isMadeBy, isOver } from "./fences.ts";

/** The buffer that whoever runs in a task works on: that of the innermost frame that names one, or an attachment to one. */
export function bufferAtWork(state: State, task: string): string | undefined {
  const frames = state.tasks.get(task)?.frames ?? [];
  for (let index = frames.length - 1; index >= 0; index -= 1) {
    const frame = frames[index]!;
    if ("attachment" in frame && frame.attachment !== null) {
      const row = state.attachments.get(frame.attachment);
      if (row !== undefined) return row.buffer;
    }
    if ("buffer" in frame && frame.buffer !== null) return frame.buffer;
  }
  return undefined;
}

/** Jobs of exporters' devices that have begun and not ended, with the buffer they work on. */
export class Work {
  private readonly jobs = new Map<string, { readonly begun: DeviceEvent; readonly buffer: string }>();
  private readonly published = new Map<string, string>();

  note(event: DeviceEvent, state: State): void {
    if (event.job === null) return;
    if (event.change === "jobEnd") this.jobs.delete(event.job);
    const buffer = event.change === "jobStart" && event.exporter !== null ? bufferAtWork(state, event.task) : undefined;
    if (buffer !== undefined) this.jobs.set(event.job, { begun: event, buffer });
  }

  /** Those on one buffer, by the events they began with. */
  on(buffer: string): readonly DeviceEvent[] {
    return [...this.jobs.values()].flatMap((job) => (job.buffer === buffer ? [job.begun] : []));
  }

  /** Notes a fence that an exporter adds with KERNEL usage for work on a buffer. */
  notePublished(event: CallEvent<"addFence">, state: State): void {
    const buffer = event.usage === "kernel" ? bufferAtWork(state, event.task) : undefined;
    if (buffer !== undefined && isMadeBy(state, event.fence, state.buffers.get(buffer)?.exporter ?? ""))
      this.published.set(event.fence, buffer);
  }

  hasPublished(buffer: string): boolean {
    return [...this.published.values()].includes(buffer);
  }

  /** Fences published for work on a buffer that have not signaled, even where somebody else dropped them since. */
  pending(buffer: string, state: State): readonly string[] {
    return [...this.published].flatMap(([fence, of]) => (of === buffer && !isOver(state, fence) ? [fence] : []));
  }
}
