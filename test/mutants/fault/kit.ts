import { referenceSystem } from "../../../conformance/reference-system.ts";
import type { Env } from "../../../spec/roles/env.ts";
import type { Importer } from "../../../spec/roles/importer.ts";
import { mutant, type Mutant } from "../mutant.ts";

/** A fault in an importer of this kind. */
export function faultyKind(
  kind: "faulting" | "guest" | "subject",
  rule: string,
  words: string,
  fault: (reached: () => void) => new (env: Env) => Importer,
  rest: Parameters<typeof mutant>[3] = {},
): Mutant {
  return mutant(
    rule,
    words,
    (reached) => {
      const Faulty = fault(reached);
      return referenceSystem({ importers: { [kind]: (env) => new Faulty(env) } });
    },
    rest,
  );
}
