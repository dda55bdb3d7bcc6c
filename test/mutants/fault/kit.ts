import type { Importer } from "../../../spec/roles/importer.ts";
import { inImporter, type Made, type Rest } from "../faulty.ts";
import type { Mutant } from "../mutant.ts";

/** A fault in an importer of this kind. */
export function faultyKind(
  kind: "faulting" | "guest" | "subject",
  rule: string,
  words: string,
  fault: Made<Importer>,
  rest: Rest = {},
): Mutant {
  return inImporter(rule, words, fault, { ...rest, kind });
}
