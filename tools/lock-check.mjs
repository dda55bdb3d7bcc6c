// The lock must be complete and must name no registry. npm drops an optional platform package that the registry lacks
// without a word, and the next `npm ci` fails; a lock updated over an existing node_modules loses them the same way.
import { readFileSync } from "node:fs";

const lock = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8"));
const locked = new Set(Object.keys(lock.packages).map((path) => path.replace(/^.*node_modules\//, "")));
const faults = [];

for (const [path, entry] of Object.entries(lock.packages)) {
  for (const name of Object.keys(entry.optionalDependencies ?? {})) {
    if (!locked.has(name))
      faults.push(`${path || "package.json"} has the optional dependency ${name}, the lock has not`);
  }
  if (entry.resolved !== undefined) faults.push(`${path} is resolved to ${entry.resolved}: the lock must name no host`);
  if (path !== "" && entry.integrity === undefined) faults.push(`${path} has no integrity hash`);
}

if (faults.length > 0) {
  for (const fault of faults) console.error(fault);
  console.error(
    "Make it anew: remove node_modules and package-lock.json, then `npm install` (.npmrc leaves the hosts out).",
  );
  process.exit(1);
}
console.log(`lock: ${Object.keys(lock.packages).length - 1} packages, complete, no host`);
