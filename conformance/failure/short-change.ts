import { match, P } from "ts-pattern";
import type { StateChange } from "../../spec/state/codec.ts";

/** A change of the state in two or three words, for a narrow column; null where a reader does not follow it. */
export function shortChange(change: StateChange): string | null {
  const { row, to } = change;
  return match(change)
    .with({ table: "buffers", field: "access" }, { table: "attachments", field: "phase" }, () => `${row} ${String(to)}`)
    .with({ table: "buffers", field: "refs" }, () => `${row} refs ${String(to)}`)
    .with({ table: "buffers", field: "released", to: true }, () => `${row} released`)
    .with({ table: "buffers", field: "epoch" }, () => `${row} moved`)
    .with({ table: "attachments", field: "pins" }, () => `${row} pins ${String(to)}`)
    .with({ table: "mappings", field: null, from: undefined }, () => `${row} live`)
    .with({ table: "mappings", field: "live", to: false }, () => `${row} unmapped`)
    .with({ table: "mappings", field: "stale", to: true }, () => `${row} stale`)
    .with({ table: "fences", field: "signaled", to: true }, () => `${row} signaled`)
    .with({ table: "reservations", field: "owner", to: null }, () => `${row} free`)
    .with({ table: "reservations", field: "owner", to: P.string }, () => `${row} held`)
    .otherwise(() => null);
}
