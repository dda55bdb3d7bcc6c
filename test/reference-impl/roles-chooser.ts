import type { Chooser, Tasks } from "../../harness/chooser.ts";
import { EINTR, ENOMEM, type Errno } from "../../spec/errno.ts";
import type { Setup, Step } from "../../spec/program.ts";
import type { State } from "../../spec/state/state.ts";

/** Small deterministic generator of numbers (mulberry32). */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const taskNames = ["t1", "t2", "t3"];
const failing = new Set([
  "storage",
  "sg-table",
  "dma-map",
  "registration",
  "attachment",
  "dma-buf",
  "resv-list",
  "resv-fences",
]);

/** Draws driver operations for three tasks, with pauses at any point and failures of any allocation. */
export class RandomChooser implements Chooser {
  readonly steps: Step[] = [];
  private readonly random: () => number;
  private readonly setup: Setup;
  private readonly length: number;
  private readonly pauseRate: number;
  private readonly failRate: number;

  constructor(setup: Setup, seed: number, length: number) {
    this.random = numbers(seed);
    this.setup = setup;
    this.length = length;
    this.pauseRate = [0, 0.05, 0.2, 0.5][this.below(4)]!;
    this.failRate = [0, 0.02, 0.1][this.below(3)]!;
  }

  next(state: State, tasks: Tasks): Step | null {
    if (this.steps.length >= this.length) return null;
    const idle = taskNames.filter((name) => tasks.isIdle(name));
    if (idle.length === 0) return null;
    const task = this.pick(idle);
    for (let tries = 0; tries < 40; tries += 1) {
      const drawn = this.draw(state, tasks);
      if (drawn === null) continue;
      const interrupted = this.random() < 0.03 ? { interrupted: true } : {};
      const step = { id: `s${this.steps.length + 1}`, task, ...interrupted, ...drawn } as unknown as Step;
      this.steps.push(step);
      return step;
    }
    return null;
  }

  pause(): number | null {
    return this.random() < this.pauseRate ? 1 + this.below(4) : null;
  }

  fail(_step: string, site: string): Errno {
    if (site === "wait") return this.random() < this.failRate ? EINTR : 0;
    return failing.has(site) && this.random() < this.failRate ? ENOMEM : 0;
  }

  counts(): boolean {
    return true;
  }

  private draw(state: State, tasks: Tasks): object | null {
    const going = tasks.inFlight().flatMap((step) => (step.op === "put" ? [step.buffer] : []));
    const live = [...state.buffers]
      .filter(([name, { programRefs }]) => programRefs > going.filter((other) => other === name).length)
      .map(([name]) => name);
    const imports = [...state.imports].filter(([, row]) => row.phase === "live").map(([name]) => name);
    const kind = this.below(100);
    if (kind < 12) return this.drawExport(state);
    if (kind < 34) return this.drawImport(live);
    if (kind < 56) return this.drawSubmit(state, imports);
    if (kind < 64) {
      const jobs = [...state.jobs].filter(([, job]) => job.phase === "running").map(([name]) => name);
      return jobs.length === 0 ? null : { op: "complete", job: this.pick(jobs) };
    }
    if (kind < 72) return imports.length === 0 ? null : { op: "release", import: this.pick(imports) };
    if (kind < 74) return imports.length === 0 ? null : { op: "stop", import: this.pick(imports) };
    if (kind < 91) return this.drawOnBuffer(live);
    if (kind < 97) return this.drawOnDevice();
    return { op: "interrupt", target: this.pick(taskNames) };
  }

  private drawExport(state: State): object | null {
    const fresh = this.setup.buffers.filter(
      ({ name }) =>
        !state.buffers.has(name) && !this.steps.some((step) => step.op === "export" && step.buffer === name),
    );
    return fresh.length === 0 ? null : { op: "export", buffer: this.pick(fresh).name, missing: [], caching: false };
  }

  private drawImport(live: readonly string[]): object | null {
    if (live.length === 0) return null;
    return {
      op: "import",
      importer: this.pick(this.setup.importers).name,
      buffer: this.pick(live),
      import: `i${this.steps.length + 1}`,
      direction: this.pick(["bidirectional", "bidirectional", "toDevice", "fromDevice", "none"]),
    };
  }

  private drawSubmit(state: State, imports: readonly string[]): object | null {
    if (imports.length === 0) return null;
    const { importer } = state.imports.get(this.pick(imports))!;
    const own = imports.filter((name) => state.imports.get(name)!.importer === importer);
    const count = 1 + this.below(3);
    const chosen = Array.from({ length: count }, () => this.pick(own));
    const kind = this.pick(["read", "write", "speculativeRead"]);
    return { op: "submit", importer, imports: chosen, kind, job: `j${this.steps.length + 1}` };
  }

  private drawOnBuffer(live: readonly string[]): object | null {
    if (live.length === 0) return null;
    const buffer = this.pick(live);
    switch (this.below(8)) {
      case 0:
      case 1:
        return { op: "move", buffer, placement: this.pick(["system", "device"]) };
      case 2:
        return { op: "evict", buffer };
      case 3:
        return { op: "revoke", buffer };
      case 4:
        return { op: "unrevoke", buffer };
      case 5:
        return this.below(6) === 0 ? { op: "revokeForever", buffer } : null;
      case 6:
        return { op: "put", buffer };
      default:
        return { op: "getRef", buffer };
    }
  }

  private drawOnDevice(): object | null {
    const { name: exporter, kind } = this.pick(this.setup.exporters);
    if (kind !== "default") return null;
    switch (this.below(15)) {
      case 0:
        return { op: "closeDevice", exporter };
      case 1:
      case 2:
      case 3:
      case 4:
        return { op: "reset", exporter };
      default:
        return { op: "setMemory", exporter, on: this.below(3) > 0 };
    }
  }

  private below(bound: number): number {
    return Math.floor(this.random() * bound);
  }

  private pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}
