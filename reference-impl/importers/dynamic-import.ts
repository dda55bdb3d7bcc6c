import type { Attachment, Direction, DmaBuf, Fence, SgTable } from "../../spec/roles/handles.ts";

/** A mapping and the jobs that still use it. */
export class Mapping {
  readonly table: SgTable;
  jobs = 0;

  constructor(table: SgTable) {
    this.table = table;
  }
}

/** A buffer that a dynamic importer maps whenever a job needs it; what `importerPriv` of its attachment names. */
export class DynamicImport {
  readonly buffer: DmaBuf;
  readonly direction: Direction;
  /** Null until attach has returned, which the callback may not wait for. */
  attachment: Attachment | null = null;
  /** Good for the next job; null where there is none or it went stale. Under the reservation lock. */
  mapping: Mapping | null = null;
  /** No longer good for new jobs, still to be unmapped. Under the reservation lock. */
  readonly stale = new Set<Mapping>();
  /** Fences of jobs under way. */
  readonly jobs = new Set<Fence>();
  /** Submits that are using it and deferred unmaps on their way: all have to end before it goes. */
  users = 0;
  /** Somebody is giving it back. */
  closing = false;

  constructor(buffer: DmaBuf, direction: Direction) {
    this.buffer = buffer;
    this.direction = direction;
  }
}
