import type { Env, Mutex, PageTable } from "../../spec/roles/env.ts";
import type { Attachment, Device } from "../../spec/roles/handles.ts";
import type { AddressSpace, MirrorForm, MirrorRequest, MmPage, Notifier, Vma } from "../../spec/roles/spaces.ts";

/** Peer access to one page, until it is given back. */
export interface PeerGrant {
  readonly vma: Vma;
  readonly offset: number;
  readonly addresses: readonly number[];
  readonly write: boolean;
}

/** What a device mirrors of one address space. */
export class MirrorState {
  readonly space: AddressSpace;
  readonly start: number;
  readonly pages: number;
  readonly form: MirrorForm;
  readonly device: Device;
  readonly table: PageTable;
  /** Taken by the callbacks, and for the last look before an entry is made. */
  readonly lock: Mutex;
  notifier: Notifier | null = null;
  /** Of a range listener: invalidations under way, and how many there were. */
  running = 0;
  sequence = 0;
  /** How often the memory behind a peer VMA was announced to move. */
  moves = 0;
  /** No entry is made any more. */
  closed = false;
  /** Ordinary pages that the device may have written. */
  readonly written = new Map<number, MmPage>();
  /** Peer access by page. */
  readonly grants = new Map<number, PeerGrant>();
  /** The attachment to the buffer behind a peer VMA: it tells of moves that the VMA does not show. */
  attachment: Attachment | null = null;
  /** Faults under way. */
  users = 0;

  constructor(env: Env, request: MirrorRequest, number: number) {
    this.space = request.space;
    this.start = request.start;
    this.pages = request.pages;
    this.form = request.form;
    this.device = request.device;
    this.table = env.createPageTable(request.form === "shared" ? request.space : undefined);
    this.lock = env.createMutex("mirrorLock", `mirror${number}`);
  }
}
