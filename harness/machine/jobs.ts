import type { World } from "../world.ts";

/** Work a device does on its own: it ends when the program or the drain says so. */
export interface DeviceJob {
  readonly name: string;
  readonly by: string;
  readonly work: () => void;
  ended: boolean;
}

/** Device work under way, oldest first. */
export class JobQueue {
  private readonly world: World;
  readonly all: DeviceJob[] = [];

  constructor(world: World) {
    this.world = world;
  }

  /** Queues work. It takes the name of the program's job where the step names one. */
  start(by: string, work: () => void): void {
    const { names, scheduler } = this.world;
    const job: DeviceJob = { name: names.next("job", scheduler.current.stepId), by, work, ended: false };
    names.bind(job, job.name);
    this.all.push(job);
  }

  /** The device finishes a job, in interrupt context. */
  finish(job: DeviceJob): void {
    if (job.ended) return;
    job.ended = true;
    const task = this.world.scheduler.current;
    task.atomicDepth += 1;
    try {
      job.work();
    } finally {
      task.atomicDepth -= 1;
    }
    this.world.recorder.emit({ kind: "device", change: "jobEnd", exporter: null, attachment: null, job: job.name });
  }

  /** Jobs that have not ended. */
  pending(): readonly DeviceJob[] {
    return this.all.filter((job) => !job.ended);
  }
}
