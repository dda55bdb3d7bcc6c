import { expect, it } from "vitest";
import { namesGiven, pruned } from "../../generators/shrink/names.ts";
import { Session, type Search, type Shrunk } from "../../generators/shrink/session.ts";
import { program } from "../../spec/builder.ts";
import type { Program } from "../../spec/program.ts";

const kinds = { exporters: ["subject"], importers: ["subject"] };

/** As a candidate looks once what it does not name is gone. */
function exporting(caching: boolean): Program {
  const whole = program("K7.1").step("export", { buffer: "b1", caching }).build();
  return pruned(whole, namesGiven(whole));
}

/** Plays a search of which every candidate fails. */
function finish<T>(search: Search<T>): T {
  let next = search.next();
  while (next.done !== true) next = search.next({ program: next.value } satisfies Shrunk);
  return next.value;
}

it("a search takes another program of the same length, and never goes back to one it had", () => {
  const [first, second] = [exporting(false), exporting(true)];
  const session = new Session({ program: first }, 0, 100, kinds);
  expect(finish(session.attempt(second))).toBe(true);
  expect(session.program.steps).toEqual(second.steps);
  expect(finish(session.attempt(first))).toBe(false);
  expect(session.program.steps).toEqual(second.steps);
});
