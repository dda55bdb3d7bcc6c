import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, symlinkSync, writeFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** What a command printed and ended with. */
export interface Answer {
  readonly out: string;
  readonly err: string;
  readonly code: number | null;
}

/** The command as it is shipped: compiled once for a test file, in a folder of its own. */
export class BuiltCommand {
  readonly folder = mkdtempSync(join(tmpdir(), "dmabuf-conformance-"));

  constructor() {
    const root = resolve(".");
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    execFileSync(process.execPath, [
      tsc,
      "-p",
      "tsconfig.build.json",
      "--outDir",
      this.folder,
      "--declaration",
      "false",
    ]);
    symlinkSync(join(root, "node_modules"), join(this.folder, "node_modules"));
    writeFileSync(join(this.folder, "package.json"), '{ "type": "module" }\n');
  }

  /** Runs it with these arguments; `input` files are given by path. */
  run(...words: readonly string[]): Answer {
    const { stdout, stderr, status } = spawnSync(process.execPath, [join(this.folder, "cli", "main.js"), ...words], {
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
    });
    return { out: stdout, err: stderr, code: status };
  }

  /** Writes a file into the folder and answers its path. */
  file(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
