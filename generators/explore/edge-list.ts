import type { Edges } from "./graph.ts";
import { grown } from "./grown.ts";

/** Transitions as they are found, state after state. */
export class EdgeList {
  private starts = new Int32Array(1024);
  private instances = new Uint16Array(4096);
  private targets = new Int32Array(4096);
  private namings: Uint16Array;
  private readonly hasNamings: boolean;
  private states = 0;
  private size = 0;

  constructor(hasNamings: boolean) {
    this.hasNamings = hasNamings;
    this.namings = new Uint16Array(hasNamings ? 4096 : 0);
  }

  /** Begins the transitions of the next state. */
  begin(): void {
    // One more than there are states: the end of the last.
    if (this.states + 1 >= this.starts.length) this.starts = grown(this.starts);
    this.starts[this.states] = this.size;
    this.states += 1;
  }

  add(instance: number, target: number, naming: number): void {
    if (this.size >= this.targets.length) {
      this.instances = grown(this.instances);
      this.targets = grown(this.targets);
      if (this.hasNamings) this.namings = grown(this.namings);
    }
    this.instances[this.size] = instance;
    this.targets[this.size] = target;
    if (this.hasNamings) this.namings[this.size] = naming;
    this.size += 1;
  }

  all(): Edges {
    const { size, states } = this;
    this.starts[states] = size;
    return {
      starts: this.starts.subarray(0, states + 1),
      instances: this.instances.subarray(0, size),
      targets: this.targets.subarray(0, size),
      namings: this.hasNamings ? this.namings.subarray(0, size) : new Uint16Array(size),
    };
  }
}
