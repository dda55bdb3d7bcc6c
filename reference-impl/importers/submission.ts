import type { AccessKind } from "../../spec/roles/env.ts";
import type { Attachment, Reservation } from "../../spec/roles/handles.ts";
import type { DynamicImport, Mapping } from "./dynamic-import.ts";

/** One access of a job, with the mapping it was validated against. */
export interface JobAccess {
  readonly import: DynamicImport;
  readonly attachment: Attachment;
  readonly mapping: Mapping;
  readonly kind: AccessKind;
}

/** What a submit works on: its uses, and each import and reservation object among them once. */
export class Submission {
  readonly uses: readonly { readonly import: DynamicImport; readonly kind: AccessKind }[];
  readonly imports: ReadonlySet<DynamicImport>;
  /** Whether something behind the object is written. */
  readonly writes: ReadonlyMap<Reservation, boolean>;
  /** The keys of `writes`, in the order of the uses. */
  readonly resvs: readonly Reservation[];

  constructor(uses: readonly { readonly import: DynamicImport; readonly kind: AccessKind }[]) {
    const imports = new Set<DynamicImport>();
    const writes = new Map<Reservation, boolean>();
    for (const { import: imported, kind } of uses) {
      imports.add(imported);
      const { resv } = imported.buffer;
      writes.set(resv, kind === "write" || writes.get(resv) === true);
    }
    this.uses = uses;
    this.imports = imports;
    this.writes = writes;
    this.resvs = [...writes.keys()];
  }
}
