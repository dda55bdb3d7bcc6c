import { referenceSystem } from "../../../conformance/reference-system.ts";
import type { MirrorImporter } from "../../../reference-impl/importers/mirror-importer.ts";
import type { ReferenceSpaces } from "../../../reference-impl/spaces/spaces.ts";
import type { Env } from "../../../spec/roles/env.ts";
import type { Exporter } from "../../../spec/roles/exporter.ts";
import { mutant, type Mutant } from "../mutant.ts";

type Rest = Parameters<typeof mutant>[3];

/** A fault in the importer that mirrors address spaces. */
export function faultyMirror(
  rule: string,
  words: string,
  fault: (reached: () => void) => new (env: Env) => MirrorImporter,
  rest: Rest = {},
): Mutant {
  return mutant(
    rule,
    words,
    (reached) => {
      const Faulty = fault(reached);
      return referenceSystem({ importers: { mirror: (env) => new Faulty(env) } });
    },
    rest,
  );
}

/** A fault in the address spaces themselves. */
export function faultySpaces(
  rule: string,
  words: string,
  fault: (reached: () => void) => new (env: Env) => ReferenceSpaces,
  rest: Rest = {},
): Mutant {
  return mutant(
    rule,
    words,
    (reached) => {
      const Faulty = fault(reached);
      return referenceSystem({ spaces: (env) => new Faulty(env) });
    },
    rest,
  );
}

/** A fault in the exporter whose memory VMAs show. */
export function faultyPeer(
  rule: string,
  words: string,
  fault: (reached: () => void) => new (env: Env) => Exporter,
  rest: Rest = {},
): Mutant {
  return mutant(
    rule,
    words,
    (reached) => {
      const Faulty = fault(reached);
      return referenceSystem({ exporters: { subject: (env) => new Faulty(env) } });
    },
    rest,
  );
}
