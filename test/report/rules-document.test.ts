import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { rulesDocument } from "../../report/rules-document.ts";

it("docs/rules.md is current (npm run rules:docs)", () => {
  expect(readFileSync("docs/rules.md", "utf8")).toBe(rulesDocument());
});
