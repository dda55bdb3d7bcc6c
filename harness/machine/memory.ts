import { ENOMEM, type Errno } from "../../spec/errno.ts";
import { pageSize, type Placement, type Storage } from "../../spec/roles/handles.ts";
import type { World } from "../world.ts";

/** Where device memory begins in physical space; system memory lies below. */
const deviceBase = 2 ** 44;

/** Backing memory. Sparse: only its extent is kept. */
export class Memory implements Storage {
  readonly id: string;
  readonly size: number;
  readonly placement: Placement;
  /** Physical address of the first byte. */
  readonly base: number;
  freed = false;

  constructor(id: string, size: number, placement: Placement, base: number) {
    this.id = id;
    this.size = size;
    this.placement = placement;
    this.base = base;
  }
}

/** Hands out storage and takes it back. Freed storage is never handed out again, so a late access shows. */
export class MemoryPool {
  private readonly world: World;
  private next = { system: 2 ** 32, device: deviceBase };

  constructor(world: World) {
    this.world = world;
  }

  /** A fresh piece; ENOMEM where a failure was asked for. */
  allocate(by: string, size: number, placement: Placement): Memory | Errno {
    const { world } = this;
    const id = world.names.next("storage", world.scheduler.current.stepId);
    if (world.failure("storage") !== 0) {
      world.recorder.emit({ kind: "alloc", what: "storage", id, by, placement, errno: ENOMEM });
      return ENOMEM;
    }
    const bytes = Math.ceil(size / pageSize) * pageSize;
    const memory = new Memory(id, bytes, placement, this.next[placement]);
    // A gap behind each piece: an overrun hits nothing instead of a neighbour.
    this.next[placement] += bytes + pageSize;
    world.names.bind(memory, id);
    world.recorder.emit({ kind: "alloc", what: "storage", id, by, placement, errno: 0 });
    return memory;
  }

  /** Gives a piece back. Freeing twice is recorded twice: a rule looks at it. */
  free(by: string, storage: Storage): void {
    if (storage instanceof Memory) storage.freed = true;
    this.world.recorder.emit({ kind: "free", what: "storage", id: storage.id, by });
  }
}
