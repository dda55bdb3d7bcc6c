import type { Errno } from "../../spec/errno.ts";
import { EINVAL, EOPNOTSUPP } from "../../spec/errno.ts";
import { since } from "../../spec/profile.ts";
import type { DmaAttributes } from "../../spec/roles/dma.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Attachment, Device, Direction, PhysRange, Segment } from "../../spec/roles/handles.ts";
import { pieceLength } from "./mapped-table.ts";

/** Memory mapped for a device, and how that is undone: by what was done, whatever has become of the topology since. */
export interface Mapped {
  readonly segments: readonly Segment[];
  readonly undo: () => void;
}

const mmio: DmaAttributes = ["mmio"];

/** The last address that a device and the buses above it pass. */
function reachOf({ dmaMask, traits }: Device): number {
  return traits.busLimitBits === 0 ? dmaMask : Math.min(dmaMask, 2 ** traits.busLimitBits - 1);
}

/** Whether an address range is beyond what a device can send. Nobody below looks where it is a bus address. */
function isBeyond(device: Device, address: number, length: number): boolean {
  return address + length - 1 > reachOf(device);
}

/** Why a device will never reach a provider's memory; 0 if it will. `range`: where it lies, if it lies anywhere for good. */
export function refusesPeer(env: Env, provider: Device | null, client: Device, range: PhysRange | null): Errno {
  if (provider === null) return EOPNOTSUPP;
  const { cc, directOnly, busOffset } = provider.traits;
  // The first access would take the locked device down.
  if (cc === "private" && client.traits.cc === "shared") return EOPNOTSUPP;
  const physical = range === null ? 0 : range.storage.physical + range.offset;
  const length = range?.length ?? 1;
  switch (env.mapType(provider, client)) {
    case "bus":
      return isBeyond(client, physical + busOffset, length) ? EOPNOTSUPP : 0;
    case "host":
      return directOnly || refusesHost(env, client, physical, length) ? EOPNOTSUPP : 0;
    case "unsupported":
      return EOPNOTSUPP;
  }
}

/** Whether a device's own translation keeps it from what comes through the host bridge. */
function refusesHost(env: Env, device: Device, physical: number, length: number): boolean {
  const { traits } = device;
  switch (traits.iommu) {
    case "translated":
      return traits.untrusted && (physical % traits.granule > 0 || length % traits.granule > 0);
    case "identity":
      return (traits.bounce && since(env.profile.series, "K6.19")) || isBeyond(device, physical, length);
    case "legacy":
    case "blocked":
      return true;
  }
}

/** Maps ranges of a provider's memory for a peer, lock held. */
export function mapPeer(
  env: Env,
  attachment: Attachment,
  provider: Device,
  ranges: readonly PhysRange[],
  direction: Direction,
): Mapped | Errno {
  const errno = refusesMap(env, attachment.device, provider, ranges);
  if (errno !== 0) return errno;
  if (!since(env.profile.series, "K6.19")) return mapOneByOne(env, attachment.device, provider, ranges, direction);
  const size = ranges.reduce((sum, { length }) => sum + length, 0);
  const table = env.physVecToSgt(attachment, provider, ranges, size, direction);
  if (typeof table === "number") return table;
  return { segments: table.segments, undo: () => env.freeSgt(attachment, table, direction) };
}

/** What the helper does not look at. */
function refusesMap(env: Env, client: Device, provider: Device, ranges: readonly PhysRange[]): Errno {
  const { directOnly, busOffset, cc } = provider.traits;
  if (cc === "private" && client.traits.cc === "shared") return EOPNOTSUPP;
  const type = env.mapType(provider, client);
  if (type === "host") return directOnly ? EOPNOTSUPP : 0;
  if (type === "unsupported") return EINVAL;
  const beyond = ranges.some(({ storage, offset, length }) =>
    isBeyond(client, storage.physical + offset + busOffset, length),
  );
  return beyond ? EINVAL : 0;
}

/** Up to 6.18, with the resource calls, as in `drivers/gpu/drm/amd/amdgpu/amdgpu_vram_mgr.c`. */
function mapOneByOne(
  env: Env,
  device: Device,
  provider: Device,
  ranges: readonly PhysRange[],
  direction: Direction,
): Mapped | Errno {
  const bus = env.mapType(provider, device) === "bus";
  const segments: Segment[] = [];
  const undo = () => {
    if (!bus) for (const segment of segments) env.dmaUnmapPhys(device, segment, direction, mmio);
  };
  for (const range of pieces(ranges, pieceLength(device))) {
    if (bus) {
      const address = range.storage.physical + range.offset + provider.traits.busOffset;
      segments.push({ address, length: range.length, peer: "bus" });
      continue;
    }
    const segment = env.dmaMapPhys(device, range, direction, mmio);
    if (typeof segment === "number") {
      undo();
      return segment;
    }
    segments.push({ ...segment, peer: "host" });
  }
  return { segments, undo };
}

/** Ranges cut into pieces of at most `longest` bytes. */
export function pieces(ranges: readonly PhysRange[], longest: number): readonly PhysRange[] {
  const found: PhysRange[] = [];
  for (const { storage, offset, length } of ranges)
    for (let at = 0; at < length; at += longest)
      found.push({ storage, offset: offset + at, length: Math.min(longest, length - at) });
  return found;
}
