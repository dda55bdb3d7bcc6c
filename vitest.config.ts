import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// CI sets CI_JSON to a file name and counts the tests in it. It is a variable so that CI can call the README's command unchanged.
const jsonFile = process.env["CI_JSON"];

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    // examples/ import the package by its name, as a user does. Tests run them from source, without a build.
    alias: [
      { find: /^dmabuf-conformance$/, replacement: source("conformance/index.ts") },
      { find: /^dmabuf-conformance\/(spec|contracts|generators|reference-impl)$/, replacement: source("$1/index.ts") },
      { find: /^dmabuf-conformance\/adapters\/in-process$/, replacement: source("adapters/in-process.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/cli/build-folder.ts"],
    maxWorkers: 2, // the default is cores - 1: one worker on two cores
    // The command as it is shipped, which tests load: Node.js runs it as it is.
    server: { deps: { external: [/dmabuf-conformance-[^/]*\/cli\//] } },
    // Half of the time would go into loading the rules anew for each of eighty files. What modules share only grows by
    // contracts: a test must not count on knowing only the core's.
    isolate: false,
    testTimeout: 60_000,
    reporters: jsonFile === undefined ? ["default"] : ["default", ["json", { outputFile: jsonFile }]],
    coverage: {
      provider: "v8",
      include: ["{spec,contracts,generators,harness,reference-impl,drivers,adapters,conformance,report,cli}/**/*.ts"],
    },
  },
});
