import { referenceSystem } from "../../../conformance/reference-system.ts";
import type { ReferenceFences } from "../../../reference-impl/fences/fences.ts";
import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import { program, type ProgramBuilder } from "../../../spec/builder.ts";
import type { Program, Step } from "../../../spec/program.ts";
import type { Env } from "../../../spec/roles/env.ts";
import type { Device, Direction, DmaBuf } from "../../../spec/roles/handles.ts";
import type { Importer } from "../../../spec/roles/importer.ts";
import { mutant, type Mutant } from "../mutant.ts";

/** A mutant with the shortest program that shows it. */
export interface Example {
  readonly mutant: Mutant;
  readonly program: Program;
}

type Rest = Parameters<typeof mutant>[3];
type Show = (builder: ProgramBuilder) => ProgramBuilder;

/** A fault in the reference's fences. */
export function faultyFences(
  rule: string,
  words: string,
  fault: (reached: () => void) => new (env: Env) => ReferenceFences,
  show: Show,
  rest: Rest = {},
): Example {
  const faulty = mutant(
    rule,
    words,
    (reached) => {
      const Faulty = fault(reached);
      return referenceSystem({ fences: (env) => new Faulty(env) });
    },
    rest,
  );
  return { mutant: faulty, program: show(program(faulty.profile)).build() };
}

/** A fault in the reference's dynamic importer: i1, which has b1 as p1. */
export function faultyImporter(
  rule: string,
  words: string,
  fault: (reached: () => void) => new (env: Env) => Importer,
  show: Show,
  rest: Rest = {},
): Example {
  const faulty = mutant(
    rule,
    words,
    (reached) => {
      const Faulty = fault(reached);
      return referenceSystem({ importers: { subject: (env) => new Faulty(env) } });
    },
    rest,
  );
  const builder = program(faulty.profile).importer("i1", { kind: "subject" });
  return { mutant: faulty, program: show(builder.step("export", { buffer: "b1" }).step("import", p1)).build() };
}

/** The dynamic importer with a wrong use of fences in front of its import. The program before it keeps the rule. */
export function misuser(
  rule: string,
  words: string,
  act: (env: Env, buffer: DmaBuf) => void,
  show: Show,
  rest: Rest = {},
): Example {
  const faulty = mutant(
    rule,
    words,
    (reached) => referenceSystem({ importers: { subject: (env) => new Misuser(env, act, reached) } }),
    rest,
  );
  const builder = program(faulty.profile).importer("i1", { kind: "subject" });
  return { mutant: faulty, program: show(builder).step("export", { buffer: "b1" }).step("import", p1).build() };
}

class Misuser extends DynamicImporter {
  private readonly act: (env: Env, buffer: DmaBuf) => void;
  private readonly reached: () => void;

  constructor(env: Env, act: Misuser["act"], reached: () => void) {
    super(env);
    this.act = act;
    this.reached = reached;
  }

  override import(buffer: DmaBuf, device: Device, direction: Direction) {
    this.reached();
    this.act(this.env, buffer);
    return super.import(buffer, device, direction);
  }
}

/** An importer's env with one of its calls replaced. */
export function instead<K extends keyof Env>(env: Env, name: K, value: Env[K]): Env {
  return Object.create(env, { [name]: { value } }) as Env;
}

export const p1 = { importer: "i1", buffer: "b1", import: "p1" } as const;

/** A fence of timeline 1, or of another, with a number and owner operations. */
export function fence(
  name: string,
  rest: Partial<Omit<Step<"fenceInit">, "id" | "task" | "op" | "fence">> = {},
): Omit<Step<"fenceInit">, "id" | "task" | "op"> {
  return { fence: name, timeline: 1, seqno: 1, seqno64: false, hooks: [], ...rest };
}

export const f1 = { fence: "f1" } as const;
export const f2 = { fence: "f2" } as const;
export const a1 = { fence: "a1" } as const;
export const callback = { fence: "f1", callback: "k1" } as const;
