import { DefaultExporter } from "../../../reference-impl/exporter/default-exporter.ts";
import { ownObject } from "../../../reference-impl/exporter/buffer-object.ts";
import type { ReferenceAttachment, ReferenceBuffer } from "../../../reference-impl/buffers/buffer.ts";
import { ReferenceBuffers } from "../../../reference-impl/buffers/buffers.ts";
import { referenceSystem } from "../../../conformance/reference-system.ts";
import { program } from "../../../spec/builder.ts";
import type { Attachment, Direction, DmaBuf } from "../../../spec/roles/handles.ts";
import { mutant, type Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { a1, deferring, faultyExporter, m1, own } from "./kit.ts";

/** What happens to exporting devices, and what the framework says of attachments. */
export const examples: readonly Example[] = [
  {
    mutant: mutant("REV-01", "any importer ops count as revocable", (reached) =>
      referenceSystem({
        buffers: (env) =>
          new (class extends ReferenceBuffers {
            override isRevocable(attachment: ReferenceAttachment) {
              if (attachment.importerOps?.invalidate === undefined) reached();
              return attachment.importerOps !== null;
            }
          })(env),
      }),
    ),
    program: program("K7.1")
      .importer("i1", { ops: "noCallback" })
      .step("export", { buffer: "b1" })
      .step("attach", a1)
      .build(),
  },
  {
    mutant: mutant("REV-01", "no attachment is revocable before it is listed", (reached) =>
      referenceSystem({
        buffers: (env) =>
          new (class extends ReferenceBuffers {
            override isRevocable(attachment: ReferenceAttachment) {
              if (!attachment.listed) reached();
              return attachment.listed && super.isRevocable(attachment);
            }
          })(env),
      }),
    ),
    program: deferring(program("K7.1")).step("attach", a1).build(),
  },
  faultyExporter(
    "REV-31",
    "a reset forgets the newest buffer",
    (reached) =>
      class extends DefaultExporter {
        protected override *revokeAll(held: readonly DmaBuf[], forever: boolean) {
          if (held.length > 0) reached();
          yield* super.revokeAll(held.slice(1), forever);
        }
      },
    (builder) => deferring(builder).step("reset", { exporter: "e1" }),
  ),
  faultyExporter(
    "REV-32",
    "the memory goes off before the revoke",
    (reached) =>
      class extends DefaultExporter {
        protected override *revokeAll(held: readonly DmaBuf[], forever: boolean) {
          reached();
          this.env.setDeviceMemory(false);
          yield* super.revokeAll(held, forever);
        }
      },
    (builder) => deferring(builder).step("closeDevice", { exporter: "e1" }),
    { from: ["M-RV5", "B-82"] },
  ),
  faultyExporter(
    "REV-33",
    "a reset leaves its buffers revoked",
    (reached) =>
      class extends DefaultExporter {
        protected override *unrevokeAll() {
          reached();
          yield* this.env.point("skipped");
        }
      },
    (builder) => deferring(builder).step("attach", a1).step("reset", { exporter: "e1" }).step("mapUnlocked", m1),
    { also: ["REV-19"] },
  ),
  faultyExporter(
    "REV-34",
    "a buffer exported while the memory is off starts open",
    (reached) =>
      class extends DefaultExporter {
        protected override startsRevoked() {
          if (!this.memoryOn) reached();
          return false;
        }
      },
    (builder) =>
      builder
        .importer("i1", { kind: "pinnedRevocable" })
        .step("setMemory", { exporter: "e1", on: false })
        .step("export", { buffer: "b1" })
        .step("import", own),
    { also: ["ATT-23", "LIFE-20", "MAP-24", "REV-04"] },
  ),
  faultyExporter(
    "REV-39",
    "map takes the device lock inside the reservation lock",
    (reached) =>
      class extends DefaultExporter {
        override *map(attachment: Attachment, direction: Direction) {
          reached();
          yield* this.env.lockMutex(this.mutex);
          const table = yield* super.map(attachment, direction);
          yield* this.env.unlockMutex(this.mutex);
          return table;
        }
      },
    (builder) => deferring(builder).step("attach", a1).step("mapUnlocked", m1).step("revoke", { buffer: "b1" }),
  ),
  faultyExporter(
    "REV-39",
    "revoke and unrevoke do not exclude each other",
    (reached) =>
      class extends DefaultExporter {
        protected override *hold(buffer: DmaBuf) {
          reached();
          yield* this.env.getRef(buffer);
          return ownObject(buffer);
        }
        protected override *drop(buffer: DmaBuf) {
          yield* this.env.put(buffer);
        }
      },
    (builder) =>
      deferring(builder)
        .step("attach", a1)
        .step("mapUnlocked", m1)
        .step("revoke", { buffer: "b1" })
        .task("t2")
        .step("unrevoke", { buffer: "b1" }),
  ),
  {
    mutant: mutant("REV-51", "a last put inside a reset runs the release at once", (reached) => {
      let inside = false;
      return referenceSystem({
        buffers: (env) =>
          new (class extends ReferenceBuffers {
            override put(buffer: ReferenceBuffer) {
              if (!inside || buffer.refs > 1) return super.put(buffer);
              buffer.refs -= 1;
              reached();
              return this.release(buffer) as unknown as void;
            }
          })(env),
        exporters: {
          subject: (env) =>
            new (class extends DefaultExporter {
              protected override *unrevokeAll(held: readonly DmaBuf[]) {
                yield* super.unrevokeAll(held);
                inside = true;
                yield* super.dropAll(held);
                inside = false;
              }
              protected override *dropAll() {
                yield* this.env.point("dropped");
              }
            })(env),
        },
      });
    }),
    program: deferring(program("K7.1"))
      .step("exportFd", { buffer: "b1", fd: "fd1" })
      .step("reset", { exporter: "e1" })
      .task("t2")
      .step("close", { fd: "fd1" })
      .preempt({ step: "s3", site: "reset", until: "s4" })
      .build(),
  },
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
