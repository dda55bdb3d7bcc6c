import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { operationNames } from "../../spec/operations/operations.ts";
import { operationsDocs, operationsDocsPath } from "../../tools/operations-docs.ts";
import { schemaFiles } from "../../tools/schemas.ts";

const committed = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

describe("generated files", () => {
  it("docs/schemas is current (npm run build && node dist/tools/schemas.js)", async () => {
    const files = await schemaFiles();
    expect(Object.keys(files)).toEqual(["docs/schemas/program.schema.json", "docs/schemas/history.schema.json"]);
    const stale = Object.entries(files).filter(([path, text]) => committed(path) !== text);
    expect(stale.map(([path]) => path)).toEqual([]);
  });

  it("docs/operations.md is current (npm run build && node dist/tools/operations-docs.js) and has every operation once", () => {
    const text = operationsDocs();
    expect(committed(operationsDocsPath)).toBe(text);
    const rows = [...text.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]);
    expect(new Set(rows)).toEqual(new Set(operationNames));
    expect(rows).toHaveLength(operationNames.length);
  });
});
