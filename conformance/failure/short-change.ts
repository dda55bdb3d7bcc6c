import type { StateChange } from "../../spec/state/codec.ts";

/** A change of the state in two or three words, for a narrow column; null where a reader does not follow it. */
export function shortChange({ table, row, field, from, to }: StateChange): string | null {
  switch (table) {
    case "buffers":
      if (field === "access") return `${row} ${String(to)}`;
      if (field === "refs") return `${row} refs ${String(to)}`;
      if (field === "released" && to === true) return `${row} released`;
      if (field === "epoch") return `${row} moved`;
      return null;
    case "attachments":
      if (field === "phase") return `${row} ${String(to)}`;
      if (field === "pins") return `${row} pins ${String(to)}`;
      return null;
    case "mappings":
      if (field === null && from === undefined) return `${row} live`;
      if (field === "live" && to === false) return `${row} unmapped`;
      if (field === "stale" && to === true) return `${row} stale`;
      return null;
    case "fences":
      return field === "signaled" && to === true ? `${row} signaled` : null;
    case "reservations":
      if (field !== "owner") return null;
      return to === null ? `${row} free` : `${row} held`;
    default:
      return null;
  }
}
