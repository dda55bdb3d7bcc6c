import { EINVAL, EOPNOTSUPP, EREMOTEIO, type Errno } from "../../spec/errno.ts";
import type { CbRetEvent } from "../../spec/event.ts";
import type { DmaEvent } from "../../spec/platform-event.ts";
import type { ResolvedSegment } from "../../spec/calls.ts";
import { deviceOf, type DeviceFacts } from "../../spec/platform.ts";
import { since, type Profile } from "../../spec/profile.ts";
import type { MapType } from "../../spec/roles/peers.ts";
import type { AttachmentState, BufferState, DmaEntryState, State } from "../../spec/state/state.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import { expectedType } from "../p2p/topology.ts";

/** Bytes that are bounced in one piece at most. */
export const longestBounce: number = 2 ** 18;

/** The last address that RAM may have on any platform. */
const ramEnd = 2 ** 44 - 1;

/** An attachment and the memory behind it, on a platform that the history describes. */
export interface Meeting {
  readonly attachment: AttachmentState;
  readonly buffer: BufferState;
  /** The exporter's device, and the importer's. */
  readonly provider: string;
  readonly client: string;
  readonly providerFacts: DeviceFacts;
  readonly clientFacts: DeviceFacts;
  /** How the importer's device reaches memory of the exporter's. */
  readonly type: MapType;
  /** The buffer's storage lies in the exporter's device. */
  readonly inDevice: boolean;
}

/** Who meets in an attachment; undefined where the history does not say. */
export function meetingOf(state: State, name: string): Meeting | undefined {
  const attachment = state.attachments.get(name);
  const buffer = attachment === undefined ? undefined : state.buffers.get(attachment.buffer);
  if (attachment === undefined || buffer === undefined) return undefined;
  const { platform } = state;
  const provider = platform.exporters[buffer.exporter];
  const client = attachment.device;
  if (provider === undefined || platform.devices[client] === undefined) return undefined;
  return {
    attachment,
    buffer,
    provider,
    client,
    providerFacts: deviceOf(platform, provider),
    clientFacts: deviceOf(platform, client),
    type: expectedType(state, provider, client),
    inDevice: isDeviceMemory(state, buffer.storage),
  };
}

/** A table that an exporter's map hook hands out, and who meets there. Undefined for a refusal. */
export function handedOut(state: State, event: CbRetEvent<"map">): Meeting | undefined {
  return event.errno !== 0 || event.table === null || event.injected ? undefined : meetingOf(state, event.attachment);
}

export function isDeviceMemory(state: State, storage: string | null): boolean {
  return storage !== null && state.resources.get(storage)?.placement === "device";
}

/** The last address that a device and the buses above it pass. */
export function reachOf({ dmaMask, busLimitBits }: DeviceFacts): number {
  return busLimitBits === 0 ? dmaMask : Math.min(dmaMask, 2 ** busLimitBits - 1);
}

/** Whether RAM is bounced for a device. */
export function bouncesRam(facts: DeviceFacts): boolean {
  return facts.iommu === "identity" && (facts.bounce || reachOf(facts) < ramEnd + facts.dmaOffset);
}

/** Whether RAM may be bounced for a device: for an untrusted one, what does not fill granules of its IOMMU. */
export function mayBounceRam(facts: DeviceFacts): boolean {
  const isMapped = facts.iommu === "translated" || facts.iommu === "legacy";
  return bouncesRam(facts) || (isMapped && facts.untrusted && facts.granule > pageSize);
}

/** Whether this piece of RAM has to be bounced for a directly mapped device. */
export function bouncesPiece(
  state: State,
  facts: DeviceFacts,
  { storage, offset, length }: Pick<DmaEvent, "storage" | "offset" | "length">,
): boolean {
  const row = state.resources.get(storage ?? "");
  if (facts.iommu !== "identity" || row?.placement !== "system" || row.physical === null) return false;
  return facts.bounce || row.physical + offset + length - 1 + facts.dmaOffset > reachOf(facts);
}

/** The mapping of the DMA API that a device's address belongs to, with what it was made with. */
export function coveringMap(
  state: State,
  device: string,
  { address, length }: Pick<ResolvedSegment, "address" | "length">,
): Pick<DmaEntryState, "attributes" | "by" | "storage"> | undefined {
  for (const row of state.dmaEntries.values()) {
    if (row.device !== device) continue;
    if (!row.list && row.address <= address && address + length <= row.address + row.length) return row;
    if (row.list && row.segments.some((own) => own.address <= address && address < own.address + own.length))
      return row;
  }
  for (const { device: of, address: start, size, links, by } of state.iovaSpaces.values())
    if (of === device && start <= address && address + length <= start + size && links.length > 0)
      return { attributes: links[0]!.attributes, by, storage: links[0]!.storage };
  return undefined;
}

/** Why a device can never be given a buffer's RAM; null if it can. */
export function ramObstacle(facts: DeviceFacts, shared: boolean): string | null {
  if (facts.dmaMask === 0) return "it has no DMA mask";
  if (facts.iommu === "blocked") return "no address is valid for it";
  if (shared && !(facts.iommu === "identity" && facts.bounce)) return "it cannot tell shared memory";
  return !shared && mayBounceRam(facts) ? "its RAM is bounced" : null;
}

/** Why a device can never be given memory of the exporter's; null if it can. `place`: first and last byte, where known. */
export function peerObstacle(
  meeting: Pick<Meeting, "providerFacts" | "clientFacts" | "type">,
  profile: Profile,
  place: { readonly physical: number; readonly length: number } | null = null,
): string | null {
  const { providerFacts: provider, clientFacts: client, type } = meeting;
  const last = place === null ? 0 : place.physical + place.length - 1;
  if (client.dmaMask === 0) return "it has no DMA mask";
  if (provider.cc === "private" && client.cc === "shared") return "it is shared and the exporting device private";
  switch (type) {
    case "unsupported":
      return "there is no way for it";
    case "bus":
      return last + provider.busOffset > reachOf(client) && place !== null
        ? "the bus address is beyond its reach"
        : null;
    case "host":
      if (provider.directOnly) return "the memory answers what comes directly only";
      return hostObstacle(client, profile, place, last);
  }
}

function hostObstacle(
  client: DeviceFacts,
  profile: Profile,
  place: { readonly physical: number; readonly length: number } | null,
  last: number,
): string | null {
  switch (client.iommu) {
    case "translated": {
      const off = place !== null && (place.physical % client.granule > 0 || place.length % client.granule > 0);
      return client.untrusted && (off || place === null) ? "it is untrusted" : null;
    }
    case "identity":
      if (client.bounce && since(profile.series, "K6.19")) return "bouncing is forced";
      return place !== null && last > reachOf(client) ? "the address is beyond its reach" : null;
    case "legacy":
    case "blocked":
      return "its DMA operations know no such memory";
  }
}

/** Where a buffer's storage lies; null where it has none or nobody said. */
export function placeOf(state: State, { storage, size }: BufferState): { physical: number; length: number } | null {
  const physical = storage === null ? null : (state.resources.get(storage)?.physical ?? null);
  return physical === null ? null : { physical, length: Math.ceil(size / pageSize) * pageSize };
}

/** Why a device cannot be given a buffer's memory where that lies now; null if it can, or nobody said what devices there are. */
export function obstacleNow(state: State, buffer: BufferState, client: string, profile: Profile): string | null {
  const { platform } = state;
  const provider = platform.exporters[buffer.exporter];
  if (provider === undefined || platform.devices[client] === undefined) return null;
  const clientFacts = deviceOf(platform, client);
  if (!isDeviceMemory(state, buffer.storage)) return ramObstacle(clientFacts, isShared(state, buffer.storage));
  const providerFacts = deviceOf(platform, provider);
  const type = expectedType(state, provider, client);
  return peerObstacle({ providerFacts, clientFacts, type }, profile, placeOf(state, buffer));
}

/** Errors with which topology or addresses are refused. */
export function isTopologyError(errno: Errno): boolean {
  return errno === EINVAL || errno === EOPNOTSUPP || errno === EREMOTEIO;
}

/** Confidential computing: the importer's device shares with the host, the exporter's is private. */
export function isMixed({ providerFacts, clientFacts }: Meeting): boolean {
  return providerFacts.cc === "private" && clientFacts.cc === "shared";
}

/** Whether memory is shared with the host of a confidential guest at present. */
export function isShared(state: State, storage: string | null): boolean {
  return storage !== null && state.resources.get(storage)?.shared === true;
}
