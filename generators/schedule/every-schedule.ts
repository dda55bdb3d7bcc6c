import type { Preemption, Program } from "../../spec/program.ts";

/** A place at which a task could be parked, as a run passed it. */
export type PassedPoint = Omit<Preemption, "until">;

/** What running a program with one schedule showed. */
export interface ScheduleRun {
  /** Every point passed, in order. */
  readonly passed: readonly PassedPoint[];
  /** True: what was looked for is found, and no other schedule is run. */
  readonly stop: boolean;
}

/** What was enumerated. */
export interface Enumeration {
  /** Schedules that were run, the one without preemptions counted in. */
  readonly schedules: number;
  /** True: the limit ended it before all were run. */
  readonly cut: boolean;
  /** The program with the schedule at which `run` said stop; null if none did. */
  readonly found: Program | null;
}

/** Schedules run at most, unless told otherwise. */
const usual = 2000;

/**
 * Runs a program with every way to place at most two preemptions at the points it passes, fewest first: none, each one,
 * each one followed by a second at a later point of that run. A task is parked until a later step of another task has
 * ended or blocked, or until nobody else can run. Meant for short programs; `limit` cuts it, and the answer says so.
 */
export function everySchedule(
  program: Program,
  run: (candidate: Program) => ScheduleRun,
  limit: number = usual,
): Enumeration {
  let level: readonly (readonly Preemption[])[] = [[]];
  let schedules = 0;
  for (let depth = 0; depth <= 2; depth += 1) {
    const next: (readonly Preemption[])[] = [];
    for (const schedule of level) {
      if (schedules >= limit) return { schedules, cut: true, found: null };
      const candidate = { ...program, schedule };
      const { passed, stop } = run(candidate);
      schedules += 1;
      if (stop) return { schedules, cut: false, found: candidate };
      if (depth < 2) for (const point of behind(passed, schedule)) next.push([...schedule, point]);
    }
    level = next.flatMap((schedule) => untils(program, schedule.at(-1)!).map((last) => schedule.with(-1, last)));
  }
  return { schedules, cut: false, found: null };
}

/** The points after the last preemption, each still without a step to wait for. */
function behind(passed: readonly PassedPoint[], schedule: readonly Preemption[]): readonly Preemption[] {
  const last = schedule.at(-1);
  const at = last === undefined ? -1 : passed.findIndex((point) => isSame(point, last));
  return last !== undefined && at < 0 ? [] : passed.slice(at + 1).map((point) => ({ ...point, until: "idle" }));
}

function isSame(first: PassedPoint, second: PassedPoint): boolean {
  return first.step === second.step && first.site === second.site && first.nth === second.nth;
}

/** Every step of another task that stands behind the parked one, and "idle". */
function untils({ steps }: Program, point: Preemption): readonly Preemption[] {
  const from = steps.findIndex(({ id }) => id === point.step);
  const others = steps.slice(from + 1).filter(({ task }) => task !== steps[from]?.task);
  return [...others.map(({ id }) => ({ ...point, until: id })), point];
}
