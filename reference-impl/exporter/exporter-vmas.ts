import type { Errno } from "../../spec/errno.ts";
import { EBUSY, EOPNOTSUPP } from "../../spec/errno.ts";
import type { Device, DmaBuf, Segment, Storage } from "../../spec/roles/handles.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import type { Vma } from "../../spec/roles/spaces.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { type Backing, type BufferObject, objectOf } from "./buffer-object.ts";
import { ExporterMoves } from "./exporter-moves.ts";

/** A page that a peer was given, with what is needed to take it back. */
interface PeerPage {
  readonly backing: Backing;
  readonly device: Device;
  readonly segment: Segment;
}

/** Peer access by way of VMAs that show a buffer (2019 RFC "mm/vma: add support for peer to peer to device vma"). */
export abstract class ExporterVmas extends ExporterMoves {
  protected readonly vmas = new Map<BufferObject, Set<Vma>>();
  /** By device and DMA address; where nothing translates, a page that was granted twice has one address. */
  protected readonly peerPages = new Map<string, readonly PeerPage[]>();

  /** The VMA holds the buffer, as its file does. */
  *vmaOpened(buffer: DmaBuf, vma: Vma): Generator<Suspension, void, unknown> {
    yield* this.env.getRef(buffer);
    const object = objectOf(buffer);
    const known = this.vmas.get(object) ?? new Set<Vma>();
    this.vmas.set(object, known.add(vma));
  }

  *vmaClosed(buffer: DmaBuf, vma: Vma): Generator<Suspension, void, unknown> {
    this.vmas.get(objectOf(buffer))?.delete(vma);
    yield* this.env.put(buffer);
  }

  /** What the CPU's page table is to show: where the memory is now. */
  *vmaFault(buffer: DmaBuf, _page: number): Generator<Suspension, Storage | Errno, unknown> {
    const object = objectOf(buffer);
    yield* this.env.lock(buffer.resv);
    const memory = object.revoked ? EBUSY : object.backing.storage;
    yield* this.env.unlock(buffer.resv);
    return memory;
  }

  /** One address for each page. Whoever cannot be told to let go gets nothing. */
  *p2pMap(
    buffer: DmaBuf,
    device: Device,
    start: number,
    pages: number,
    write: boolean,
    notified: boolean,
  ): Generator<Suspension, readonly number[] | Errno, unknown> {
    if (!notified) return EOPNOTSUPP;
    const object = objectOf(buffer);
    yield* this.env.lock(buffer.resv);
    const addresses = object.revoked ? EBUSY : yield* this.mapPeer(buffer, object, device, start, pages, write);
    yield* this.env.unlock(buffer.resv);
    return addresses;
  }

  /** Lock held, memory ready. */
  protected *mapPeer(
    buffer: DmaBuf,
    object: BufferObject,
    device: Device,
    start: number,
    pages: number,
    _write: boolean,
  ): Generator<Suspension, readonly number[] | Errno, unknown> {
    yield* this.env.waitFences(buffer.resv, "kernel");
    const { backing } = object;
    const addresses: number[] = [];
    for (let page = start; page < start + pages; page += 1) {
      const segment = this.env.dmaMap(device, backing.storage, page * pageSize, pageSize);
      if (typeof segment === "number") {
        for (const address of addresses) this.unmapPeer(device, address);
        return segment;
      }
      backing.maps += 1;
      const key = keyOf(device, segment.address);
      this.peerPages.set(key, [...(this.peerPages.get(key) ?? []), { backing, device, segment }]);
      addresses.push(segment.address);
    }
    return addresses;
  }

  /** From a notifier callback: whatever lock the caller of that holds, none is wanted here. */
  p2pUnmap(_buffer: DmaBuf, device: Device, _start: number, _pages: number, addresses: readonly number[]): void {
    for (const address of addresses) this.unmapPeer(device, address);
  }

  protected unmapPeer(device: Device, address: number): void {
    const key = keyOf(device, address);
    const [peer, ...others] = this.peerPages.get(key) ?? [];
    if (peer === undefined) {
      this.env.warn("kernel stops: peer access is given back that was never given");
      return;
    }
    if (others.length > 0) this.peerPages.set(key, others);
    else this.peerPages.delete(key);
    this.env.dmaUnmap(device, peer.segment);
    peer.backing.maps -= 1;
    this.freeIfUnused(peer.backing);
  }

  /** Lock held, before the memory is anywhere else: importers by their attachment, mirrors by their notifiers. */
  protected override *announce(buffer: DmaBuf, object: BufferObject): Generator<Suspension, void, unknown> {
    yield* this.env.invalidate(buffer);
    for (const vma of this.vmas.get(object) ?? []) yield* this.env.zapVma(vma);
  }
}

function keyOf(device: Device, address: number): string {
  return `${device.name} ${address}`;
}
