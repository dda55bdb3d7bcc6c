import type { Random } from "./random.ts";
import { profiles, type Profile } from "../spec/profile.ts";
import type { Situation } from "../spec/situation.ts";
import { drawPlatform } from "./platform-shape.ts";
import type { BufferSetup, ExporterSetup, ImporterSetup, Setup } from "../spec/program.ts";
import { pageSize } from "../spec/roles/handles.ts";

/** Kinds of role instances that set-ups may be drawn from, by weight. */
export interface Kinds {
  readonly exporters: readonly string[];
  readonly importers: readonly string[];
  /** A subject or its own partners play the importers: what a program dwells on falls to them, not to another kind. */
  readonly ownImporters?: boolean;
}

const usualSizes = [1, 100, pageSize, pageSize, pageSize, 3 * pageSize, 2 * pageSize + 1, 16 * pageSize];
const smallSegments = [pageSize, 2 * pageSize, 2 ** 32 - 1];
const largeSizes = [2 ** 32, 2 ** 32 + pageSize, 5 * 2 ** 30, 9 * 2 ** 30];

function drawImporter(random: Random, name: string, device: string, kinds: Kinds, told: boolean): ImporterSetup {
  return {
    name,
    kind: random.pick(kinds.importers),
    device,
    ops: told ? "callback" : random.pick(["static", "callback", "callback", "noCallback"]),
    allowPeer2peer: random.chance(0.6),
    onInvalidate: random.pick(["unmap", "defer", "fence"]),
  };
}

/** The set-up with a partner that a program's focus needs, where none is there. */
export function withPartner(setup: Setup, partner: string | null, kinds: Kinds): Setup {
  const { importers } = setup;
  const kind = partner === null ? null : playerOf(partner, kinds);
  if (kind === null || (kind !== "scripted" && importers.some((entry) => entry.kind === kind))) return setup;
  // One that the program plays has to be told of what happens, and to let go.
  const able = { kind, ops: "callback", onInvalidate: "unmap" } as const;
  return { ...setup, importers: importers.map((entry, index) => (index === 0 ? { ...entry, ...able } : entry)) };
}

/** Who plays the part of a partner: among importers of a subject's own the subject, or whoever was drawn (null). */
function playerOf(partner: string, { importers, ownImporters = false }: Kinds): string | null {
  if (!ownImporters || importers.includes(partner)) return partner;
  return importers.includes("subject") ? "subject" : null;
}

/** Draws the world of one program: mostly small, now and then with large sizes or narrow devices. */
export function drawSetup(
  random: Random,
  kinds: Kinds,
  situation: Pick<Situation, "sizes" | "maxSegments" | "buffers" | "platform" | "callbacks"> | null = null,
  profile: Profile = profiles["K7.1"],
): Setup {
  const { sizes = [], maxSegments = [], buffers: least = 1 } = situation ?? {};
  const narrow = random.chance(0.1);
  const large = random.chance(0.04);
  const sizesDrawn = Array.from({ length: Math.max(least, random.pick([1, 1, 1, 2, 2, 3])) }, () =>
    random.pick(large ? largeSizes : sizes.length > 0 && random.chance(0.5) ? sizes : usualSizes),
  );
  const hasLarge = sizesDrawn.some((size) => size > 2 ** 26);
  const devices = Array.from({ length: random.between(1, 2) }, (_, index) => ({
    name: `d${index + 1}`,
    dmaBits: narrow && random.chance(0.5) ? random.pick([21, 32]) : 52,
    // Small segments of a large buffer would only make millions of events.
    maxSegment: random.chance(maxSegments.length > 0 ? 0.7 : 0.2)
      ? random.pick(hasLarge ? [2 ** 32 - 1] : maxSegments.length > 0 ? maxSegments : smallSegments)
      : 2 ** 32 - pageSize,
  }));
  const device = () => random.pick(devices).name;
  const exporters: ExporterSetup[] = Array.from({ length: random.chance(0.2) ? 2 : 1 }, (_, index) => ({
    name: `e${index + 1}`,
    kind: random.pick(kinds.exporters),
    device: device(),
  }));
  const importers = Array.from({ length: random.between(1, 3) }, (_, index) =>
    drawImporter(random, `i${index + 1}`, device(), kinds, situation?.callbacks === true && random.chance(0.9)),
  );
  const reservations = random.chance(0.3) ? ["r1", "r2"] : ["r1"];
  const buffers: BufferSetup[] = sizesDrawn.map((size, index) => ({
    name: `b${index + 1}`,
    exporter: random.pick(exporters).name,
    size,
    placement: random.chance(0.5) ? "system" : "device",
    resv: random.chance(0.12) ? random.pick(reservations) : null,
  }));
  const plain = { devices, exporters, importers, buffers, reservations };
  const wanted = situation?.platform;
  return random.chance(wanted === undefined ? 0.1 : 0.95) ? drawPlatform(random, plain, wanted ?? [], profile) : plain;
}
