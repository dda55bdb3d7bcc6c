// node tools/test-count.mjs REPORT: prints "N passed, N failed" from vitest's JSON report and exits with 1 if a test
// failed or fewer passed than test/expected-count.json says. A file that could not be loaded counts as one failure.
import { readFileSync } from "node:fs";

const report = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { tests } = JSON.parse(readFileSync(new URL("../test/expected-count.json", import.meta.url), "utf8"));

const broken = report.testResults.filter(
  ({ status, assertionResults }) => status === "failed" && !assertionResults.some((test) => test.status === "failed"),
);
const passed = report.numPassedTests;
const failed = report.numFailedTests + broken.length;

for (const { name, message } of broken) console.log(`not loaded: ${name}: ${message}`);
const few = passed < tests;
if (few) console.log(`FAILED: expected at least ${tests} passed tests (test/expected-count.json)`);
if (passed > tests) console.log(`note: ${passed} passed, test/expected-count.json says ${tests}: raise it`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(few || failed > 0 || !report.success ? 1 : 0);
