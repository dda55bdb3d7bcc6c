import { referenceSystem } from "../conformance/reference-system.ts";
import { Judge } from "../contracts/judge.ts";
import type { Chooser } from "../harness/chooser.ts";
import { execute } from "../harness/execute.ts";
import type { System } from "../harness/system.ts";
import { PlainExporter } from "../harness/partners/plain-exporter.ts";
import type { Setup, Step } from "../spec/program.ts";
import type { Env } from "../spec/roles/env.ts";
import type { Suspendable } from "../spec/roles/suspendable.ts";
import { profile } from "./programs.ts";

type Style = "generator" | "async";

/** An exporter whose `move` does nothing but pass preemption points. */
class Pointed extends PlainExporter {
  private readonly own: Env;
  private readonly style: Style;
  private readonly points: number;

  constructor(env: Env, style: Style, points: number) {
    super(env, { dynamic: false, caching: false });
    this.own = env;
    this.style = style;
    this.points = points;
  }

  move(): Suspendable<number> {
    return this.style === "async" ? this.awaited() : this.yielded();
  }

  private *yielded() {
    for (let count = 0; count < this.points; count += 1) yield* this.own.point("bench");
    return 0;
  }

  private async awaited() {
    for (let count = 0; count < this.points; count += 1) await this.own.point("bench");
    return 0;
  }
}

const setup: Setup = {
  devices: [{ name: "d1", dmaBits: 52, maxSegment: 65536 }],
  exporters: [{ name: "e1", kind: "subject", device: "d1" }],
  importers: [],
  buffers: [{ name: "b1", exporter: "e1", size: 4096, placement: "system", resv: null }],
  reservations: [],
};

function steps(moves: number): readonly Step[] {
  const made: Step[] = [{ id: "s1", task: "t1", op: "export", buffer: "b1", missing: [], caching: false }];
  for (let count = 2; count <= moves + 1; count += 1)
    made.push({ id: `s${count}`, task: "t1", op: "move", buffer: "b1", placement: "device" });
  return made;
}

/** Plays steps in order; every point is a controlled one: it is counted, and whether to pause there is asked. */
class AskedChooser implements Chooser {
  private readonly left: Step[];
  asked = 0;

  constructor(all: readonly Step[]) {
    this.left = all.toReversed();
  }

  next(): Step | null {
    return this.left.pop() ?? null;
  }

  pause(_step: string, site: string): null {
    if (site === "bench") this.asked += 1;
    return null;
  }

  fail(): 0 {
    return 0;
  }

  counts(): true {
    return true;
  }
}

async function once(system: System, moves: number): Promise<number> {
  const judge = new Judge([], profile);
  judge.begin();
  const chooser = new AskedChooser(steps(moves));
  const execution = await execute(setup, profile, system, chooser, judge);
  if (execution.fault !== null) throw new Error(execution.fault);
  return chooser.asked;
}

/** Nanoseconds of one controlled point: a role method with many of them, less the same method with none. */
export async function measurePoint(style: Style, rounds: number): Promise<number> {
  const moves = 4;
  const points = 500;
  const least = { none: Number.POSITIVE_INFINITY, many: Number.POSITIVE_INFINITY };
  const systems = {
    none: referenceSystem({ exporters: { subject: (env) => new Pointed(env, style, 0) } }),
    many: referenceSystem({ exporters: { subject: (env) => new Pointed(env, style, points) } }),
  };
  for (let round = 0; round < rounds; round += 1)
    for (const which of ["none", "many"] as const) {
      const started = performance.now();
      const asked = await once(systems[which], moves);
      least[which] = Math.min(least[which], performance.now() - started);
      if (asked !== (which === "none" ? 0 : moves * points)) throw new Error(`${asked} points were passed`);
    }
  return ((least.many - least.none) * 1e6) / (moves * points);
}
