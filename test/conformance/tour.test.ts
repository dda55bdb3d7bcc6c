import { describe, expect, it } from "vitest";
import { tour, type Tour } from "../../conformance/explore/tour.ts";
import { referenceSystem } from "../../conformance/reference-system.ts";
import { Judge } from "../../contracts/judge.ts";
import { monitored } from "../../contracts/registry.ts";
import { explore } from "../../generators/explore/explore.ts";
import type { System } from "../../harness/system.ts";
import { profiles } from "../../spec/profile.ts";
import { fences } from "../../spec/scopes/fences.ts";
import { allMutants } from "../mutants/all.ts";

const small = explore(fences({ fence: 1, callback: 1, waiter: 1 }));

function toured(system: System, seed = 1): Promise<Tour> {
  return tour(small, system, new Judge(monitored("K7.1"), profiles["K7.1"]), { seed });
}

describe("a tour", () => {
  it("takes every transition on the reference, near the fewest steps, and breaks nothing", async () => {
    const { coverage, finds, fault } = await toured(referenceSystem());
    const { transitions, taken, steps, bound, departures } = coverage;
    expect({ taken, departures, found: [...finds.keys()], fault }).toEqual({
      taken: transitions,
      departures: [],
      found: [],
      fault: null,
    });
    expect(steps / bound).toBeLessThan(1.2);
  });

  it("is the same for the same seed", async () => {
    const [first, second] = [await toured(referenceSystem()), await toured(referenceSystem())];
    expect(second.operations).toBe(first.operations);
    expect(second.programs).toBe(first.programs);
  });

  it.each(["FENCE-02", "FENCE-15", "FENCE-36", "FENCE-41"])("convicts a mutant by %s", async (id) => {
    const [mutant] = (await allMutants()).filter(({ rule, profile }) => rule === id && profile === "K7.1");
    const { finds } = await toured(mutant!.system(() => undefined));
    expect([...finds.keys()]).toContain(id);
  });

  it("says where an implementation leaves the scope, and takes all that can still be taken", async () => {
    const [mutant] = (await allMutants()).filter(({ rule }) => rule === "FENCE-41");
    const { coverage } = await toured(mutant!.system(() => undefined));
    const { departures, taken, transitions } = coverage;
    expect(departures[0]).toBe("after poll: enabled[0] is 0, the scope says 1");
    expect({ taken, transitions }).toEqual({ taken: 1505, transitions: 1513 });
  });
});
