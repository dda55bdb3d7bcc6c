import { createHash } from "node:crypto";
import { accessSync, constants, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { Skipped } from "./skipped.ts";

/**
 * Where what is fetched and built stays: `DMABUF_CONFORMANCE_CACHE`, or a folder of the user's own cache. Made if need be.
 * Throws Skipped where it cannot be made, or not be written to.
 */
export function cacheFolder(...below: readonly string[]): string {
  const user = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const path = join(process.env["DMABUF_CONFORMANCE_CACHE"] ?? join(user, "dmabuf-conformance"), ...below);
  try {
    mkdirSync(path, { recursive: true });
    accessSync(path, constants.W_OK);
  } catch (error) {
    const advice = "set DMABUF_CONFORMANCE_CACHE to a folder that can be written to";
    throw new Skipped(`there is no place for what is built: ${(error as Error).message}; ${advice}`);
  }
  return path;
}

/** A short name for contents: the same contents, the same name. */
export function keyOf(...contents: readonly string[]): string {
  const hash = createHash("sha256");
  for (const content of contents) hash.update(`${content.length}:`).update(content);
  return hash.digest("hex").slice(0, 16);
}

/** All files of a folder as one text, names included, in a fixed order; folders in it do not count. */
export function folderText(folder: string): string {
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  const names = files.map(({ name }) => name).toSorted();
  return names.map((name) => `${name}\n${readFileSync(join(folder, name), "utf8")}`).join("\n");
}
