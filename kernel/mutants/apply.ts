import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BuildFailed } from "../build/skipped.ts";
import type { Source } from "../build/source.ts";
import type { KernelEdit } from "./edits.ts";

const files: readonly KernelEdit["file"][] = ["dma-buf.c", "dma-resv.c", "dma-fence.c"];

function pathOf(source: Source, file: KernelEdit["file"]): string {
  return join(source.folder, "drivers/dma-buf", file);
}

/** Puts back what an edit has changed, also one of a run that was killed. */
export function restore(source: Source): void {
  for (const file of files) {
    const path = pathOf(source, file);
    const original = `${path}.original`;
    if (!existsSync(original)) continue;
    renameSync(original, path);
    // Newer than what was compiled from the edited one.
    writeFileSync(path, readFileSync(path));
  }
}

/** Changes the one line. Throws BuildFailed if this kernel has no such line. */
export function apply(source: Source, { file, within, find, replace, name }: KernelEdit): void {
  const path = pathOf(source, file);
  const text = readFileSync(path, "utf8");
  // Definitions begin at the line's start, with or without their type on the line before.
  const start = text.search(new RegExp(`^(?:\\w[^;{}()=]*[\\s*])?${within}\\([^;{]*\\)\\s*\\{`, "m"));
  const end = start < 0 ? -1 : text.indexOf("\n}", start);
  const body = end < 0 ? "" : text.slice(start, end);
  if (!find.test(body))
    throw new BuildFailed(`Linux ${source.version} has no line for "${name}" in ${within} of ${file}`);
  copyFileSync(path, `${path}.original`);
  writeFileSync(path, text.slice(0, start) + body.replace(find, replace) + text.slice(end));
}
