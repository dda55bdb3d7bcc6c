import type { Passed } from "../../generators/strategy.ts";
import { ReplayChooser, type Admit } from "../../harness/replay-chooser.ts";
import type { Errno } from "../../spec/errno.ts";
import type { Program } from "../../spec/program.ts";

/** Plays a stored program and tells of every place that could have failed. */
export class PassageChooser extends ReplayChooser {
  private readonly passed: Passed;

  constructor(program: Program, admit: Admit, passed: Passed) {
    super(program, admit);
    this.passed = passed;
  }

  override fail(step: string, site: string, nth: number): Errno {
    const errno = super.fail(step, site, nth);
    if (errno === 0) this.passed(step, site, nth);
    return errno;
  }

  override counts(): boolean {
    return true;
  }
}
