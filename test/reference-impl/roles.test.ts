import { describe, expect, it } from "vitest";
import { profiles, seriesNames, withMoveNotify } from "../../spec/profile.ts";
import { RandomChooser } from "./roles-chooser.ts";
import { checkRun, setups } from "./roles-run.ts";

const kernels = [...seriesNames.map((series) => profiles[series]), withMoveNotify(profiles["K6.12"])];

describe("exporters and importers of the reference under random schedules and failures", () => {
  for (const profile of kernels)
    it(`${profile.series}, move notify ${profile.moveNotify}`, () => {
      for (let seed = 1; seed <= 40; seed += 1)
        for (const [index, setup] of setups.entries()) {
          const { problems } = checkRun(setup, profile, new RandomChooser(setup, seed, 70));
          expect(problems, `set-up ${index}, seed ${seed}`).toEqual([]);
        }
    });

  it("get to all that they are there for", () => {
    const sum: Record<string, number> = {};
    for (let seed = 1; seed <= 40; seed += 1)
      for (const setup of setups) {
        const { stats } = checkRun(setup, profiles["K7.1"], new RandomChooser(setup, seed, 70));
        for (const [what, times] of Object.entries(stats)) sum[what] = (sum[what] ?? 0) + times;
      }
    const wanted = ["import ok", "submit ok", "submit EINTR", "access ok", "move ok", "move EBUSY", "evict ok"];
    wanted.push(
      "revoke ok",
      "unrevoke ok",
      "revokeForever ok",
      "reset ok",
      "setMemory ok",
      "closeDevice ok",
      "stop ok",
    );
    wanted.push("hook invalidate", "hook pin", "map ENODEV", "import EOPNOTSUPP", "epoch revoke");
    expect(wanted.filter((what) => (sum[what] ?? 0) < 5)).toEqual([]);
  });
});
