import type { Step } from "../../spec/program.ts";
import type { Names } from "../../spec/scopes/names.ts";
import type { HoldPoint } from "../../spec/scopes/scope.ts";
import type { Instance } from "./instances.ts";

/** Tasks that transitions of a scope hold at a point of the implementation, and let go on: half of a chooser. */
export class Holds {
  private readonly points = new Map<string, HoldPoint>();
  private release: { readonly after: string; readonly task: string } | null = null;

  /** A transition begins, with the steps that were just written of it. */
  begin({ operation: { holds, releases }, a, b, c }: Instance, steps: readonly Step[], names: Names): void {
    const [first, last] = [steps[0], steps.at(-1)];
    this.release = null;
    if (first === undefined || last === undefined) return;
    if (holds !== undefined) this.points.set(last.id, holds);
    if (releases !== undefined) this.release = { after: first.task, task: releases(names, a, b, c) };
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
