import type { Errno } from "../../spec/errno.ts";
import { EAGAIN, EFAULT } from "../../spec/errno.ts";
import type { Attachment, ImporterOps } from "../../spec/roles/handles.ts";
import type { Vma } from "../../spec/roles/spaces.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { DynamicImporter } from "./dynamic-importer.ts";
import { MirrorState, type PeerGrant } from "./mirror.ts";

/**
 * Mirroring what has no pages: memory of another device, by the hooks of its VMA (2019 RFC). Each page is asked for on
 * its own and given back in the callback that tells to. Where the VMA shows a dma-buf, an attachment tells of moves too.
 */
export abstract class PeerMirror extends DynamicImporter {
  protected abstract readonly attachOps: ImporterOps;
  protected abstract hasChanged(mirror: MirrorState, sequence: number): boolean;

  protected *attachBehind(mirror: MirrorState): Generator<Suspension, Errno, unknown> {
    const vma = this.env.findVma(mirror.space, mirror.start);
    if (vma?.kind !== "peer" || vma.buffer === null || mirror.notifier === null) return 0;
    const { buffer } = vma;
    yield* this.env.getRef(buffer);
    const attachment = yield* this.env.attach(buffer, mirror.device, this.attachOps, mirror);
    if (typeof attachment === "number") {
      yield* this.env.put(buffer);
      return attachment;
    }
    mirror.attachment = attachment;
    return 0;
  }

  protected *detachBehind(mirror: MirrorState): Generator<Suspension, void, unknown> {
    const { attachment } = mirror;
    if (attachment === null) return;
    mirror.attachment = null;
    yield* this.env.detach(attachment.buffer, attachment);
    yield* this.env.put(attachment.buffer);
  }

  /** The callback of the attachment: the memory behind the VMA moves, whether the VMA shows it or not. */
  protected *memoryMoves(attachment: Attachment): Generator<Suspension, void, unknown> {
    const mirror = attachment.importerPriv;
    if (!(mirror instanceof MirrorState)) return;
    yield* this.env.lockMutex(mirror.lock);
    mirror.moves += 1;
    for (const [page, grant] of mirror.grants) yield* this.dropGrant(mirror, page, grant);
    yield* this.env.unlockMutex(mirror.lock);
  }

  /** With the lock of the space held, so that the VMA outlives what is got of it. */
  protected *faultPeer(
    mirror: MirrorState,
    page: number,
    write: boolean,
    sequence: number,
  ): Generator<Suspension, Errno, unknown> {
    yield* this.env.lockMutex(mirror.space.lock);
    const vma = this.env.findVma(mirror.space, page);
    const errno = vma?.kind === "peer" ? yield* this.faultPeerHeld(mirror, vma, page, write, sequence) : EAGAIN;
    yield* this.env.unlockMutex(mirror.space.lock);
    return errno;
  }

  protected *faultPeerHeld(
    mirror: MirrorState,
    vma: Vma,
    page: number,
    write: boolean,
    sequence: number,
  ): Generator<Suspension, Errno, unknown> {
    const known = mirror.grants.get(page);
    if (known !== undefined && (known.write || !write)) return 0;
    const { moves } = mirror;
    const offset = page - vma.start;
    const addresses = yield* this.env.p2pMap(vma, mirror.device, offset, 1, write, mirror.notifier);
    if (typeof addresses === "number") return addresses;
    const grant = { vma, offset, addresses, write };
    yield* this.env.lockMutex(mirror.lock);
    const stale = mirror.moves !== moves || this.hasChanged(mirror, sequence);
    const errno = mirror.closed ? EFAULT : stale ? EAGAIN : 0;
    if (errno === 0) yield* this.installPeer(mirror, page, grant);
    yield* this.env.unlockMutex(mirror.lock);
    if (errno !== 0) yield* this.giveBack(mirror, grant);
    return errno;
  }

  /** Lock held. What was there with less right goes. */
  protected *installPeer(mirror: MirrorState, page: number, grant: PeerGrant): Generator<Suspension, void, unknown> {
    const old = mirror.grants.get(page);
    mirror.grants.set(page, grant);
    const [address] = grant.addresses;
    this.env.install(mirror.table, page, { via: "address", device: mirror.device, address: address! }, grant.write);
    if (old !== undefined) yield* this.giveBack(mirror, old);
  }

  /** Lock held: entries of ordinary pages and of peers. */
  protected *drop(mirror: MirrorState, start: number, pages: number): Generator<Suspension, void, unknown> {
    const first = Math.max(start, mirror.start);
    const end = Math.min(start + pages, mirror.start + mirror.pages);
    if (end > first) this.env.zap(mirror.table, first, end - first);
    for (const [page, grant] of mirror.grants)
      if (page >= start && page < start + pages) yield* this.dropGrant(mirror, page, grant);
  }

  protected *dropGrant(mirror: MirrorState, page: number, grant: PeerGrant): Generator<Suspension, void, unknown> {
    mirror.grants.delete(page);
    this.env.zap(mirror.table, page, 1);
    yield* this.giveBack(mirror, grant);
  }

  protected *giveBack(
    mirror: MirrorState,
    { vma, offset, addresses }: PeerGrant,
  ): Generator<Suspension, void, unknown> {
    yield* this.env.p2pUnmap(vma, mirror.device, offset, 1, addresses);
  }
}
