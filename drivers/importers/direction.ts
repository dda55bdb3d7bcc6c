import type { AccessKind } from "../../spec/roles/env.ts";
import type { Direction } from "../../spec/roles/handles.ts";

/** Whether a device whose mapping has this direction is given the right to access in this way. */
export function allowsAccess(direction: Direction, kind: AccessKind): boolean {
  if (direction === "none") return false;
  return direction === "bidirectional" || (kind === "write") === (direction === "fromDevice");
}
