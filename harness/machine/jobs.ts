import type { World } from "../world.ts";

/** Work a device does on its own: it ends when the program or the drain says so. */
export interface DeviceJob {
  readonly name: string;
  readonly by: string;
  readonly work: () => void;
  /** The owner's recovery from a hang; null for work that cannot hang. */
  readonly killed: (() => void) | null;
  ended: boolean;
}

/** Device work under way, oldest first. */
export class JobQueue {
  private readonly world: World;
  readonly all: DeviceJob[] = [];
  /** The job whose work is being done. */
  running: DeviceJob | null = null;

  constructor(world: World) {
    this.world = world;
  }

  /** Queues work. An importer's takes the name of the program's job where the step names one. */
  start(by: string, work: () => void, killed: (() => void) | null): void {
    const { names, scheduler } = this.world;
    const kind = this.exporterOf(by) === null ? "job" : "exporterJob";
    const job: DeviceJob = { name: names.next(kind, scheduler.current.stepId), by, work, killed, ended: false };
    names.bind(job, job.name);
    this.all.push(job);
    this.emit("jobStart", job);
  }

  /** The device finishes a job, in interrupt context. */
  finish(job: DeviceJob): void {
    if (!job.ended) this.end(job, job.work);
  }

  /** The device hangs in a job, and its owner recovers; what cannot hang is finished. */
  hang(job: DeviceJob): void {
    if (job.ended || job.killed === null) return this.finish(job);
    this.emit("jobHang", job);
    this.end(job, job.killed);
  }

  /** Jobs that have not ended. */
  pending(): readonly DeviceJob[] {
    return this.all.filter((job) => !job.ended);
  }

  private end(job: DeviceJob, last: () => void): void {
    job.ended = true;
    const task = this.world.scheduler.current;
    const outer = this.running;
    task.atomicDepth += 1;
    this.running = job;
    try {
      last();
    } finally {
      this.running = outer;
      task.atomicDepth -= 1;
    }
    this.emit("jobEnd", job);
  }

  private emit(change: "jobStart" | "jobHang" | "jobEnd", job: DeviceJob): void {
    const exporter = this.exporterOf(job.by);
    this.world.recorder.emit({ kind: "device", change, exporter, attachment: null, job: job.name });
  }

  private exporterOf(by: string): string | null {
    return this.world.setup.exporters.some(({ name }) => name === by) ? by : null;
  }
}
