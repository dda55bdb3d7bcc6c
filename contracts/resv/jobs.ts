import type { CallEvent, CbEvent } from "../../spec/event.ts";
import { covers, type Usage } from "../../spec/roles/handles.ts";
import { frameOf, type State } from "../../spec/state/state.ts";
import { waitsItself } from "../shared/fences.ts";
import { dueFences } from "./lists.ts";

/** The submit in which an importer makes a call of its own. */
export function submitOf(
  state: State,
  event: { readonly task: string; readonly by: string },
): CallEvent<"submit"> | undefined {
  const submit = frameOf(state.tasks.get(event.task), "submit");
  return submit?.importer === event.by ? submit : undefined;
}

/** The innermost invalidate callback to this importer that the task runs. */
export function callbackOf(
  state: State,
  event: { readonly task: string; readonly by: string },
): CbEvent<"invalidate"> | undefined {
  const frame = state.tasks
    .get(event.task)
    ?.frames.findLast((open) => open.kind === "cb" && open.hook === "invalidate" && open.to === event.by);
  return frame as CbEvent<"invalidate"> | undefined;
}

/** The reservation object behind an import. */
function resvOf(state: State, imported: string): string | undefined {
  return state.buffers.get(state.imports.get(imported)?.buffer ?? "")?.resv;
}

/** The reservation objects of a job, and whether something behind each is written. */
export function objectsOf(state: State, submit: CallEvent<"submit">): ReadonlyMap<string, boolean> {
  const objects = new Map<string, boolean>();
  for (const use of submit.uses) {
    const resv = resvOf(state, use.import);
    if (resv !== undefined) objects.set(resv, use.kind === "write" || objects.get(resv) === true);
  }
  return objects;
}

/** What jobs have to wait for before they touch memory: by job, fences that were there when it was published. */
export class Dependencies {
  /** Jobs that met unsignaled fences of the kind at all. */
  private readonly met = new Set<string>();
  private readonly due = new Map<string, Set<string>>();

  /** The job's importer has taken a lock: something here is in its way or not. */
  locked(state: State, job: string, resv: string, level: Usage): void {
    if (dueFences(state, resv, level).length > 0) this.met.add(job);
  }

  /** The job's fence goes into an object. Whether there was something to wait for at any time so far. */
  published(state: State, job: string, resv: string, level: Usage): boolean {
    const due = this.due.get(job) ?? new Set();
    this.due.set(job, due);
    const own = state.jobs.get(job)?.fences ?? [];
    // Where an owner waits its own way, its word is all that an importer has.
    for (const name of dueFences(state, resv, level))
      if (!own.includes(name) && !waitsItself(state, name)) due.add(name);
    return due.size > 0 || this.met.has(job);
  }

  /** A fence that the job had to wait for and that has not signaled. */
  unmet(state: State, job: string): string | undefined {
    return [...(this.due.get(job) ?? [])].find((name) => state.fences.get(name)?.signaled === false);
  }
}

/** The level at which a job has to look for fences under implicit sync, from the usage it is published with. */
export function implicitLevel(usage: Usage): Usage | null {
  if (usage === "write") return "read";
  return usage === "read" ? "write" : null;
}

/** Whether a fence stored like this takes part in implicit sync. */
export function isImplicit(usage: Usage): boolean {
  return covers("read", usage) && usage !== "kernel";
}
