import { referenceSystem } from "../../../conformance/reference-system.ts";
import type { ReferenceFences } from "../../../reference-impl/fences/fences.ts";
import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import type { Step } from "../../../spec/program.ts";
import type { Env } from "../../../spec/roles/env.ts";
import type { Device, Direction, DmaBuf } from "../../../spec/roles/handles.ts";
import type { Importer } from "../../../spec/roles/importer.ts";
import { type Example, faultyPart, inImporter, type Made, type Rest, type Show, shownBy } from "../faulty.ts";
import { mutant } from "../mutant.ts";

const inFences = faultyPart<ReferenceFences>((fences) => ({ fences }));

/** A fault in the reference's fences. */
export function faultyFences(
  rule: string,
  words: string,
  fault: Made<ReferenceFences>,
  show: Show,
  rest?: Rest,
): Example {
  return shownBy(inFences(rule, words, fault, rest), show);
}

/** The world of the dynamic importer: i1, which has b1 as p1. */
function withImport(show: Show): Show {
  return (builder) =>
    show(builder.importer("i1", { kind: "subject" }).step("export", { buffer: "b1" }).step("import", p1));
}

/** A fault in the reference's dynamic importer: i1, which has b1 as p1. */
export function faultyImporter(rule: string, words: string, fault: Made<Importer>, show: Show, rest?: Rest): Example {
  return shownBy(inImporter(rule, words, fault, rest), withImport(show));
}

/** The dynamic importer with a wrong use of fences in front of its import. The program before it keeps the rule. */
export function misuser(
  rule: string,
  words: string,
  act: (env: Env, buffer: DmaBuf) => void,
  show: Show,
  rest: Rest = {},
): Example {
  const system = (reached: () => void) =>
    referenceSystem({ importers: { subject: (env) => new Misuser(env, act, reached) } });
  return shownBy(mutant(rule, words, system, rest), (builder) =>
    show(builder.importer("i1", { kind: "subject" }))
      .step("export", { buffer: "b1" })
      .step("import", p1),
  );
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
