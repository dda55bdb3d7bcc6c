import type { HoldPoint } from "../../spec/scopes/scope.ts";
import type { Instance } from "./instances.ts";
import type { Script } from "./script.ts";

/** Tasks that transitions of a scope hold at a point of the implementation, and let go on: half of a chooser. */
export class Holds {
  private readonly points = new Map<string, HoldPoint>();
  private release: { readonly after: string; readonly task: string } | null = null;

  /** A transition begins, whose steps the script has just written. */
  begin({ operation: { holds, releases }, a, b, c }: Instance, { names, steps }: Script): void {
    const last = steps.at(-1);
    this.release = null;
    if (last === undefined) return;
    if (holds !== undefined) this.points.set(last.id, holds);
    if (releases !== undefined) this.release = { after: last.task, task: releases(names, a, b, c) };
  }

  /** Whether a step is held somewhere. */
  counts(step: string): boolean {
    return this.points.has(step);
  }

  /** As a chooser answers it: for good, until `goesOn` says otherwise. */
  pause(step: string, site: string, nth: number): number | null {
    const point = this.points.get(step);
    return point?.site === site && point.nth === nth ? Number.POSITIVE_INFINITY : null;
  }

  /** Who goes on as a step of `task` has ended. */
  goesOn(task: string): string | null {
    const { release } = this;
    if (release?.after !== task) return null;
    this.release = null;
    return release.task;
  }
}
