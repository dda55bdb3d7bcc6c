import type { State } from "../../spec/state/state.ts";

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
