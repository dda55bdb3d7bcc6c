import { describe, expect, it } from "vitest";
import { drawRun } from "../../conformance/draw-run.ts";
import { referenceKinds } from "../../conformance/reference-roles.ts";
import { referenceSystem } from "../../conformance/reference-system.ts";
import { replay } from "../../conformance/replay.ts";
import { Judge } from "../../contracts/judge.ts";
import { profiles, type Series } from "../../spec/profile.ts";
import { readProgram } from "../../spec/schema/read-program.ts";
import { eventLine, writeProgram } from "../../spec/write.ts";

/** Programs a profile is tried with. */
const programs = 120;

describe("a program that was drawn while it ran", () => {
  it.each(["K6.12", "K7.1"] as const satisfies readonly Series[])(
    "survives a file and replays to the same history, byte for byte (%s)",
    (series) => {
      const profile = profiles[series];
      const system = referenceSystem();
      let preempted = 0;
      for (let seed = 1; seed <= programs; seed += 1) {
        const judge = new Judge([], profile);
        const drawn = drawRun(system, judge, series, seed, { kinds: referenceKinds, longest: 80 });
        if (drawn instanceof Promise) throw new Error("the reference is synchronous");
        const stored = readProgram(writeProgram(drawn.program), `seed ${seed}`);
        const again = replay(stored, system, [], profile);
        if (again instanceof Promise) throw new Error("the reference is synchronous");
        expect(again.events.map(eventLine).join("\n"), `seed ${seed}`).toBe(
          drawn.execution.events.map(eventLine).join("\n"),
        );
        if (stored.schedule.length > 0) preempted += 1;
      }
      expect(preempted).toBeGreaterThan(programs / 10);
    },
  );
});
