import { coreContractName, programSchema, type Program, type Step } from "../../spec/program.ts";
import { Names } from "../../spec/scopes/names.ts";
import type { Scope } from "../../spec/scopes/scope.ts";
import type { Instance } from "./instances.ts";

/** Writes the program of a way through a scope: its prelude, then the steps of each transition. */
export class Script {
  /** What the ids stand for at this point. */
  readonly names: Names;
  readonly steps: Step[] = [];
  private readonly scope: Scope;
  private readonly counts = new Map<string, number>();

  constructor(scope: Scope) {
    this.scope = scope;
    this.names = new Names(scope.objects, (kind) => {
      const count = (this.counts.get(kind) ?? 0) + 1;
      this.counts.set(kind, count);
      return `${kind}${count}`;
    });
    for (const draft of scope.prelude) this.add(draft);
  }

  /** Adds a transition, given with the ids that its objects really have. Answers its steps. */
  write({ operation, a, b, c }: Instance): readonly Step[] {
    return operation.steps(this.names, a, b, c).map((draft) => this.add(draft));
  }

  /** The program so far. */
  program(): Program {
    return {
      schema: programSchema,
      contract: coreContractName,
      profile: this.scope.profile,
      setup: this.scope.setup,
      steps: [...this.steps],
      schedule: [],
      failures: [],
    };
  }

  private add(draft: Scope["prelude"][number]): Step {
    const step = { id: `s${this.steps.length + 1}`, ...draft } as Step;
    this.steps.push(step);
    return step;
  }
}
