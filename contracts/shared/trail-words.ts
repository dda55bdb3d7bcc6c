import type { TrailEvent } from "../../spec/state/state.ts";

/** One word a thing that a call did itself: hooks by name, `list` and `unlist`, `lock` and `unlock` of reservation objects. */
export function trailWords(trail: readonly TrailEvent[]): string {
  return trail.flatMap((event) => word(event) ?? []).join(" ");
}

function word(event: TrailEvent): string | undefined {
  switch (event.kind) {
    case "cbret":
      return "attachment" in event ? event.hook : undefined;
    case "list":
      return event.listed ? "list" : "unlist";
    case "lock":
      return event.lockClass === "reservation" && event.errno === 0 ? "lock" : undefined;
    case "unlock":
      return event.lockClass === "reservation" ? "unlock" : undefined;
    case "warn":
      return undefined;
  }
}
