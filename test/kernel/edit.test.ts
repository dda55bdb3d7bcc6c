import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ownFolder } from "../../kernel/build/build.ts";
import { edited, type SourceEdit } from "../../kernel/build/edit.ts";
import type { Source } from "../../kernel/build/source.ts";
import { partsOf } from "../../kernel/build/variant.ts";

const text = "static int first(void)\n{\n\tgo();\n}\n\nstatic int second(void)\n{\n\tgo();\n\tstop();\n}\n";
const edit: SourceEdit = { name: "no stop", file: "pages.c", within: "second", find: /go\(\);/, replace: "stay();" };

describe("a source that is changed while it is built", () => {
  let folder = "";
  let path = "";
  let source: Source;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "conformance-edit-"));
    mkdirSync(join(folder, "drivers/iommu/iommufd"), { recursive: true });
    path = join(folder, "drivers/iommu/iommufd/pages.c");
    writeFileSync(path, text);
    source = { folder, version: "7.3.4", origin: "a package" };
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("has the change in the function that is named, and is itself again afterwards", () => {
    const seen: string[] = [];
    edited(source, [edit, { ...edit, find: /stop\(\);/, replace: "" }], () => {
      seen.push(readFileSync(path, "utf8"));
    });
    expect(seen).toEqual([text.replace("\tgo();\n\tstop();", "\tstay();\n\t")]);
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  it("is itself again when the build fails, and after a run that was killed", () => {
    expect(() => {
      edited(source, [edit], () => {
        throw new Error("no compiler");
      });
    }).toThrow("no compiler");
    expect(readFileSync(path, "utf8")).toBe(text);
    writeFileSync(`${path}.original`, text);
    writeFileSync(path, "half");
    edited(source, [], () => undefined);
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  it("is not changed where the line is not there, or where it is somebody's own", () => {
    const none = { ...edit, within: "third" };
    expect(() => {
      edited(source, [none], () => undefined);
    }).toThrow('no line for "no stop" in third of pages.c');
    const own = { ...source, origin: "KERNEL_SRC" };
    expect(() => {
      edited(own, [edit], () => undefined);
    }).toThrow("somebody's own");
    edited(own, [], () => {
      expect(readFileSync(path, "utf8")).toBe(text);
    });
  });
});

describe("variants of a kernel", () => {
  it("leave the usual one as its fragment says, and name what they change", () => {
    const usual = readFileSync(join(ownFolder(), "config/um.config"), "utf8");
    expect(partsOf(ownFolder(), "usual")).toEqual({ fragment: usual, edits: [] });
    const { fragment, edits } = partsOf(ownFolder(), "iommufd");
    expect(fragment.startsWith(usual)).toBe(true);
    expect(fragment).toContain("CONFIG_IOMMUFD_TEST=y");
    for (const { file, within } of edits) expect(fragment).toContain(`# edited: ${file}, ${within}`);
  });
});
