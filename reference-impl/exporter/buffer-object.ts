import type { Owner, Resource } from "../../spec/roles/env.ts";
import type { RegionRange } from "../../spec/roles/exporter.ts";
import type { Guest } from "../../spec/roles/negotiation.ts";
import type { Attachment, DmaBuf, PhysRange, Storage } from "../../spec/roles/handles.ts";
import type { MappedTable } from "./mapped-table.ts";

/** A piece of storage and what still keeps it from being freed. */
export class Backing {
  readonly storage: Storage;
  /** Live mappings made of it, the kernel's own included. */
  maps = 0;
  /** Its buffer has other storage by now, or none. */
  retired = false;
  /** Every fence that could stand for an access to it has signaled. */
  idle = false;
  freed = false;
  /** A confidential guest shares it with its host. */
  readonly shared: boolean;

  constructor(storage: Storage, shared = false) {
    this.storage = storage;
    this.shared = shared;
  }
}

/** What the exporter knows of one buffer: its `priv`. Changed under the buffer's reservation lock unless noted. */
export class BufferObject {
  /** Bytes, as asked for. */
  readonly size: number;
  /** Of the device's region; null for what may lie anywhere. Such a buffer never leaves its device. */
  ranges: readonly RegionRange[] | null = null;
  /** The module with the exporter's code. */
  readonly owner: Owner;
  /** Keeps the device from being torn down behind the buffer's back; given back when the two are unlinked. */
  readonly registration: Resource;
  /** A confidential guest shares it with its host, wherever in the guest's memory it lies. */
  readonly shared: boolean;
  /** Null until the core has made the buffer. */
  buffer: DmaBuf | null = null;
  /** Where the content is now. */
  backing: Backing;
  /** Whether device and buffer still know each other. Under the exporter's mutex. */
  linked = true;
  /** No new mapping until this is taken back. */
  revoked = false;
  /** It is never taken back. */
  revokedForever = false;
  /** Tables that are mapped now, for the caches of their devices. */
  readonly tables = new Set<MappedTable>();
  /** Kernel mappings, which nobody can be told about. */
  kernelMaps = 0;
  /** Pins over all attachments. */
  pins = 0;
  /** Live mappings over all attachments and all storage. */
  maps = 0;
  /** Those of attachments that cannot be told of a move. */
  fixedMaps = 0;
  /** Attachments to which it was promised that the memory stays in its place. */
  agreements = 0;
  /** The guest that alone may have it; null for shared memory. */
  guest: Guest | null = null;
  /** Nobody may write. */
  readOnly = false;
  /** Attachments whose device reaches system memory only. Counted in the attach hook, without the lock. */
  nonPeers = 0;
  /** Timeline of the copies; 0 until the first. */
  copyContext = 0;
  copySeqno = 0n;

  constructor(size: number, owner: Owner, registration: Resource, backing: Backing, shared: boolean) {
    this.size = size;
    this.owner = owner;
    this.registration = registration;
    this.backing = backing;
    this.shared = shared;
  }
}

/** Where the buffer's content lies now. */
export function rangesOf({ ranges, backing: { storage } }: BufferObject): readonly PhysRange[] {
  if (ranges === null) return [{ storage, offset: 0, length: storage.size }];
  return ranges.map(({ offset, length }) => ({ storage, offset, length }));
}

/** Where a byte of the buffer lies. */
export function locate(object: BufferObject, byte: number): { readonly storage: Storage; readonly offset: number } {
  let left = byte;
  for (const { storage, offset, length } of rangesOf(object)) {
    if (left < length) return { storage, offset: offset + left };
    left -= length;
  }
  return { storage: object.backing.storage, offset: byte };
}

/** What the exporter knows of one attachment: its `priv`. */
export class AttachmentState {
  /** Held from attach to detach: memory that a peer can reach must not go to sleep. */
  readonly power: Resource;
  readonly nonPeer: boolean;
  /** It was promised that the memory stays in its place. */
  readonly fixed: boolean;
  pins = 0;
  /** What its physical list is made of, while it has one. */
  list: Backing | null = null;

  constructor(power: Resource, nonPeer: boolean, fixed: boolean) {
    this.power = power;
    this.nonPeer = nonPeer;
    this.fixed = fixed;
  }
}

/** The object behind a buffer, in a hook, where it cannot be anybody else's. */
export function objectOf(buffer: DmaBuf): BufferObject {
  const object = ownObject(buffer);
  if (object === null) throw new Error("an exporter's hook is called for a buffer that another one exported");
  return object;
}

/** The object behind a buffer that a user named; null if another exporter made it. */
export function ownObject(buffer: DmaBuf): BufferObject | null {
  return buffer.priv instanceof BufferObject ? buffer.priv : null;
}

/** What the attach hook left on an attachment. */
export function stateOf(attachment: Attachment): AttachmentState {
  if (attachment.priv instanceof AttachmentState) return attachment.priv;
  throw new Error("an exporter is asked for an attachment that it never accepted");
}
