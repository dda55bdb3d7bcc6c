import { errnoName } from "../../spec/errno.ts";
import type { CbRetEvent, RetEvent } from "../../spec/event.ts";
import type { State } from "../../spec/state/state.ts";
import type { Verdict } from "../monitor.ts";
import { bufferOf, hooksIn, type ExporterHook } from "../shared/lookup.ts";

type Mapped = RetEvent<"map" | "mapUnlocked">;
type Unmapped = RetEvent<"unmap" | "unmapUnlocked">;
type Hooks = readonly CbRetEvent<ExporterHook>[];

/** A static importer's attachment to a dynamic exporter: nobody tells it of moves. */
export function isStaticOnDynamic(state: State, attachment: string | null): boolean {
  return bufferOf(state, attachment)?.dynamic === true && state.attachments.get(attachment ?? "")?.ops === "static";
}

function isDynamicOnDynamic(state: State, attachment: string | null): boolean {
  return bufferOf(state, attachment)?.dynamic === true && state.attachments.get(attachment ?? "")?.ops !== "static";
}

/** Pins that the call made and kept. */
function netPins(hooks: Hooks): number {
  const made = hooks.filter((hook) => hook.hook === "pin" && hook.errno === 0).length;
  return made - hooks.filter((hook) => hook.hook === "unpin").length;
}

function failedMap(hooks: Hooks): CbRetEvent<ExporterHook> | undefined {
  return hooks.find((hook) => hook.hook === "map" && (hook.errno !== 0 || hook.table === null));
}

/** One pin, before the map hook; its error ends the call. */
function pinsOnce(event: Mapped | RetEvent<"attach">, hooks: Hooks, verdict: Verdict): void {
  const pin = hooks.find((hook) => hook.hook === "pin");
  const map = hooks.find((hook) => hook.hook === "map");
  if (pin === undefined && map === undefined) return;
  verdict.exercised();
  if (map !== undefined && (pin === undefined || pin.seq > map.seq || pin.errno !== 0))
    verdict.violated(`${event.op} runs the map hook for ${event.attachment ?? "?"} without having pinned`, pin, map);
  else if (pin !== undefined && pin.errno !== 0 && event.errno !== pin.errno)
    verdict.violated(`the pin hook answered ${errnoName(pin.errno)}, ${event.op} ${errnoName(event.errno)}`, pin);
  else if (event.errno === 0 && netPins(hooks) !== 1)
    verdict.violated(`${event.op} keeps ${netPins(hooks)} pins on ${event.attachment ?? "?"} instead of one`, pin, map);
}

/** Unmap, then unpin, once each. */
function unpinsOnce(event: Unmapped, hooks: Hooks, verdict: Verdict): void {
  verdict.exercised();
  const did = hooks.map((hook) => hook.hook).join(" ");
  if (did !== "unmap unpin")
    verdict.violated(`${event.op} of ${event.attachment ?? "?"} runs "${did}" instead of unmap and unpin`, ...hooks);
}

/** Neither pin nor unpin. */
function pinsNothing(event: Mapped | Unmapped | RetEvent<"attach">, hooks: Hooks, verdict: Verdict): void {
  verdict.exercised();
  const pin = hooks.find((hook) => hook.hook === "pin" || hook.hook === "unpin");
  if (pin !== undefined)
    verdict.violated(`${event.op} of ${event.attachment ?? "?"} runs the hook ${pin.hook}, which is not due here`, pin);
}

/** PIN-09 at map, PIN-10 at attach. */
export function pinsForStatic(event: Mapped | RetEvent<"attach">, state: State, verdict: Verdict): void {
  if (isStaticOnDynamic(state, event.attachment)) pinsOnce(event, hooksIn(state, event.task, event.call), verdict);
}

/** PIN-09 at unmap. */
export function unpinsForStatic(event: Unmapped, state: State, verdict: Verdict): void {
  if (isStaticOnDynamic(state, event.attachment)) unpinsOnce(event, hooksIn(state, event.task, event.call), verdict);
}

/** PIN-10 between attach and detach. */
export function leavesStaticPin(event: Mapped | Unmapped, state: State, verdict: Verdict): void {
  if (isStaticOnDynamic(state, event.attachment)) pinsNothing(event, hooksIn(state, event.task, event.call), verdict);
}

/** PIN-11. */
export function unpinsOnError(event: Mapped | RetEvent<"attach">, state: State, verdict: Verdict): void {
  const hooks = hooksIn(state, event.task, event.call);
  const pin = hooks.find((hook) => hook.hook === "pin");
  if (pin === undefined || (pin.errno === 0 && failedMap(hooks) === undefined)) return;
  verdict.exercised();
  const left = netPins(hooks);
  if (left > 0)
    verdict.violated(`${event.op} of ${event.attachment ?? "?"} fails and keeps its pin`, pin, failedMap(hooks));
  else if (left < 0)
    verdict.violated(`${event.op} of ${event.attachment ?? "?"} unpins what it had not pinned`, ...hooks);
  else if (event.errno === 0)
    verdict.violated(`${event.op} of ${event.attachment ?? "?"} reports success after a hook failed`, ...hooks);
}

/** PIN-12 at map and at attach. */
export function pinsForDynamic(event: Mapped | RetEvent<"attach">, state: State, verdict: Verdict): void {
  if (!isDynamicOnDynamic(state, event.attachment)) return;
  const hooks = hooksIn(state, event.task, event.call);
  if (event.op === "attach" || verdict.profile.moveNotify !== "off") pinsNothing(event, hooks, verdict);
  else pinsOnce(event, hooks, verdict);
}

/** PIN-12 at unmap. */
export function unpinsForDynamic(event: Unmapped, state: State, verdict: Verdict): void {
  if (!isDynamicOnDynamic(state, event.attachment)) return;
  const hooks = hooksIn(state, event.task, event.call);
  if (verdict.profile.moveNotify === "off") unpinsOnce(event, hooks, verdict);
  else pinsNothing(event, hooks, verdict);
}
