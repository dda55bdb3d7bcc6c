import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The variable that names the folder in which all test files of a run share one build of the command. */
export const buildFolderVariable = "DMABUF_CONFORMANCE_TEST_BUILD";

/** Set-up of a test run: a place for the build. Whoever needs it first makes it, so that runs without it stay quick. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "dmabuf-conformance-build-"));
  process.env[buildFolderVariable] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
