import type { BlockedEvent, CallEvent, RetEvent } from "../../spec/event.ts";
import type { AccessOperation } from "../../spec/state/observe/rows.ts";
import type { State } from "../../spec/state/state.ts";
import { changeUnderWay, mappedTables, Revokes } from "./access-change.ts";

/** The buffer whose unmaps a revoke waits for although nothing is mapped: its count of mappings is wrong. */
export function waitsForNobody(state: State, event: Pick<BlockedEvent, "task" | "wait">): string | undefined {
  if (event.wait.kind !== "unmapped") return undefined;
  const { buffer } = event.wait;
  const operation = changeUnderWay(state, event.task, buffer);
  if (operation === undefined || operation.op === "unrevoke") return undefined;
  if (mappedTables(state, buffer).length > 0) return undefined;
  for (const task of state.tasks.values())
    for (const frame of task.frames) {
      // A hook under way may be about to change the count.
      if (frame.kind !== "cb" || (frame.hook !== "map" && frame.hook !== "unmap")) continue;
      if (state.attachments.get(frame.attachment)?.buffer === buffer) return undefined;
    }
  return buffer;
}

/** What is known of an exporter's count of mappings, buffer by buffer. */
export class MappingCounts extends Revokes {
  /** Buffers for which map was asked since the last revoke returned. */
  readonly asked = new Set<string>();
  /** Buffers that a revoke with both waits is through with. */
  readonly drained = new Set<string>();

  /** Asks nothing of the count: keeps the books. */
  mapAsked(state: State, attachment: string): void {
    this.asked.add(state.attachments.get(attachment)?.buffer ?? "");
  }

  /** What a revoke returned too early for: the first table still out. */
  finish(state: State, event: RetEvent<AccessOperation>): readonly Finished[] {
    return this.end(event).map(({ buffer, mapped, message }) => {
      const now = mappedTables(state, buffer);
      const left = mapped.find(({ table }) => now.some((other) => other.table === table))?.attachment;
      const finished = { buffer, message, left, asked: this.asked.has(buffer), again: this.drained.has(buffer) };
      this.asked.delete(buffer);
      this.drained.add(buffer);
      return finished;
    });
  }
}

/** A revoke that has returned. */
export interface Finished {
  readonly buffer: string;
  readonly message: CallEvent<"invalidate">;
  /** An attachment whose mapping it did not wait for. */
  readonly left: string | undefined;
  /** Map was asked for since the revoke before. */
  readonly asked: boolean;
  /** There was a revoke before. */
  readonly again: boolean;
}
