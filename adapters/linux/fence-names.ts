import { firstOwnFence, type Slots } from "./slots.ts";

/** Names of fences: the program's own, and for those that the kernel makes by itself `<step>.fence<n>`. */
export class FenceNames {
  private readonly slots: Slots;
  private readonly own = new Map<number, string>();
  private readonly counts = new Map<string, number>();
  private readonly wanted = new Map<string, string>();

  constructor(slots: Slots) {
    this.slots = slots;
  }

  /** The next fence that the kernel makes in this step takes this name. */
  want(step: string, name: string): void {
    this.wanted.set(step, name);
  }

  forget(step: string): void {
    this.wanted.delete(step);
  }

  /** A fence that was seen before its call returned is the one that the call answered. */
  rename(id: number, slot: number): void {
    this.own.set(id, this.slots.name("fence", slot)!);
  }

  of(id: number, step: string | null): string {
    if (id < firstOwnFence) return this.slots.name("fence", id) ?? `fence${id}`;
    let name = this.own.get(id);
    if (name === undefined) {
      name = this.fresh(step ?? "world");
      this.own.set(id, name);
    }
    return name;
  }

  private fresh(step: string): string {
    const wanted = this.wanted.get(step);
    if (wanted !== undefined) {
      this.wanted.delete(step);
      return wanted;
    }
    const count = (this.counts.get(step) ?? 0) + 1;
    this.counts.set(step, count);
    return `${step}.fence${count}`;
  }
}
