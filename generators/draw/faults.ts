import { guests } from "../../spec/calls/faults.ts";
import { mappingModels, type MappingModel } from "../../spec/roles/mapping-model.ts";
import type { faultOperations } from "../../spec/operations/fault.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import type { Random } from "../random.ts";
import { heldLock, pickAttachment, pickBuffer, pickRow, type DrawContext, type Draws } from "./context.ts";

function faultingImport({ state, random, setup }: DrawContext): string | null {
  return pickRow(random, state.imports, (row) => {
    const kind = setup.importers.find(({ name }) => name === row.importer)?.kind;
    return row.phase === "live" && (kind === "faulting" || kind === "subject");
  });
}

function pagesOf({ state }: DrawContext, buffer: string): number {
  return Math.min(8, Math.ceil((state.buffers.get(buffer)?.size ?? 1) / pageSize));
}

function liveSlot({ state, random }: DrawContext): string | null {
  return pickRow(random, state.slots, (row) => row.phase === "live");
}

/** What somebody may accept: one model, a level and all above, or any set. */
function drawAccepted(random: Random): readonly MappingModel[] {
  if (random.chance(0.3)) return [random.pick(mappingModels)];
  const accepted = mappingModels.filter(() => random.chance(0.5));
  return random.chance(0.5) ? accepted : accepted.toReversed();
}

function deviceBuffer(context: DrawContext): string | null {
  const { state, random } = context;
  const inDevice = pickRow(
    random,
    state.buffers,
    (row) => !row.released && row.programRefs > 0 && state.resources.get(row.storage ?? "")?.placement === "device",
  );
  return inDevice ?? pickBuffer(context);
}

/** Draws for faults, slots, physical lists and negotiations. */
export const faultDraws: Draws<keyof typeof faultOperations> = {
  fault: (context) => {
    const imported = faultingImport(context);
    if (imported === null) return null;
    const { buffer } = context.state.imports.get(imported)!;
    return {
      import: imported,
      page: context.random.below(pagesOf(context, buffer)),
      write: context.random.chance(0.4),
    };
  },
  prefetch: (context) => {
    const imported = faultingImport(context);
    if (imported === null) return null;
    const { buffer } = context.state.imports.get(imported)!;
    const pages = pagesOf(context, buffer);
    const start = context.random.below(pages);
    return { import: imported, start, pages: context.random.between(1, pages + 1), write: context.random.chance(0.3) };
  },
  bindSlot: (context) => {
    const { random, setup, state, refused } = context;
    const drivers = setup.importers.filter(({ kind }) => kind === "guest" || kind === "subject");
    const buffer = deviceBuffer(context);
    if (drivers.length === 0 || buffer === null) return null;
    const { size } = state.buffers.get(buffer)!;
    const offset = random.pick([0, 0, 0, pageSize]);
    const most = Math.max(1, size - offset);
    const length = refused ? size - offset + random.pick([1, pageSize]) : random.pick([most, Math.min(most, pageSize)]);
    if (length < 1) return null;
    const owner = random.pick(guests);
    return { importer: random.pick(drivers).name, buffer, slot: context.name("slot"), offset, length, owner };
  },
  unbindSlot: (context) => {
    const slot = liveSlot(context);
    return slot === null ? null : { slot };
  },
  guestAccess: (context) => {
    const { state, random } = context;
    const slot = liveSlot(context);
    if (slot === null) return null;
    const { length, buffer, owner } = state.slots.get(slot)!;
    const right = state.rights.get(buffer)?.owner ?? null;
    const page = random.below(Math.min(8, Math.ceil(length / pageSize)));
    const isPrivate = random.chance(0.2) ? owner === "g1" : right !== null;
    return { slot, page, write: random.chance(0.5), private: isPrivate };
  },
  makePrivate: (context) => {
    const buffer = deviceBuffer(context);
    return buffer === null ? null : { buffer, owner: context.random.pick(guests) };
  },
  restrict: (context) => {
    const buffer = deviceBuffer(context);
    return buffer === null ? null : { buffer, write: context.random.chance(0.5) };
  },
  negotiate: (context) => {
    const { random, setup, refused } = context;
    const able = setup.importers.filter(
      ({ kind, ops, onInvalidate }) => kind === "scripted" && ops === "callback" && onInvalidate === "unmap",
    );
    const buffer = random.chance(0.5) ? deviceBuffer(context) : pickBuffer(context);
    if (able.length === 0 || buffer === null) return null;
    const accept = refused ? [] : drawAccepted(random);
    return { importer: random.pick(able).name, buffer, attachment: context.name("attachment"), accept };
  },
  mapPhysical: (context) => {
    const lock = heldLock(context);
    const attachment = lock === null ? null : pickAttachment(context, lock);
    return attachment === null ? null : { attachment };
  },
  unmapPhysical: (context) => {
    const { state, random } = context;
    const lock = heldLock(context);
    const attachment = pickRow(random, state.physicalLists, (_row, name) => {
      const row = state.attachments.get(name);
      return row?.import === null && state.buffers.get(row.buffer)?.resv === lock;
    });
    return attachment === null ? null : { attachment };
  },
};
