import { rangeChanges, type MirrorForm } from "../../spec/calls/spaces.ts";
import { lastPage, type spaceOperations } from "../../spec/operations/space.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import type { Random } from "../random.ts";
import { pickRow, type DrawContext, type Draws } from "./context.ts";

/** Programs stay in the first few pages: what is to meet has to be near. */
const pagesUsed = 8;

function liveSpace({ state, random }: DrawContext): string | null {
  return pickRow(random, state.spaces, (row) => !row.exited);
}

function liveMirror({ state, random }: DrawContext): string | null {
  return pickRow(random, state.mirrors, (row) => row.phase === "live");
}

/** A page of a mirror, with a VMA behind it mostly. */
function withMirror(context: DrawContext): { readonly mirror: string; readonly page: number } | null {
  const { state, random } = context;
  const mirror = liveMirror(context);
  if (mirror === null) return null;
  const { space, start, pages } = state.mirrors.get(mirror)!;
  const end = start + pages;
  const vma = random.chance(0.1)
    ? null
    : pickRow(
        random,
        state.vmas,
        (row) => row.live && row.space === space && row.start < end && start < row.start + row.pages,
      );
  if (vma === null) return { mirror, page: start + random.below(Math.min(pages, pagesUsed)) };
  const under = state.vmas.get(vma)!;
  const first = Math.max(start, under.start);
  return { mirror, page: first + random.below(Math.min(end, under.start + under.pages) - first) };
}

/** A page that the device has; any other now and then. */
function withEntry(context: DrawContext): { readonly mirror: string; readonly page: number } | null {
  const { state, random } = context;
  if (random.chance(0.1)) return withMirror(context);
  const entry = pickRow(random, state.entries, () => true);
  if (entry === null) return withMirror(context);
  const { table, page } = state.entries.get(entry)!;
  for (const [mirror, row] of state.mirrors) if (row.table === table && row.phase === "live") return { mirror, page };
  return withMirror(context);
}

const vmaKinds = ["anonymous", "anonymous", "anonymous", "peer", "peer", "readOnly", "unreadable", "device"] as const;
const forms: readonly MirrorForm[] = [
  "interval",
  "interval",
  "interval",
  "twoPass",
  "twoPass",
  "range",
  "range",
  "getPut",
  "shared",
  "watch",
  "none",
];

function drawRange(random: Random): { readonly start: number; readonly pages: number } {
  const start = random.below(pagesUsed);
  return { start, pages: random.between(1, pagesUsed - start) };
}

/** Draws for address spaces, VMAs and mirrors. */
export const spaceDraws: Draws<keyof typeof spaceOperations> = {
  createSpace: (context) => {
    let live = 0;
    for (const space of context.state.spaces.values()) if (!space.exited) live += 1;
    return live < 2 ? { space: context.name("space") } : null;
  },
  createVma: (context) => {
    const { state, random } = context;
    const space = liveSpace(context);
    if (space === null) return null;
    const vmaKind = random.pick(vmaKinds);
    const vma = context.name("vma");
    if (vmaKind !== "peer")
      return { space, vma, start: random.below(pagesUsed), pages: random.between(1, 4), vmaKind, buffer: null };
    const buffer = pickRow(
      random,
      state.buffers,
      (row) => !row.released && row.programRefs > 0 && row.size >= pageSize,
    );
    if (buffer === null) return null;
    const most = Math.min(4, Math.floor(state.buffers.get(buffer)!.size / pageSize));
    return { space, vma, start: random.below(pagesUsed), pages: random.between(1, most), vmaKind, buffer };
  },
  destroyVma: ({ state, random }) => {
    const vma = pickRow(random, state.vmas, (row) => row.live);
    return vma === null ? null : { vma };
  },
  vmaFault: ({ state, random }) => {
    const vma = pickRow(random, state.vmas, (row) => row.live);
    return vma === null ? null : { vma, page: random.below(state.vmas.get(vma)!.pages) };
  },
  changeRange: (context) => {
    const { random, setup } = context;
    const space = liveSpace(context);
    if (space === null) return null;
    const change = random.pick(rangeChanges);
    const byDevice = (change === "migrate" || change === "exclusive") && random.chance(0.6);
    const owner = byDevice && setup.importers.length > 0 ? random.pick(setup.importers).name : null;
    const entry = random.chance(0.4) ? pickRow(random, context.state.entries, () => true) : null;
    const range = entry === null ? drawRange(random) : { start: context.state.entries.get(entry)!.page, pages: 1 };
    return { space, ...range, change, owner, blockable: random.chance(0.65) };
  },
  exitSpace: (context) => {
    const space = liveSpace(context);
    return space === null ? null : { space };
  },
  mirror: (context) => {
    const { state, random, setup } = context;
    const space = random.chance(0.95) ? liveSpace(context) : pickRow(random, state.spaces, () => true);
    const drivers = setup.importers.filter(({ kind }) => kind === "mirror" || kind === "subject");
    if (space === null || drivers.length === 0) return null;
    const made = { importer: random.pick(drivers).name, space, mirror: context.name("mirror") };
    if (context.refused) {
      const bounds = random.chance(0.5) ? { start: 3, pages: 0 } : { start: lastPage, pages: 2 };
      return { ...made, ...bounds, form: "interval" };
    }
    const vma = random.chance(0.6) ? pickRow(random, state.vmas, (row) => row.live && row.space === space) : null;
    const { start, pages } = vma === null ? { start: 0, pages: pagesUsed } : state.vmas.get(vma)!;
    return { ...made, start, pages, form: random.pick(forms) };
  },
  mirrorFault: (context) => {
    const at = withMirror(context);
    return at === null ? null : { ...at, write: context.random.chance(0.5) };
  },
  copyPage: withMirror,
  touch: (context) => {
    const at = withEntry(context);
    return at === null ? null : { ...at, access: context.random.pick(["read", "write", "write"] as const) };
  },
  unmirror: (context) => {
    const mirror = liveMirror(context);
    return mirror === null ? null : { mirror };
  },
};
