/** Memory of buffers: what a device's page table leads to has a name. */
export class Memories {
  private readonly sizes = new Map<string, number>();
  private readonly bases = new Map<string, number>();

  made(buffer: string, size: number): void {
    this.sizes.set(buffer, size);
  }

  /** The first mapping of a buffer tells where it lies. */
  learn(buffer: string, base: number): void {
    if (!this.bases.has(buffer)) this.bases.set(buffer, base);
  }

  /** The buffer and the byte behind a physical address; of several the newest: memory that is freed is used again. */
  find(physical: number): { readonly buffer: string; readonly offset: number } | null {
    const found = [...this.bases].findLast(
      ([buffer, base]) => physical >= base && physical < base + this.sizes.get(buffer)!,
    );
    return found === undefined ? null : { buffer: found[0], offset: physical - found[1] };
  }

  /** The same in words. */
  name(physical: number): string {
    const found = this.find(physical);
    return found === null ? "unknown memory" : `${found.buffer}+${found.offset}`;
  }

  forget(buffer: string): void {
    this.bases.delete(buffer);
  }
}
