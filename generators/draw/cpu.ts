import type { cpuOperations } from "../../spec/operations/cpu.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import { bracketCovers } from "../../spec/state/observe/cpu.ts";
import type { BufferState, ViewState } from "../../spec/state/state.ts";
import { heldLock, pickBuffer, pickRow, type DrawContext, type Draws } from "./context.ts";

function pickView(context: DrawContext, passes: (view: ViewState) => boolean): string | null {
  return pickRow(context.random, context.state.views, (view) => view.live && view.by === "program" && passes(view));
}

function pickBracketed(context: DrawContext): string | null {
  return pickRow(
    context.random,
    context.state.buffers,
    (row) => !row.released && row.brackets.some(({ by }) => by === "program"),
  );
}

function ownBracket(context: DrawContext, buffer: BufferState) {
  return context.random.pick(buffer.brackets.filter(({ by }) => by === "program"));
}

const directions = ["bidirectional", "fromDevice", "toDevice", "fromDevice", "toDevice", "none"] as const;

/** A buffer to open a bracket on: mostly one that somebody can look at. */
function pickForBracket(context: DrawContext): string | null {
  const view = context.random.chance(0.6) ? pickView(context, () => true) : null;
  return view === null ? pickBuffer(context) : context.state.views.get(view)!.buffer;
}

function drawMmap(context: DrawContext, largest: number) {
  const buffer = pickBuffer(context);
  if (buffer === null) return null;
  const { random, refused } = context;
  const whole = Math.floor(context.state.buffers.get(buffer)!.size / pageSize);
  const view = context.name("view");
  const shared = !random.chance(0.15);
  if (!refused) {
    if (whole === 0) return null;
    const offset = random.chance(0.5) ? 0 : random.between(0, Math.min(whole, 64) - 1);
    const pages = random.chance(0.5) ? whole - offset : random.between(1, Math.min(whole - offset, 64));
    return { buffer, view, offset, pages, shared };
  }
  const offset = random.pick([0, 1, whole, whole + 1, 2 ** 40, largest]);
  return { buffer, view, offset, pages: random.pick([1, 2, whole + 1, Math.max(1, whole)]), shared };
}

function drawVmap(context: DrawContext, buffer: string | null) {
  return buffer === null ? null : { buffer, view: context.name("view") };
}

/** A byte of a view, often the first or the last. */
function drawOffset({ random }: DrawContext, size: number): number {
  const pages = Math.ceil(size / pageSize);
  return Math.min(size - 1, random.pick([0, 0, 4, size - 1, random.below(Math.min(pages, 2 ** 30)) * pageSize + 100]));
}

/** Draws for brackets, kernel addresses, user mappings and the CPU's accesses. */
export const cpuDraws: Draws<keyof typeof cpuOperations> = {
  beginCpu: (context) => {
    const buffer = pickForBracket(context);
    return buffer === null ? null : { buffer, direction: context.random.pick(directions) };
  },
  endCpu: (context) => {
    if (context.misuse) {
      const buffer = pickBuffer(context);
      return buffer === null ? null : { buffer, direction: context.random.pick(directions) };
    }
    const buffer = pickBracketed(context);
    if (buffer === null) return null;
    return { buffer, direction: ownBracket(context, context.state.buffers.get(buffer)!).direction };
  },
  ioctlSync: (context) => {
    const { random, refused } = context;
    const buffer = pickForBracket(context);
    if (buffer === null) return null;
    if (refused)
      return { buffer, flags: random.pick([0, 4, 8, 9, 15, 2 ** 31, 2 ** 32 + 1]), unreadable: random.chance(0.3) };
    const open = random.chance(0.6) ? pickBracketed(context) : null;
    if (open === null) return { buffer, flags: random.between(1, 3), unreadable: false };
    const { direction } = ownBracket(context, context.state.buffers.get(open)!);
    const flags = { none: 0, fromDevice: 5, toDevice: 6, bidirectional: 7 }[direction];
    return { buffer: open, flags, unreadable: false };
  },
  ioctl: (context) => {
    const buffer = pickBuffer(context);
    return buffer === null ? null : { buffer, command: context.random.pick([0, 4, 77, 255]) };
  },
  vmap: (context) => {
    const lock = heldLock(context);
    if (lock === null) return null;
    return drawVmap(
      context,
      pickRow(context.random, context.state.buffers, (row) => row.resv === lock && row.programRefs > 0),
    );
  },
  vmapUnlocked: (context) => drawVmap(context, pickBuffer(context)),
  vunmap: (context) => {
    const lock = heldLock(context);
    if (lock === null) return null;
    const view = pickView(
      context,
      ({ kind, buffer }) => kind === "vmap" && context.state.buffers.get(buffer)?.resv === lock,
    );
    return view === null ? null : { view };
  },
  vunmapUnlocked: (context) => {
    const view = pickView(context, ({ kind }) => kind === "vmap");
    return view === null ? null : { view };
  },
  mmap: (context) => drawMmap(context, Number.MAX_SAFE_INTEGER),
  mmapFd: (context) => drawMmap(context, 2 ** 40),
  munmap: (context) => {
    const view = pickView(context, ({ kind }) => kind === "mmap");
    return view === null ? null : { view };
  },
  cpuAccess: (context) => {
    const { random, state } = context;
    const kind = random.pick(["read", "write"] as const);
    const view = pickView(context, (row) => {
      const brackets = state.buffers.get(row.buffer)?.brackets ?? [];
      return brackets.some(({ by, direction }) => by === "program" && bracketCovers(direction, kind));
    });
    if (view === null) return null;
    const row = state.views.get(view)!;
    const size = row.kind === "mmap" ? row.pages * pageSize : state.buffers.get(row.buffer)!.size;
    return { view, kind, offset: drawOffset(context, size), io: row.iomem };
  },
};
