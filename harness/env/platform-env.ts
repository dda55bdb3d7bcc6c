import { EINVAL, EIO, EOPNOTSUPP, type Errno } from "../../spec/errno.ts";
import type { DmaEvent, PeerEvent } from "../../spec/platform-event.ts";
import type { DmaAttributes, IovaSpace, SgList } from "../../spec/roles/dma.ts";
import type { Attachment, Device, Direction, PhysRange, Segment, SgTable, Storage } from "../../spec/roles/handles.ts";
import type { MapType } from "../../spec/roles/peers.ts";
import { Memory } from "../machine/memory.ts";
import { HardwareEnv } from "./hardware-env.ts";

type PeerFields = Partial<Pick<PeerEvent, "clients" | "type" | "result" | "errno" | "optIn" | "longTerm">>;
type DmaFields = Pick<DmaEvent, "op"> & Partial<Omit<DmaEvent, "kind" | "op" | "by" | "device" | "seq">>;

/** How `dmaMap` made a mapping: what `dmaUnmap` needs to know. */
interface ShortMapping {
  readonly bus: boolean;
  readonly direction: Direction;
  readonly attributes: DmaAttributes;
}

/**
 * Peers and the DMA API. Recorded where the set-up describes a platform; elsewhere a framework's
 * parts work just so, and nothing of it is in the history but the translations.
 */
export class PlatformEnv extends HardwareEnv {
  providerInit(device: Device): Errno {
    const errno = this.world.failure("provider") || this.world.framework.peers.providerInit(device);
    this.tellPeer("providerInit", device, { errno });
    return errno;
  }

  providerFor(device: Device): Device | null {
    const provider = this.world.framework.peers.providerFor(device);
    this.tellPeer("providerFor", device, { result: provider === null ? 0 : 1 });
    return provider;
  }

  providerGone(device: Device): void {
    this.world.framework.peers.providerGone(device);
    this.tellPeer("providerGone", device, {});
  }

  /** Where nothing is said of the platform, all ways lead through the host bridge. */
  mapType(provider: Device, client: Device): MapType {
    if (!this.world.described) return "host";
    const type = this.world.framework.peers.mapType(provider, client);
    this.tellPeer("mapType", provider, { clients: [client.name], type });
    return type;
  }

  distance(provider: Device, clients: readonly Device[]): number {
    const result = this.world.framework.peers.distance(provider, clients);
    this.tellPeer("distance", provider, { clients: clients.map(({ name }) => name), result });
    return result;
  }

  pageLookup(storage: Storage, optIn: boolean, longTerm: boolean): Errno {
    const errno = this.world.framework.peers.pageLookup(storage, optIn, longTerm);
    this.tellPeer("pageLookup", { name: storage.owner ?? "RAM" }, { errno, optIn, longTerm });
    return errno;
  }

  dmaMapPhys(device: Device, range: PhysRange, direction: Direction, attributes: DmaAttributes): Segment | Errno {
    const { dma } = this.world.framework;
    const result = this.world.failure("dma-map") || dma.dmaMapPhys(device, range, direction, attributes);
    const made = typeof result === "number" ? { errno: result } : { address: result.address };
    this.tellDma(device, {
      op: "map",
      object: this.ownName(),
      ...named(range),
      ...made,
      direction,
      attributes,
      count: 1,
    });
    return result;
  }

  dmaUnmapPhys(device: Device, segment: Segment, direction: Direction, attributes: DmaAttributes): void {
    const { address, length } = segment;
    this.world.framework.dma.dmaUnmapPhys(device, segment, direction, attributes);
    this.tellDma(device, { op: "unmap", address, length, direction, attributes, count: 1 });
  }

  dmaMapSg(
    device: Device,
    ranges: readonly PhysRange[],
    direction: Direction,
    attributes: DmaAttributes,
  ): SgList | Errno {
    const { dma } = this.world.framework;
    const result = this.world.failure("dma-map") || dma.dmaMapSg(device, ranges, direction, attributes);
    const length = ranges.reduce((sum, range) => sum + range.length, 0);
    const { id: storage } = ranges[0]!.storage;
    const own = {
      op: "mapSg",
      storage,
      offset: ranges[0]!.offset,
      length,
      direction,
      attributes,
      count: ranges.length,
    } as const;
    if (typeof result === "number") this.tellDma(device, { ...own, errno: result });
    else
      this.tellDma(device, {
        ...own,
        object: this.listName(result),
        address: result.segments[0]?.address ?? 0,
        segments: this.world.described
          ? this.world.translations.resolveTable(device, { segments: [...result.segments] })
          : [],
      });
    return result;
  }

  dmaUnmapSg(device: Device, list: SgList, count: number, direction: Direction, attributes: DmaAttributes): void {
    this.world.framework.dma.dmaUnmapSg(device, list, count, direction, attributes);
    this.tellDma(device, { op: "unmapSg", object: this.listName(list), direction, attributes, count });
  }

  dmaSyncForDevice(device: Device, segment: Segment, direction: Direction): void {
    this.world.framework.dma.dmaSyncForDevice(device, segment, direction);
    this.tellDma(device, {
      op: "syncForDevice",
      address: segment.address,
      length: segment.length,
      direction,
      count: 1,
    });
  }

  dmaSyncForCpu(device: Device, segment: Segment, direction: Direction): void {
    this.world.framework.dma.dmaSyncForCpu(device, segment, direction);
    this.tellDma(device, { op: "syncForCpu", address: segment.address, length: segment.length, direction, count: 1 });
  }

  iovaTryAlloc(device: Device, size: number): IovaSpace | null {
    const refused = this.world.failure("iova-alloc") !== 0;
    const space = refused ? null : this.world.framework.dma.iovaTryAlloc(device, size);
    if (space === null) this.tellDma(device, { op: "iovaTryAlloc", length: size });
    else
      this.tellDma(device, { op: "iovaTryAlloc", object: this.spaceName(space), address: space.address, length: size });
    return space;
  }

  iovaLink(space: IovaSpace, range: PhysRange, offset: number, direction: Direction, attributes: DmaAttributes): Errno {
    const { dma } = this.world.framework;
    const errno = this.world.failure("iova-link") || dma.iovaLink(space, range, offset, direction, attributes);
    const object = this.spaceName(space);
    this.tellDma(space.device, {
      op: "iovaLink",
      object,
      ...named(range),
      address: offset,
      errno,
      direction,
      attributes,
    });
    return errno;
  }

  iovaSync(space: IovaSpace, offset: number, length: number): Errno {
    const errno = this.world.failure("iova-sync") || this.world.framework.dma.iovaSync(space, offset, length);
    this.tellDma(space.device, { op: "iovaSync", object: this.spaceName(space), address: offset, length, errno });
    return errno;
  }

  iovaFree(space: IovaSpace): void {
    this.world.framework.dma.iovaFree(space);
    this.tellDma(space.device, { op: "iovaFree", object: this.spaceName(space) });
  }

  iovaDestroy(space: IovaSpace, length: number, direction: Direction, attributes: DmaAttributes): void {
    this.world.framework.dma.iovaDestroy(space, length, direction, attributes);
    this.tellDma(space.device, { op: "iovaDestroy", object: this.spaceName(space), length, direction, attributes });
  }

  dmaSetMask(device: Device, bits: number): Errno {
    const errno = this.world.framework.dma.dmaSetMask(device, bits);
    this.tellDma(device, { op: "setMask", address: bits, errno });
    return errno;
  }

  dmaSetCoherentMask(device: Device, bits: number): Errno {
    const errno = this.world.framework.dma.dmaSetCoherentMask(device, bits);
    this.tellDma(device, { op: "setCoherentMask", address: bits, errno });
    return errno;
  }

  dmaMaxMappingSize(device: Device): number {
    return this.world.framework.dma.dmaMaxMappingSize(device);
  }

  dmaMustBounce(device: Device): boolean {
    return this.world.framework.dma.dmaMustBounce(device);
  }

  physVecToSgt(
    attachment: Attachment | null,
    provider: Device | null,
    ranges: readonly PhysRange[],
    size: number,
    direction: Direction,
  ): SgTable | Errno {
    const { world } = this;
    const result = world.framework.dma.physVecToSgt(attachment, provider, ranges, size, direction);
    if (world.described)
      world.recorder.emit({
        kind: "helper",
        op: "physVecToSgt",
        by: this.by,
        attachment:
          attachment === null ? null : world.names.of(attachment, "attachment", world.scheduler.current.stepId),
        provider: provider?.name ?? null,
        ranges: ranges.map(({ storage, offset, length }) => ({ storage: storage.id, offset, length })),
        size,
        direction,
        table: typeof result === "number" ? null : world.tableName(result),
        errno: typeof result === "number" ? result : 0,
      });
    return result;
  }

  freeSgt(attachment: Attachment, table: SgTable, direction: Direction): void {
    const { world } = this;
    world.framework.dma.freeSgt(attachment, table, direction);
    if (world.described)
      world.recorder.emit({
        kind: "helper",
        op: "freeSgt",
        by: this.by,
        attachment: world.names.of(attachment, "attachment", world.scheduler.current.stepId),
        provider: null,
        ranges: [],
        size: 0,
        direction,
        table: world.tableName(table),
        errno: 0,
      });
  }

  /** The short way: see `Machine`. */
  dmaMap(
    device: Device,
    storage: Storage,
    offset: number,
    length: number,
    direction: Direction = "bidirectional",
  ): Segment | Errno {
    const { world } = this;
    if (direction === "none") return EINVAL;
    const range = { storage, offset, length };
    if (!world.described) {
      const made = world.failure("dma-map") || world.framework.dma.dmaMapPhys(device, range, direction, []);
      return made === EIO ? EINVAL : made;
    }
    const owner = storage.owner === null ? undefined : world.devices.get(storage.owner);
    if (owner !== undefined) return this.mapPeer(device, owner, range, direction);
    const shared = storage instanceof Memory && storage.shared;
    if (!shared && this.dmaMustBounce(device)) return EOPNOTSUPP;
    return this.mapAndKeep(device, range, direction, shared ? ["ccShared"] : []);
  }

  dmaUnmap(device: Device, segment: Segment): void {
    const { world } = this;
    if (!world.described) {
      world.framework.dma.dmaUnmapPhys(device, segment, "bidirectional", []);
      return;
    }
    const known = world.short.get(`${device.name}@${segment.address}`)?.pop();
    if (known?.bus === true) return;
    this.dmaUnmapPhys(device, segment, known?.direction ?? "bidirectional", known?.attributes ?? []);
  }

  private mapPeer(device: Device, owner: Device, range: PhysRange, direction: Direction): Segment | Errno {
    const { world } = this;
    if (!world.initialised.has(owner.name)) {
      world.initialised.add(owner.name);
      this.providerInit(owner);
    }
    const provider = this.providerFor(owner);
    if (provider === null) return EINVAL;
    if (owner.traits.cc === "private" && device.traits.cc === "shared") return EOPNOTSUPP;
    const type = this.mapType(provider, device);
    if (type === "host") {
      if (owner.traits.directOnly) return EOPNOTSUPP;
      const segment = this.mapAndKeep(device, range, direction, ["mmio"]);
      return typeof segment === "number" ? segment : { ...segment, peer: "host" };
    }
    const address = range.storage.physical + range.offset + owner.traits.busOffset;
    if (type !== "bus" || address + range.length - 1 > device.dmaMask) return EINVAL;
    this.keep(device, address, { bus: true, direction, attributes: [] });
    return { address, length: range.length, peer: "bus" };
  }

  private mapAndKeep(
    device: Device,
    range: PhysRange,
    direction: Direction,
    attributes: DmaAttributes,
  ): Segment | Errno {
    const segment = this.dmaMapPhys(device, range, direction, attributes);
    if (typeof segment !== "number") this.keep(device, segment.address, { bus: false, direction, attributes });
    return segment;
  }

  private keep(device: Device, address: number, mapping: ShortMapping): void {
    const key = `${device.name}@${address}`;
    const known = this.world.short.get(key);
    if (known === undefined) this.world.short.set(key, [mapping]);
    else known.push(mapping);
  }

  /** What the program maps has a name. */
  private ownName(): string | null {
    const { world } = this;
    return this.by === "program" ? world.names.next("dmaEntry", world.scheduler.current.stepId) : null;
  }

  private listName(list: SgList): string {
    return this.world.names.of(list, "dmaEntry", this.world.scheduler.current.stepId);
  }

  private spaceName(space: IovaSpace): string {
    return this.world.names.of(space, "iovaSpace", this.world.scheduler.current.stepId);
  }

  private tellPeer(op: PeerEvent["op"], provider: { readonly name: string }, fields: PeerFields): void {
    if (!this.world.described) return;
    this.world.recorder.emit({
      kind: "peer",
      op,
      by: this.by,
      provider: provider.name,
      clients: [],
      type: null,
      result: 0,
      errno: 0,
      optIn: false,
      longTerm: false,
      ...fields,
    });
  }

  private tellDma(device: Device, fields: DmaFields): void {
    if (!this.world.described) return;
    this.world.recorder.emit({
      kind: "dma",
      by: this.by,
      device: device.name,
      errno: 0,
      object: null,
      storage: null,
      offset: 0,
      address: 0,
      length: 0,
      direction: "none",
      attributes: [],
      count: 0,
      segments: [],
      ...fields,
    });
  }
}

function named({ storage, offset, length }: PhysRange) {
  return { storage: storage.id, offset, length };
}
