import type { State } from "../state/state.ts";
import type { Names } from "./names.ts";
import type { Scratch } from "./scope.ts";

/** Where a scope keeps who is attached, with how many pins, and which attachment each mapping is of. */
interface MappingSlots {
  readonly attached: number;
  readonly pinned: number;
  /** 0: it is nobody's; else the importer plus one. */
  readonly of: number;
  readonly stale: number;
}

/** Writes what the full state shows of attachments and their live mappings. */
export function projectMappings(
  state: State,
  names: Names,
  s: Scratch,
  slots: MappingSlots,
  counts: { readonly importer: number; readonly mapping: number },
): void {
  for (let i = 0; i < counts.importer; i += 1) {
    const name = names.find("attachment", i) ?? "";
    const row = state.attachments.get(name);
    if (row?.phase !== "attached") continue;
    s[slots.attached + i] = 1;
    s[slots.pinned + i] = row.pins;
    for (let m = 0; m < counts.mapping; m += 1) {
      const mapping = state.mappings.get(names.find("mapping", m) ?? "");
      if (mapping?.live !== true || mapping.attachment !== name) continue;
      s[slots.of + m] = i + 1;
      s[slots.stale + m] = mapping.stale ? 1 : 0;
    }
  }
}
