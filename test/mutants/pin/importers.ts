import type { Env } from "../../../spec/roles/env.ts";
import type { Attachment, Device, Direction, DmaBuf } from "../../../spec/roles/handles.ts";
import { DynamicImporter } from "../../../reference-impl/importers/dynamic-importer.ts";
import { type PinnedImport, PinnedImporter } from "../../../reference-impl/importers/pinned-importer.ts";
import { PinnedRevocableImporter } from "../../../reference-impl/importers/pinned-revocable-importer.ts";
import { StaticImport, StaticImporter } from "../../../reference-impl/importers/static-importer.ts";
import type { Submission } from "../../../reference-impl/importers/submission.ts";
import { EBUSY } from "../../../spec/errno.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { faultyImporter } from "../life/kit.ts";
import { beside, blocking, j1, nothing, p1, p2, patched, world } from "./worlds.ts";

/** Faults of importers that pin. */
export const examples: readonly Example[] = [
  faultyImporter(
    "PIN-01",
    "unpin comes after the unlock",
    (reached) =>
      class extends PinnedRevocableImporter {
        constructor(env: Env) {
          function* unpin(attachment: Attachment) {
            env.unlock(attachment.buffer.resv);
            reached();
            yield* env.unpin(attachment);
            yield* env.lock(attachment.buffer.resv);
          }
          super(patched(env, { unpin: (attachment: Attachment) => blocking(unpin(attachment)) }));
        }
      },
    (builder) => world("subject", "pinnedRevocable")(builder).step("import", p1).step("release", { import: "p1" }),
    { kind: "pinnedRevocable", from: ["M-PN3", "B-46"] },
  ),
  faultyImporter(
    "PIN-02",
    "an importer without ops pins",
    (reached) =>
      class extends StaticImporter {
        protected override *attachAndMap(buffer: DmaBuf, device: Device, direction: Direction) {
          const imported = yield* super.attachAndMap(buffer, device, direction);
          if (!(imported instanceof StaticImport)) return imported;
          reached();
          yield* this.env.lock(buffer.resv);
          yield* this.env.pin(imported.attachment);
          yield* this.env.unpin(imported.attachment);
          yield* this.env.unlock(buffer.resv);
          return imported;
        }
      },
    (builder) => beside("static", "static")(builder).step("import", p1).step("import", p2),
    { kind: "static", also: ["PIN-14"] },
  ),
  faultyImporter(
    "PIN-04",
    "a failed map unpins, and the way out unpins again",
    (reached) =>
      class extends PinnedRevocableImporter {
        constructor(env: Env) {
          function* detach(buffer: DmaBuf, attachment: Attachment) {
            reached();
            yield* env.lock(buffer.resv);
            yield* env.unpin(attachment);
            yield* env.unlock(buffer.resv);
            yield* env.detach(buffer, attachment);
          }
          super(patched(env, { detach: (b: DmaBuf, attachment: Attachment) => blocking(detach(b, attachment)) }));
        }
      },
    (builder) =>
      world("subject", "pinnedRevocable")(builder).step("import", p1).fail({ step: "s2", site: "hook:map", errno: 12 }),
    { kind: "pinnedRevocable", from: ["M-PN1", "B-45"] },
  ),
  faultyImporter(
    "PIN-04",
    "release forgets the pin",
    (reached) =>
      class extends PinnedRevocableImporter {
        constructor(env: Env) {
          super(patched(env, { unpin: () => nothing(undefined) }));
        }
        protected override *end(imported: PinnedImport, attachment: Attachment) {
          if (imported.live) reached();
          yield* super.end(imported, attachment);
        }
      },
    (builder) => world("subject", "pinnedRevocable")(builder).step("import", p1).step("release", { import: "p1" }),
    { kind: "pinnedRevocable", also: ["ATT-17"] },
  ),
  faultyImporter(
    "PIN-08",
    "each job pins its buffers",
    (reached) =>
      class extends DynamicImporter {
        protected override *prepare(submission: Submission) {
          const errno = yield* super.prepare(submission);
          for (const { attachment } of errno === 0 ? submission.imports : []) {
            reached();
            if ((yield* this.env.pin(attachment!)) === 0) yield* this.env.unpin(attachment!);
          }
          return errno;
        }
      },
    (builder) => beside("subject", "subject")(builder).step("import", p1).step("import", p2).step("submit", j1),
    { also: ["PIN-14"] },
  ),
  faultyImporter(
    "PIN-13",
    "an importer that can be told nothing does not pin",
    (reached) =>
      class extends PinnedImporter {
        constructor(env: Env) {
          super(patched(env, { pin: () => (reached(), nothing(0)), unpin: () => nothing(undefined) }));
        }
      },
    (builder) => world("dynamic", "pinned")(builder).step("import", p1),
    { kind: "pinned" },
  ),
  faultyImporter(
    "PIN-18",
    "the callback of a pinned importer only prints",
    (reached) =>
      class extends PinnedRevocableImporter {
        protected override invalidate() {
          reached();
          return nothing(undefined);
        }
      },
    (builder) => world("subject", "pinnedRevocable")(builder).step("import", p1).step("revoke", { buffer: "b1" }),
    { kind: "pinnedRevocable", from: ["B-80"], also: ["MOVE-21", "MOVE-22", "REV-02", "REV-26"] },
  ),
  faultyImporter(
    "PIN-21",
    "nobody looks at what pin answers",
    (reached) =>
      class extends PinnedRevocableImporter {
        constructor(env: Env) {
          function* pin(attachment: Attachment) {
            if ((yield* env.pin(attachment)) !== 0) reached();
            return 0;
          }
          super(patched(env, { pin: (attachment: Attachment) => blocking(pin(attachment)) }));
        }
      },
    (builder) =>
      world(
        "subject",
        "pinnedRevocable",
      )(builder)
        .step("import", p1)
        .fail({ step: "s2", site: "hook:pin", errno: EBUSY }),
    { kind: "pinnedRevocable", also: ["PIN-04"] },
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
