/** Writes docs/rules.md from the registry: `npm run rules:docs`. With --check it only says whether the file is current. */
import { readFileSync, writeFileSync } from "node:fs";
import { rulesDocument } from "../report/rules-document.ts";

const path = "docs/rules.md";
const text = rulesDocument();
if (process.argv.includes("--check")) {
  const current = readFileSync(path, "utf8") === text;
  console.log(current ? `${path} is current` : `${path} is out of date: npm run rules:docs`);
  process.exitCode = current ? 0 : 1;
} else {
  writeFileSync(path, text);
  console.log(`${path} written`);
}
