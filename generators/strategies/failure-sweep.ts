import type { Failure, Program } from "../../spec/program.ts";
import { drawFailureErrno } from "../failure-errnos.ts";
import type { Random } from "../random.ts";
import type { Strategy } from "../strategy.ts";

/** A place that can fail, as one program came by it. */
type Passage = Omit<Failure, "errno">;

/** Longer programs are left alone: a sweep runs its program once for each passage. */
const longest = 80;
/** Programs in which the same passage of the same operation is made to fail. */
const often = 3;

/**
 * Takes programs that showed something new, runs each to learn where its operations can fail, and runs it again once
 * for every such passage, which then fails. Passages that have failed in a few programs already are left out.
 */
export function failureSweep(stored: () => readonly Program[]): Strategy {
  const swept = new Map<string, number>();
  let next = 0;
  let base: Program | null = null;
  let pending: Passage[] = [];

  function isNew(program: Program, { step, site, nth }: Passage): boolean {
    const op = program.steps.find(({ id }) => id === step)?.op;
    if (op === undefined || program.failures.some((known) => known.step === step && known.site === site)) return false;
    const key = `${op} ${site} ${nth}`;
    const times = (swept.get(key) ?? 0) + 1;
    swept.set(key, times);
    return times <= often;
  }

  function inject(program: Program, passage: Passage, random: Random): Program {
    return {
      ...program,
      failures: [...program.failures, { ...passage, errno: drawFailureErrno(random, passage.site) }],
    };
  }

  return {
    name: "failures",
    draw(random) {
      const passage = pending.shift();
      if (base !== null && passage !== undefined) return { kind: "replay", program: inject(base, passage, random) };
      const programs = stored();
      while (next < programs.length && programs[next]!.steps.length > longest) next += 1;
      const program = programs[next];
      if (program === undefined) return null;
      next += 1;
      base = program;
      pending = [];
      const passages = pending;
      return {
        kind: "replay",
        program,
        passed: (step, site, nth) => {
          if (isNew(program, { step, site, nth })) passages.push({ step, site, nth });
        },
      };
    },
  };
}
