import type { Setup, Step } from "../../spec/program.ts";
import type { Introduction } from "./introduction.ts";
import { encodeStep } from "./encode-step.ts";
import { Slots } from "./slots.ts";

/** A program as it is to be run: its steps in the order they begin, and what lets it come to rest afterwards. */
export interface Plan {
  readonly setup: Setup;
  readonly steps: readonly Step[];
  /** How many steps have begun when time passes: once in a program, when nobody can go on. */
  readonly rest: number;
  /** Steps of the drain; their ids are as a history names them (`drain1`). Several may share one. */
  readonly drain: readonly Step[];
  /** A fault that the module's exporter or importer is to have, by its number there. */
  readonly fault?: number;
}

/** A plan in the module's words. */
export interface Compiled {
  readonly plan: Plan;
  readonly slots: Slots;
  /** Steps and drain in one row: their places are the step numbers on the wire. */
  readonly all: readonly Step[];
  readonly lines: readonly string[];
}

/** Turns a plan into the lines that the module takes. Throws TooLarge or a RangeError for what it cannot run. */
export function compile(plan: Plan, { operations, moveNotify, version }: Introduction): Compiled {
  const all = [...plan.steps, ...plan.drain];
  const slots = new Slots(plan.setup, all, {
    revokeWaits: moveNotify === "always",
    caches: version.startsWith("6.12."),
  });
  const lines = [`l ${plan.setup.devices.map(({ maxSegment }) => maxSegment).join(" ")}`];
  if (plan.fault !== undefined) lines.push(`f ${plan.fault}`);
  const add = (step: Step, index: number, more = false) => {
    const number = operations.get(step.op);
    if (number === undefined) throw new RangeError(`this module has no ${step.op} (step ${step.id})`);
    const flags = (step.interrupted === true ? 1 : 0) | (more ? 2 : 0) | (step.misuse === true ? 4 : 0);
    lines.push(`o ${index} ${slots.of("task", step.task)} ${flags} ${number} ${encodeStep(step, slots).join(" ")}`);
  };
  plan.steps.forEach((step, index) => {
    if (index === plan.rest) lines.push("T");
    add(step, index);
  });
  if (plan.rest >= plan.steps.length) lines.push("T");
  lines.push("D");
  plan.drain.forEach((step, index) => {
    // One action of the drain may be several calls; nobody goes on and no time passes in between.
    const more = plan.drain[index + 1]?.id === step.id;
    add(step, plan.steps.length + index, more);
    if (!more) lines.push("T");
  });
  lines.push("X");
  return { plan, slots, all, lines };
}
