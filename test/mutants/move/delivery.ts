import { DefaultExporter } from "../../../reference-impl/exporter/default-exporter.ts";
import type { BufferObject } from "../../../reference-impl/exporter/buffer-object.ts";
import { ReferenceBuffers } from "../../../reference-impl/buffers/buffers.ts";
import type { ReferenceAttachment, ReferenceBuffer } from "../../../reference-impl/buffers/buffer.ts";
import { PinnedRevocableImporter } from "../../../reference-impl/importers/pinned-revocable-importer.ts";
import type { PinnedImport } from "../../../reference-impl/importers/pinned-importer.ts";
import { settle } from "../../../reference-impl/settle.ts";
import type { Attachment, DmaBuf } from "../../../spec/roles/handles.ts";
import { mutant } from "../mutant.ts";
import {
  blocking,
  defers,
  drives,
  example,
  patched,
  plainly,
  spurious,
  withBuffers,
  withExporter,
  withImporter,
  type Example,
} from "./parts.ts";

export const examples: readonly Example[] = [
  example(
    mutant("MOVE-01", "unrevoke sends its message after the unlock", (reached) =>
      withExporter(
        (env) =>
          new (class extends DefaultExporter {
            protected override *unrevokeObject(buffer: DmaBuf, object: BufferObject) {
              yield* env.lock(buffer.resv);
              object.revoked = false;
              yield* env.unlock(buffer.resv);
              reached();
              yield* env.invalidate(buffer);
            }
          })(env),
      ),
    ),
    (p) => p,
    (p) => p.step("revoke", { buffer: "b1" }).step("unrevoke", { buffer: "b1" }),
  ),
  example(
    mutant(
      "MOVE-02",
      "an invalidate stops at the first attachment without a callback",
      (reached) =>
        withBuffers(
          (env) =>
            new (class extends ReferenceBuffers {
              override *invalidate(buffer: ReferenceBuffer) {
                for (const attachment of buffer.attachments) {
                  if (!this.isRevocable(attachment)) return reached();
                  yield* this.notify(attachment);
                }
              }
            })(env),
        ),
      { from: ["M-MV7"], also: ["ATT-13"] },
    ),
    (p) => p.exporter("e1", { kind: "dynamic" }).importer("i1").importer("i2", { ops: "noCallback" }),
    (p) =>
      spurious(
        p
          .step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })
          .step("attach", { importer: "i2", buffer: "b1", attachment: "a2" }),
      ),
  ),
  example(
    mutant(
      "MOVE-02",
      "an invalidate leaves peer-to-peer attachments out",
      (reached) =>
        withBuffers(
          (env) =>
            new (class extends ReferenceBuffers {
              protected override *notify(attachment: ReferenceAttachment) {
                if (attachment.importerOps?.allowPeer2peer === true) reached();
                else yield* super.notify(attachment);
              }
            })(env),
        ),
      { also: ["ATT-13"] },
    ),
    (p) => p.importer("i1", { allowPeer2peer: true }),
    (p) => spurious(p.step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })),
  ),
  example(
    mutant(
      "MOVE-03",
      "callbacks are handed to a worker",
      (reached) =>
        withBuffers(
          (env) =>
            new (class extends ReferenceBuffers {
              protected override notify(attachment: ReferenceAttachment) {
                reached();
                return plainly(() =>
                  env.defer("notify", () => settle(attachment.importerOps?.invalidate?.(attachment))),
                );
              }
            })(env),
        ),
      { also: ["ATT-13", "MOVE-02"] },
    ),
    defers,
    (p) => spurious(p.step("attach", { importer: "i1", buffer: "b1", attachment: "a1" })),
  ),
  example(
    mutant(
      "MOVE-23",
      "the callback unmaps and unpins whether or not it has done so before",
      (reached) =>
        withImporter(
          "pinnedRevocable",
          (env) =>
            new (class extends PinnedRevocableImporter {
              protected override *end(imported: PinnedImport, attachment: Attachment) {
                if (imported.table === null) return;
                if (!imported.live) reached();
                imported.live = false;
                env.stopDevice(attachment);
                yield* env.unmap(attachment, imported.table, imported.direction);
                yield* env.unpin(attachment);
              }
            })(env),
        ),
      { also: ["REV-27", "MAP-15", "MOVE-20", "PIN-04", "REV-54"] },
    ),
    drives("pinnedRevocable"),
    (p) => spurious(spurious(p.step("import", { importer: "i1", buffer: "b1", import: "p1" }))),
  ),
  example(
    mutant(
      "MOVE-23",
      "release takes down the key without the lock",
      (reached) =>
        withImporter(
          "pinnedRevocable",
          (env) =>
            new (class extends PinnedRevocableImporter {
              override *release(entry: PinnedImport) {
                const { attachment, table } = entry;
                if (attachment === null || table === null) return yield* super.release(entry);
                yield* env.unmapUnlocked(attachment, table, entry.direction);
                reached();
                yield* env.point("deregister");
                yield* super.release(entry);
              }
            })(env),
        ),
      { from: ["M-MV5", "B-73"], also: ["MAP-15"] },
    ),
    drives("pinnedRevocable"),
    (p) =>
      spurious(
        p
          .step("import", { importer: "i1", buffer: "b1", import: "p1" })
          .step("import", { importer: "i1", buffer: "b1", import: "p2" })
          .task("t2")
          .step("release", { import: "p1" })
          .task("t1"),
      ).preempt({ step: "s4", site: "deregister", until: "s7" }),
  ),
  example(
    mutant("MOVE-26", "a move invalidates inside a fence-signalling section", (reached) =>
      withExporter(
        (env) =>
          new DefaultExporter(
            patched(env, {
              invalidate: (buffer: DmaBuf) =>
                blocking(
                  (function* () {
                    const cookie = env.beginSignalling();
                    reached();
                    yield* env.invalidate(buffer);
                    env.endSignalling(cookie);
                  })(),
                ),
            }),
          ),
      ),
    ),
    (p) => p,
    (p) => p.step("move", { buffer: "b1", placement: "device" }),
  ),
];

export const mutants = examples.map((entry) => entry.mutant);
