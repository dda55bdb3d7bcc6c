import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readProgram } from "../../spec/schema/read-program.ts";
import { judgeProgram } from "../kit/judge-program.ts";

const folder = new URL("acquitted/", import.meta.url);
const files = readdirSync(folder).toSorted();

/** Programs on which a rule once convicted the reference wrongly, or rightly before the reference was mended (MMUN-09,
 * MMUN-10), found by long fuzzing and shrunk. Named after the rule. */
describe("what a rule once took for a violation", () => {
  it("is not forgotten", () => {
    expect(files).toHaveLength(33);
  });

  it.each(files)("%s", (file) => {
    const program = readProgram(readFileSync(new URL(file, folder), "utf8"), file);
    const { ids, fault } = judgeProgram(program);
    expect({ ids, fault }).toEqual({ ids: [], fault: null });
  });
});
