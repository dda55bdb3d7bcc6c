import { refer, type StepField } from "../../spec/operations/define.ts";
import type { OwnOperation } from "./own.ts";

/**
 * A ready-made operation for contracts whose programs wait for what exporters queue: the exporter's device finishes its
 * oldest work, as a copy. Without it such work ends with the program.
 */
export function exporterWork<S, E, I, P>(): OwnOperation<
  S,
  E,
  I,
  P,
  { readonly exporter: StepField<string> },
  Record<never, never>
> {
  return {
    summary: "The exporter's device finishes the oldest work it has queued.",
    fields: { exporter: refer("exporter") },
    lock: "any",
    weight: 6,
    enabled: (_own, { exporter }, { state }) => {
      for (const fence of state.fences.values()) if (fence.by === exporter && !fence.signaled) return true;
      return false;
    },
    run: (actor, { exporter }) => void actor.finishJob(exporter),
    print: (of) => `the device of ${of.exporter} finishes its work`,
  };
}
