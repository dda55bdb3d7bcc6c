import { accessAllowed } from "../../spec/operations/classify/importers.ts";
import type { importerOperations } from "../../spec/operations/importer.ts";
import type { StepArgs } from "../../spec/operations/operations.ts";
import {
  heldLock,
  pickAttachment,
  pickBuffer,
  pickDirection,
  pickRow,
  type DrawContext,
  type Draws,
} from "./context.ts";

function liveMapping(context: DrawContext, resv?: string): string | null {
  const { state, random } = context;
  return pickRow(
    random,
    state.mappings,
    (row) =>
      row.live &&
      state.attachments.get(row.attachment)?.import === null &&
      (resv === undefined || state.buffers.get(row.buffer)?.resv === resv),
  );
}

function liveImport({ state, random }: DrawContext): string | null {
  return pickRow(random, state.imports, (row) => row.phase === "live");
}

/** A map; one to be refused names no attachment, or no direction. */
function drawMap(context: DrawContext, attachment: string | null): StepArgs<"map"> | null {
  const mapping = context.name("mapping");
  if (!context.refused) return attachment === null ? null : { attachment, direction: pickDirection(context), mapping };
  if (attachment !== null && context.random.chance(0.5)) return { attachment, direction: "none", mapping };
  return { attachment: null, direction: pickDirection(context), mapping };
}

function runningJob({ state, random }: DrawContext): { readonly job: string } | null {
  const job = pickRow(random, state.jobs, (row) => row.phase === "running");
  return job === null ? null : { job };
}

/** Draws for attach, pin, map, access and what importers' users ask for. */
export const importerDraws: Draws<keyof typeof importerOperations> = {
  attach: (context) => {
    const { random, setup, refused } = context;
    const scripted = setup.importers.filter((entry) => entry.kind === "scripted");
    if (scripted.length === 0) return null;
    const noDevice = refused && random.chance(0.5);
    const buffer = refused && !noDevice ? null : pickBuffer(context);
    if (buffer === null && !refused) return null;
    return { importer: random.pick(scripted).name, buffer, attachment: context.name("attachment"), noDevice };
  },
  detach: (context) => {
    const { random, misuse } = context;
    const attachment = misuse && random.chance(0.4) ? null : pickAttachment(context);
    if (attachment === null && !misuse) return null;
    const own = attachment === null ? null : context.state.attachments.get(attachment)!.buffer;
    return { attachment, buffer: misuse && attachment !== null ? random.pick([null, pickBuffer(context)]) : own };
  },
  pin: (context) => {
    const lock = heldLock(context);
    const attachment = lock === null ? null : pickAttachment(context, lock);
    return attachment === null ? null : { attachment };
  },
  unpin: (context) => {
    const lock = heldLock(context);
    if (lock === null) return null;
    const attachment = pickRow(
      context.random,
      context.state.attachments,
      (row) => row.pins > 0 && row.import === null && context.state.buffers.get(row.buffer)?.resv === lock,
    );
    return attachment === null ? null : { attachment };
  },
  map: (context) => {
    const lock = heldLock(context);
    return drawMap(context, lock === null ? null : pickAttachment(context, lock));
  },
  mapUnlocked: (context) => drawMap(context, pickAttachment(context)),
  unmap: (context) => {
    const lock = heldLock(context);
    const mapping = lock === null ? null : liveMapping(context, lock);
    return mapping === null ? null : { mapping, direction: context.state.mappings.get(mapping)!.direction };
  },
  unmapUnlocked: (context) => {
    const mapping = liveMapping(context);
    return mapping === null ? null : { mapping, direction: context.state.mappings.get(mapping)!.direction };
  },
  isRevocable: (context) => {
    const attachment = pickAttachment(context);
    return attachment === null ? null : { attachment };
  },
  access: (context) => {
    const mapping = liveMapping(context);
    if (mapping === null) return null;
    const row = context.state.mappings.get(mapping)!;
    const allowed = accessAllowed(context, row);
    if (allowed === "none") return null;
    if (allowed === "speculative") return { mapping, kind: "speculativeRead" };
    const kinds = row.direction === "toDevice" ? (["read", "speculativeRead"] as const) : (["write"] as const);
    if (row.direction === "bidirectional")
      return { mapping, kind: context.random.pick(["read", "write", "speculativeRead"] as const) };
    return { mapping, kind: context.random.pick(kinds) };
  },
  import: (context) => {
    const { random, setup } = context;
    const drivers = setup.importers.filter((entry) => entry.kind !== "scripted");
    const buffer = pickBuffer(context);
    if (drivers.length === 0 || buffer === null) return null;
    return {
      importer: random.pick(drivers).name,
      buffer,
      import: context.name("import"),
      direction: context.refused ? "none" : pickDirection(context),
    };
  },
  submit: (context) => {
    const { state, random } = context;
    const first = liveImport(context);
    if (first === null) return null;
    const { importer } = state.imports.get(first)!;
    const imports = [first];
    for (const [name, row] of state.imports)
      if (name !== first && row.phase === "live" && row.importer === importer && random.chance(0.5)) imports.push(name);
    const kind = random.pick(["read", "write", "write", "speculativeRead"] as const);
    return { importer, imports, kind, job: context.name("job") };
  },
  complete: runningJob,
  hang: runningJob,
  stop: (context) => {
    const imported = liveImport(context);
    return imported === null ? null : { import: imported };
  },
  release: (context) => {
    const imported = liveImport(context);
    return imported === null ? null : { import: imported };
  },
  interrupt: ({ random, tasks, task }) => {
    const others = tasks.filter((name) => name !== task);
    return others.length === 0 ? null : { target: random.pick(others) };
  },
};
