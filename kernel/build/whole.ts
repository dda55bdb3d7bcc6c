import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const mark = "whole";

function sumOf(folder: string, files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(join(folder, file)));
  return hash.digest("hex");
}

/** Marks a folder of the cache as complete: these files are what counts in it. */
export function markWhole(folder: string, files: readonly string[]): void {
  writeFileSync(join(folder, mark), sumOf(folder, files));
}

/** Whether a folder was completed and its files are still what they were. */
export function isWhole(folder: string, files: readonly string[]): boolean {
  const path = join(folder, mark);
  if (!existsSync(path) || files.some((file) => !existsSync(join(folder, file)))) return false;
  return readFileSync(path, "utf8") === sumOf(folder, files);
}

/** Whether a folder was once completed. */
export function wasWhole(folder: string): boolean {
  return existsSync(join(folder, mark));
}
