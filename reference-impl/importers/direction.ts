import type { AccessKind } from "../../spec/roles/env.ts";
import type { Direction } from "../../spec/roles/handles.ts";

/** Whether a mapping made with `direction` may be used for an access of this kind. */
export function allows(direction: Direction, kind: AccessKind): boolean {
  switch (direction) {
    case "bidirectional":
      return true;
    case "toDevice":
      return kind !== "write";
    case "fromDevice":
      return kind === "write";
    case "none":
      return false;
  }
}
