// node dist/tools/schemas.js: writes the published JSON Schemas to docs/schemas.
import { mkdirSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { format } from "prettier";
import { jsonSchemas } from "../spec/schema/json-schemas.ts";

/** The files by their path in the repository. */
export async function schemaFiles(): Promise<Readonly<Record<string, string>>> {
  const files: Record<string, string> = {};
  for (const [name, schema] of Object.entries(jsonSchemas()))
    // Handed over in one line: prettier then breaks only what is too long for one.
    files[`docs/schemas/${name}`] = await format(JSON.stringify(schema), { parser: "json", printWidth: 120 });
  return files;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  mkdirSync("docs/schemas", { recursive: true });
  for (const [path, text] of Object.entries(await schemaFiles())) {
    writeFileSync(path, text);
    console.log(`${path}: ${text.split("\n").length - 1} lines`);
  }
}
