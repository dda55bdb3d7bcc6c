import { ENOMEM, type Errno } from "../../spec/errno.ts";
import { pageSize, type PhysRange, type Placement, type Storage } from "../../spec/roles/handles.ts";
import type { World } from "../world.ts";

/** Where device memory begins in physical space; system memory lies below. */
const deviceBase = 2 ** 44;

/** Where the slots of the software TLB begin: every device reaches them. */
const slotBase = 2 ** 20;

/** Slots end here: most bytes that are bounced at a time. */
const slotEnd = 2 ** 21;

/** Backing memory. Sparse: only its extent is kept. */
export class Memory implements Storage {
  readonly id: string;
  readonly size: number;
  readonly placement: Placement;
  readonly physical: number;
  readonly owner: string | null;
  freed = false;
  /** A confidential guest shares it with its host. */
  shared = false;

  constructor(id: string, size: number, placement: Placement, physical: number, owner: string | null) {
    this.id = id;
    this.size = size;
    this.placement = placement;
    this.physical = physical;
    this.owner = owner;
  }
}

/** Hands out storage and takes it back. Freed storage is never handed out again, so a late access shows. */
export class MemoryPool {
  private readonly world: World;
  private next = { system: 2 ** 32, device: deviceBase, slot: slotBase };
  /** All of it, where devices name memory by its physical address. */
  private readonly all: Memory[] = [];

  constructor(world: World) {
    this.world = world;
  }

  /** A fresh piece; ENOMEM where a failure was asked for. */
  allocate(by: string, size: number, placement: Placement, owner: string | null = null): Memory | Errno {
    const { world } = this;
    const id = world.names.next("storage", world.scheduler.current.stepId);
    if (world.failure("storage") !== 0) {
      world.recorder.emit({ kind: "alloc", what: "storage", id, by, placement, errno: ENOMEM });
      return ENOMEM;
    }
    const bytes = Math.ceil(size / pageSize) * pageSize;
    const memory = new Memory(id, bytes, placement, this.next[placement], owner);
    // A gap behind each piece: an overrun hits nothing instead of a neighbour.
    this.next[placement] += bytes + pageSize;
    this.keep(memory);
    world.recorder.emit({ kind: "alloc", what: "storage", id, by, placement, errno: 0, ...this.placeOf(memory) });
    return memory;
  }

  /** A slot of the software TLB; ENOMEM where none is left. */
  allocateSlot(by: string, length: number): Memory | Errno {
    const { world } = this;
    const bytes = Math.ceil(length / pageSize) * pageSize;
    if (this.next.slot + bytes > slotEnd) return ENOMEM;
    const id = world.names.next("storage", world.scheduler.current.stepId);
    const slot = new Memory(id, bytes, "system", this.next.slot, null);
    this.next.slot += bytes;
    this.keep(slot);
    const where = this.placeOf(slot);
    world.recorder.emit({ kind: "alloc", what: "bounce slot", id, by, placement: "system", errno: 0, ...where });
    return slot;
  }

  /** Gives a piece back. Freeing twice is recorded twice: a rule looks at it. */
  free(by: string, storage: Storage, what = "storage"): void {
    if (storage instanceof Memory) storage.freed = true;
    this.world.recorder.emit({ kind: "free", what, id: storage.id, by });
  }

  /** Memory with these physical addresses, freed or not. */
  at(physical: number, length: number): PhysRange | undefined {
    for (const storage of this.all) {
      const offset = physical - storage.physical;
      if (offset >= 0 && offset + length <= storage.size) return { storage, offset, length };
    }
    return undefined;
  }

  /** What histories say of it where the platform is described. */
  private placeOf({ physical, owner }: Memory): { readonly physical?: number; readonly owner?: string | null } {
    return this.world.described ? { physical, owner } : {};
  }

  private keep(memory: Memory): void {
    this.world.names.bind(memory, memory.id);
    if (this.world.described) this.all.push(memory);
  }
}
