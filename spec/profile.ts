/** Kernel series whose contract is encoded, oldest first. */
export const seriesNames = ["K6.12", "K6.16", "K6.19", "K7.0", "K7.1", "K7.2"] as const;

export type Series = (typeof seriesNames)[number];

/** True if `series` is `from` or a later one. */
export function since(series: Series, from: Series): boolean {
  return seriesNames.indexOf(series) >= seriesNames.indexOf(from);
}

/**
 * Where a kernel series behaves differently in a way that changes a verdict.
 * One field a difference, so that the reference and the rules read the same switch.
 */
export interface Profile {
  readonly series: Series;
  /** State of DMABUF_MOVE_NOTIFY: gone (always on) from 7.1. Off: dynamic attachments are pinned at each map. */
  readonly moveNotify: "off" | "on" | "always";
  /** 6.12: attach pins (static importer, dynamic exporter) and maps, and caches a BIDIRECTIONAL table, when the dynamic-ness of both sides differs. */
  readonly cachesAtAttach: boolean;
  /** 6.12: an exporter may ask the core to cache tables (`cache_sgt_mapping`). */
  readonly cacheSgtMapping: boolean;
  /** From 7.1 importer ops without the callback are legal; before, attach answers EINVAL. */
  readonly callbackOptional: boolean;
  /** From 7.1 the callback promises an unmap in bounded time and the two-phase access window applies. */
  readonly boundedUnmap: boolean;
  /** From 7.1 a revoke waits for BOOKKEEP fences and then for every unmap. */
  readonly synchronousRevoke: boolean;
  /** VFIO of this series can revoke at all (6.19). */
  readonly hasRevoke: boolean;
  /** Up to 6.19 a second signal answers EINVAL; from 7.0 it is void and ignored, and the check-and-signal form exists. */
  readonly secondSignal: "EINVAL" | "ignored";
  /** From 7.1 the framework detaches the ops of a signaled fence whose owner has neither release nor wait. */
  readonly detachesFenceOps: boolean;
  /** 6.12 alone can create arrays that signal on any member. */
  readonly arraySignalOnAny: boolean;
  /** 64-bit numbering belongs to the ops table (≤7.0) or to the single fence (7.1). */
  readonly seqno64: "ops" | "fence";
  /** Interval notifiers may finish an invalidation in a second pass (in 7.2, not in 6.12). */
  readonly twoPassNotifiers: boolean;
}

const k612: Profile = {
  series: "K6.12",
  moveNotify: "off",
  cachesAtAttach: true,
  cacheSgtMapping: true,
  callbackOptional: false,
  boundedUnmap: false,
  synchronousRevoke: false,
  hasRevoke: false,
  secondSignal: "EINVAL",
  detachesFenceOps: false,
  arraySignalOnAny: true,
  seqno64: "ops",
  twoPassNotifiers: false,
};
const k616: Profile = {
  ...k612,
  series: "K6.16",
  cachesAtAttach: false,
  cacheSgtMapping: false,
  arraySignalOnAny: false,
};
const k619: Profile = { ...k616, series: "K6.19", hasRevoke: true };
const k70: Profile = { ...k619, series: "K7.0", secondSignal: "ignored" };
const k71: Profile = {
  ...k70,
  series: "K7.1",
  moveNotify: "always",
  callbackOptional: true,
  boundedUnmap: true,
  synchronousRevoke: true,
  detachesFenceOps: true,
  seqno64: "fence",
  twoPassNotifiers: true,
};
/** As K7.1: programs compared on 7.2 and 7.3 show nothing else (docs/kernel.md), and what K7.1 says of these parts was read in 7.2. */
const k72: Profile = { ...k71, series: "K7.2" };

/** The built-in profiles. The two settings of the move-notify switch differ in one fact: see `withMoveNotify`. */
export const profiles: Readonly<Record<Series, Profile>> = {
  "K6.12": k612,
  "K6.16": k616,
  "K6.19": k619,
  "K7.0": k70,
  "K7.1": k71,
  "K7.2": k72,
};

/** The same series built with DMABUF_MOVE_NOTIFY on. Throws where the switch no longer exists. */
export function withMoveNotify(profile: Profile): Profile {
  if (profile.moveNotify === "always") throw new Error(`${profile.series} has no move-notify switch: it is always on`);
  return { ...profile, moveNotify: "on" };
}
