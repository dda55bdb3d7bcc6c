import { describe, expect, it } from "vitest";
import { drawRun } from "../../conformance/draw-run.ts";
import { referenceKinds } from "../../conformance/reference-roles.ts";
import { referenceSystem } from "../../conformance/reference-system.ts";
import { Judge } from "../../contracts/judge.ts";
import { eventKinds } from "../../spec/event.ts";
import { profiles } from "../../spec/profile.ts";
import { readHistory } from "../../spec/schema/read-history.ts";
import { writeHistoryLines } from "../../spec/write.ts";

const header = { implementation: "reference", version: "", profile: "K7.1", capabilities: [], observes: eventKinds };

describe("what a run leaves behind", () => {
  it("is written and read back unchanged, failures included", async () => {
    const system = referenceSystem();
    const judge = new Judge([], profiles["K7.1"]);
    let refused = 0;
    for (let seed = 1; seed <= 150; seed += 1) {
      const { program, execution } = await drawRun(system, judge, "K7.1", seed, { kinds: referenceKinds, longest: 80 });
      const history = { schema: 1, header, program, events: execution.events } as const;
      expect(readHistory(writeHistoryLines(history), "h.ndjson")).toEqual(history);
      refused += execution.events.filter((event) => event.kind === "alloc" && event.id === "").length;
    }
    expect(refused).toBeGreaterThan(10);
  });
});
