import { BadInput } from "../spec/bad-input.ts";
import { note, writeInto, type ExitCode } from "./output.ts";

/**
 * The folder of `--output`, if one was given. Where a file cannot be written, one line says so and the command ends with
 * 3; it goes on and gives its answer all the same: a full disk costs files and no verdicts.
 */
export class OutputFolder {
  readonly path: string | undefined;
  private failed = false;

  constructor(path: string | undefined) {
    this.path = path;
  }

  /** Writes a file, whole or not at all, and answers its path; null where there is no folder or no way to write. */
  write(name: string, text: string): string | null {
    if (this.path === undefined) return null;
    try {
      return writeInto(this.path, name, text);
    } catch (error) {
      if (!(error instanceof BadInput)) throw error;
      // The first is enough: whatever it is, it is seldom about one file.
      if (!this.failed) note(error.message);
      this.failed = true;
      return null;
    }
  }

  /** What the command ends with: 3 where a file is missing. */
  codeWith(code: ExitCode): ExitCode {
    return this.failed ? 3 : code;
  }
}
