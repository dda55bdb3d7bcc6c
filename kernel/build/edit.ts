import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BuildFailed, Skipped } from "./skipped.ts";
import type { Source } from "./source.ts";

/** Files that edits are in, with their folders in the source. */
const editedFiles = {
  "dma-buf.c": "drivers/dma-buf",
  "dma-resv.c": "drivers/dma-buf",
  "dma-fence.c": "drivers/dma-buf",
  "udmabuf.c": "drivers/dma-buf",
  "system_heap.c": "drivers/dma-buf/heaps",
  "drm_gem_shmem_helper.c": "drivers/gpu/drm",
  "iommu.c": "drivers/iommu",
  "pages.c": "drivers/iommu/iommufd",
  "selftest.c": "drivers/iommu/iommufd",
} as const;
type EditedFile = keyof typeof editedFiles;

/** One line of a kernel's source changed. It is found by our own description of it; nothing of the kernel is kept here. */
export interface SourceEdit {
  readonly name: string;
  readonly file: EditedFile;
  /** The function it is in, and the first match in there. */
  readonly within: string;
  readonly find: RegExp;
  readonly replace: string;
}

function pathOf(source: Source, file: EditedFile): string {
  return join(source.folder, editedFiles[file], file);
}

/** Puts back what an edit has changed, also one of a run that was killed. */
function restore(source: Source): void {
  for (const file of Object.keys(editedFiles) as EditedFile[]) {
    const path = pathOf(source, file);
    const original = `${path}.original`;
    if (!existsSync(original)) continue;
    renameSync(original, path);
    // Newer than what was compiled from the edited one.
    writeFileSync(path, readFileSync(path));
  }
}

/** Does something while the source is changed. Throws Skipped where the source is not ours to change. */
export function edited(source: Source, edits: readonly SourceEdit[], act: () => void): void {
  if (source.origin === "KERNEL_SRC") {
    if (edits.length === 0) return act();
    throw new Skipped("KERNEL_SRC is somebody's own, and this kernel needs a line of it changed");
  }
  restore(source);
  try {
    for (const edit of edits) apply(source, edit);
    act();
  } finally {
    restore(source);
  }
}

/** Changes the one line. Throws BuildFailed if this kernel has no such line. */
function apply(source: Source, { file, within, find, replace, name }: SourceEdit): void {
  const path = pathOf(source, file);
  const text = readFileSync(path, "utf8");
  // Definitions begin at the line's start, with or without their type on the line before.
  const start = text.search(new RegExp(`^(?:\\w[^;{}()=]*[\\s*])?${within}\\([^;{]*\\)\\s*\\{`, "m"));
  const end = start < 0 ? -1 : text.indexOf("\n}", start);
  const body = end < 0 ? "" : text.slice(start, end);
  if (!find.test(body))
    throw new BuildFailed(`Linux ${source.version} has no line for "${name}" in ${within} of ${file}`);
  if (!existsSync(`${path}.original`)) copyFileSync(path, `${path}.original`);
  writeFileSync(path, text.slice(0, start) + body.replace(find, replace) + text.slice(end));
}
