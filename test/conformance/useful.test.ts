import { expect, it } from "vitest";
import { measureUseful } from "../../bench/useful.ts";

it("steps that are drawn do what they name", () => {
  const { steps, carriedOut, idle } = measureUseful(120);
  const share = carriedOut / steps;
  expect({ enough: share > 0.99, share, idle }).toMatchObject({ enough: true });
});
