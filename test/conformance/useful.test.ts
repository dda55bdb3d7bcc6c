import { expect, it } from "vitest";
import { measureUseful } from "../../bench/useful.ts";

it("steps that are drawn do what they name", () => {
  const { steps, carriedOut, idle } = measureUseful(120);
  expect(carriedOut / steps, JSON.stringify(idle)).toBeGreaterThan(0.99);
});
