import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { vi } from "vitest";
import { buildFolderVariable } from "./build-folder.ts";

/** What a command printed and ended with. */
export interface Answer {
  readonly out: string;
  readonly err: string;
  readonly code: number | null;
}

/** The command as it is shipped: compiled once for a test run, in a copy of the test file's own. */
export class BuiltCommand {
  readonly folder = mkdtempSync(join(tmpdir(), "dmabuf-conformance-"));

  constructor() {
    cpSync(sharedBuild(), this.folder, { recursive: true });
    symlinkSync(resolve("node_modules"), join(this.folder, "node_modules"));
    writeFileSync(join(this.folder, "package.json"), '{ "type": "module" }\n');
  }

  /**
   * Runs it with these arguments, in this process: only the first time it has to be loaded. Its threads are its own as
   * ever; what it loads itself stays loaded.
   */
  async run(...words: readonly string[]): Promise<Answer> {
    const answer = { out: "", err: "" };
    const writers = [
      vi.spyOn(process.stdout, "write").mockImplementation(takes((text) => (answer.out += text))),
      vi.spyOn(process.stderr, "write").mockImplementation(takes((text) => (answer.err += text))),
    ];
    try {
      const { runCommandLine } = (await import(pathToFileURL(join(this.folder, "cli", "command-line.js")).href)) as {
        readonly runCommandLine: (words: readonly string[]) => Promise<number>;
      };
      const code = await runCommandLine(words);
      return { ...answer, code };
    } finally {
      for (const writer of writers) writer.mockRestore();
    }
  }

  /** Runs it in a process of its own, with its answer sent to an open file where one is given. */
  spawn({ stdout }: { readonly stdout?: number }, ...words: readonly string[]): Answer {
    const ended = spawnSync(process.execPath, [this.main, ...words], {
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
      stdio: ["pipe", stdout ?? "pipe", "pipe"],
    });
    return { out: ended.stdout, err: ended.stderr, code: ended.status };
  }

  /** The file that Node.js runs. */
  get main(): string {
    return join(this.folder, "cli", "main.js");
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

/** A stream's write that hands all text to one reader. */
function takes(read: (text: string) => void): typeof process.stdout.write {
  return (chunk: string | Uint8Array) => {
    read(String(chunk));
    return true;
  };
}

/** The build of this run. Test files run side by side: the first to come makes it, the others wait. */
function sharedBuild(): string {
  const folder = process.env[buildFolderVariable]!;
  const [built, outcome] = [join(folder, "built"), join(folder, "outcome")];
  try {
    mkdirSync(join(folder, "begun"));
  } catch {
    const never = new Int32Array(new SharedArrayBuffer(4));
    while (!existsSync(outcome)) Atomics.wait(never, 0, 0, 50);
    if (readFileSync(outcome, "utf8") !== "") throw new Error(readFileSync(outcome, "utf8"));
    return built;
  }
  const tsc = resolve("node_modules/typescript/bin/tsc");
  const words = [tsc, "-p", "tsconfig.build.json", "--outDir", built, "--noCheck", "--declaration", "false"];
  const { status, stdout } = spawnSync(process.execPath, words, { encoding: "utf8" });
  const problem = status === 0 ? "" : `the build of the command failed:\n${stdout}`;
  // In one step: who waits must not read half of it.
  writeFileSync(`${outcome}.new`, problem);
  renameSync(`${outcome}.new`, outcome);
  if (problem !== "") throw new Error(problem);
  return built;
}
