import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { folderText, keyOf } from "./build/cache.ts";

/** Folders whose code decides what a comparison comes to. */
const folders = ["spec", "contracts", "generators", "harness", "reference-impl", "conformance", "adapters", "kernel"];

/** Stands for the code of the suite: a comparison that was begun by other code is another comparison. */
export function codeKey(): string {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  return keyOf(...folders.flatMap((folder) => texts(join(root, folder))));
}

function texts(folder: string): readonly string[] {
  const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [folderText(folder), ...below.flatMap(({ name }) => texts(join(folder, name)))];
}
