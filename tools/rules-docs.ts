/** Writes docs/rules.md from the registry: `npm run rules:docs`. With --check it only says whether the file is current. */
import { readFileSync, writeFileSync } from "node:fs";
import { script } from "../cli/words/script.ts";
import { rulesDocument } from "../report/rules-document.ts";

const { check } = script("rules:docs", "writes docs/rules.md from the registry")
  .option("--check", "only say whether the file is current", false)
  .parse()
  .opts<{ readonly check: boolean }>();
const path = "docs/rules.md";
const text = rulesDocument();
if (check) {
  const current = readFileSync(path, "utf8") === text;
  console.log(current ? `${path} is current` : `${path} is out of date: npm run rules:docs`);
  process.exitCode = current ? 0 : 1;
} else {
  writeFileSync(path, text);
  console.log(`${path} written`);
}
