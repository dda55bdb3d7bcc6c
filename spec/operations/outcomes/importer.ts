import { EBUSY, EINVAL, EIO, ENODEV, ENOMEM, EOPNOTSUPP, ERESTARTSYS } from "../../errno.ts";
import type { CallName } from "../../calls.ts";
import type { CallEvent, CbRetEvent } from "../../event.ts";
import type { AccessKind } from "../../roles/env.ts";
import type { Direction } from "../../roles/handles.ts";
import { frameOf } from "../../state/state.ts";
import type { importerOperations } from "../importer.ts";
import { done, handedOn, isInterrupted, only, type Outcome, type OutcomeContext } from "./context.ts";

const succeeds: Outcome = { errno: 0, when: "nothing speaks against it" };

/** The exporter's error that ends an attach, a pin or a map: it is handed on unchanged. */
function hookError({ inside }: OutcomeContext): readonly Outcome[] | null {
  const failed = inside.hooks.find(isRefusal);
  if (failed === undefined) return null;
  if (failed.errno === 0) return only(ENOMEM, "the exporter's map gave neither a table nor an error");
  return only(failed.errno, `the exporter's ${failed.hook} answered so`);
}

function isRefusal(hook: CbRetEvent): boolean {
  switch (hook.hook) {
    case "attach":
    case "pin":
      return hook.errno !== 0;
    case "map":
      return hook.errno !== 0 || hook.table === null;
    default:
      return false;
  }
}

/** Who knows nothing of fences waits for the memory to be ready, until a signal comes. */
function restart(context: OutcomeContext, call: CallEvent): readonly Outcome[] {
  return isInterrupted(context, call.task) ? only(ERESTARTSYS, "the wait for the memory was interrupted") : [];
}

function attachOutcomes(context: OutcomeContext, call: CallEvent<"attach">): readonly Outcome[] {
  if (call.buffer === null || call.device === null) return only(EINVAL, "buffer or device is missing");
  if (call.ops === "noCallback" && !context.profile.callbackOptional) return only(EINVAL, "the callback is missing");
  const refused = hookError(context);
  if (refused !== null) return refused;
  return [succeeds, ...(context.profile.cachesAtAttach ? restart(context, call) : [])];
}

function mapOutcomes(context: OutcomeContext, call: CallEvent<"map" | "mapUnlocked">): readonly Outcome[] {
  if (call.attachment === null) return only(EINVAL, "no attachment is named");
  if (context.state.agreements.get(call.attachment)?.model === "physical")
    return only(EINVAL, "a physical list was agreed on");
  const refused = hookError(context);
  if (refused !== null) return refused;
  const legal: Outcome[] = [succeeds];
  const row = context.state.attachments.get(call.attachment);
  if (row?.ops === "static") legal.push(...restart(context, call));
  const cached = context.profile.cacheSgtMapping && !context.inside.hooks.some(({ hook }) => hook === "map");
  if (cached && row?.hookMaps.some(({ direction }) => direction !== "bidirectional" && direction !== call.direction))
    return [{ errno: EBUSY, when: "the table that the core keeps is of another direction" }];
  return legal;
}

function importOutcomes(context: OutcomeContext, call: CallEvent<"import">): readonly Outcome[] {
  const useless: Outcome = { errno: EOPNOTSUPP, when: "an importer may have no use for DMA" };
  if (call.direction === "none")
    return [{ errno: EINVAL, when: "no direction is named" }, useless, ...handedOn(context)];
  const legal: Outcome[] = [succeeds, useless];
  // Whoever has begun to attach knows the buffer.
  if (context.inside.hooks.length === 0)
    legal.push({ errno: EINVAL, when: "an importer may want another size or direction" });
  legal.push({ errno: ENOMEM, when: "an importer has a limit on what its users pin" });
  return [...legal, ...handedOn(context)];
}

function permits(direction: Direction | undefined, kind: AccessKind): boolean {
  switch (direction) {
    case "toDevice":
      return kind !== "write";
    case "fromDevice":
      return kind === "write";
    case "none":
      return false;
    case "bidirectional":
    case undefined:
      return true;
  }
}

/** The import is over, its device was stopped, or its memory was taken away. */
function hasEnded({ state }: OutcomeContext, name: string): boolean {
  const row = state.imports.get(name);
  if (row === undefined || row.phase !== "live") return true;
  for (const task of state.tasks.values())
    if (frameOf(task, "release")?.import === name || frameOf(task, "stop")?.import === name) return true;
  if (state.buffers.get(row.buffer)?.access !== "accessible") return true;
  return row.attachment !== null && state.attachments.get(row.attachment)?.stopped === true;
}

function submitOutcomes(context: OutcomeContext, call: CallEvent<"submit">): readonly Outcome[] {
  const legal: Outcome[] = [];
  const wrong = call.uses.some((use) => !permits(context.directions.get(use.import), use.kind));
  if (wrong) legal.push({ errno: EINVAL, when: "the direction does not allow the access" });
  else legal.push(succeeds);
  if (call.uses.some((use) => hasEnded(context, use.import)))
    for (const errno of [ENODEV, EINVAL, EIO]) legal.push({ errno, when: "an import has ended or lost its memory" });
  if (context.inside.faulted) legal.push({ errno: EIO, when: "the device was answered with a fault" });
  if (context.inside.invalidated)
    legal.push({ errno: EBUSY, when: "mappings become invalid as soon as they are made" });
  if (context.inside.failed.length > 0)
    legal.push({ errno: EINVAL, when: "something that it called failed, and it does not say how" });
  legal.push({ errno: EOPNOTSUPP, when: "the importer has no such operation" });
  return [...legal, ...handedOn(context)];
}

/** Legal answers of the importer side. `access`, `complete` and `hang` are no calls. */
export function importerOutcomes(
  context: OutcomeContext,
  call: CallEvent<CallName & keyof typeof importerOperations>,
): readonly Outcome[] {
  switch (call.op) {
    case "attach":
      return attachOutcomes(context, call);
    case "pin":
      return hookError(context) ?? [succeeds];
    case "map":
    case "mapUnlocked":
      return mapOutcomes(context, call);
    case "detach":
    case "unpin":
    case "unmap":
    case "unmapUnlocked":
    case "isRevocable":
    case "interrupt":
      return done;
    case "import":
      return importOutcomes(context, call);
    case "submit":
      return submitOutcomes(context, call);
    case "complete":
    case "release":
      return done;
    case "stop":
      return [succeeds, { errno: EOPNOTSUPP, when: "the importer has no such operation" }, ...handedOn(context)];
  }
}
