import { expect, it } from "vitest";
import { replayWords } from "../../cli/replay-words.ts";

it.each([
  ["reference", null, "npx dmabuf-conformance replay f.json"],
  ["reference", "reference", "npx dmabuf-conformance replay f.json"],
  ["vfio-pci-7.1", null, "npx dmabuf-conformance replay f.json --subject vfio-pci-7.1"],
  ["udmabuf, 6.12", null, "npx dmabuf-conformance replay f.json --subject 'udmabuf, 6.12'"],
  ["mine", "./mine.mjs", "npx dmabuf-conformance replay f.json --adapter ./mine.mjs --subject mine"],
  // A module may call its subject as a built-in one is called.
  ["reference", "./mine.mjs", "npx dmabuf-conformance replay f.json --adapter ./mine.mjs --subject reference"],
  ["mine", null, "npx dmabuf-conformance replay f.json --adapter MODULE --subject mine"],
])("a counterexample of %s, found by run %s, is replayed on it", (name, word, command) => {
  expect(replayWords("f.json", word, name)).toBe(command);
});

it("takes a file whose name has an apostrophe whole", () => {
  expect(replayWords("it's.json", null, "reference")).toBe(String.raw`npx dmabuf-conformance replay 'it'\''s.json'`);
});
