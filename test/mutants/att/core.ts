import { EBUSY, EINVAL, ENODEV } from "../../../spec/errno.ts";
import type { Device, Direction, ImporterOps, SgTable } from "../../../spec/roles/handles.ts";
import type { ReferenceAttachment, ReferenceBuffer } from "../../../reference-impl/buffers/buffer.ts";
import { ReferenceBuffers } from "../../../reference-impl/buffers/buffers.ts";
import type { Example } from "../faulty.ts";
import { a1, b1, faultyCore, m1 } from "../life/kit.ts";
import type { Mutant } from "../mutant.ts";

const a2 = { ...a1, attachment: "a2" } as const;
const lock = { resv: "b1.resv" } as const;

/** Faults in attach, detach, the list and the callbacks. */
export const examples: readonly Example[] = [
  faultyCore(
    "ATT-01",
    "attach without a device answers ENODEV",
    (reached) =>
      class extends ReferenceBuffers {
        override *attach(
          buffer: ReferenceBuffer | null,
          device: Device | null,
          ops: ImporterOps | null,
          priv?: unknown,
        ) {
          const attachment = yield* super.attach(buffer, device, ops, priv);
          if (device === null) reached();
          return device === null ? ENODEV : attachment;
        }
      },
    (builder) => builder.step("export", b1).step("attach", { ...a1, noDevice: true }),
  ),
  faultyCore(
    "ATT-02",
    "the callback is still demanded in 7.1",
    (reached) =>
      class extends ReferenceBuffers {
        override *attach(
          buffer: ReferenceBuffer | null,
          device: Device | null,
          ops: ImporterOps | null,
          priv?: unknown,
        ) {
          const demanded = ops !== null && ops.invalidate === undefined;
          if (demanded) reached();
          return demanded ? EINVAL : yield* super.attach(buffer, device, ops, priv);
        }
      },
    (builder) => builder.importer("i1", { ops: "noCallback" }).step("export", b1).step("attach", a1),
  ),
  faultyCore(
    "ATT-03",
    "the attach hook runs under the lock",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *callAttach(attachment: ReferenceAttachment) {
          const { resv } = attachment.buffer;
          yield* this.env.lock(resv);
          reached();
          const errno = yield* super.callAttach(attachment);
          yield* this.env.unlock(resv);
          return errno;
        }
      },
    (builder) => builder.step("export", b1).step("attach", a1),
  ),
  faultyCore(
    "ATT-04",
    "a refusal by the exporter becomes EINVAL",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *callAttach(attachment: ReferenceAttachment) {
          const errno = yield* super.callAttach(attachment);
          if (errno !== 0) reached();
          return errno === 0 ? 0 : EINVAL;
        }
      },
    (builder) => builder.step("export", b1).step("attach", a1).fail({ step: "s2", site: "hook:attach", errno: EBUSY }),
  ),
  faultyCore(
    "ATT-04",
    "an attachment is listed although its attach hook failed",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *callAttach(attachment: ReferenceAttachment) {
          const errno = yield* super.callAttach(attachment);
          if (errno !== 0) reached();
          if (errno !== 0) this.listAdd(attachment);
          return errno;
        }
      },
    (builder) => builder.step("export", b1).step("attach", a1).fail({ step: "s2", site: "hook:attach", errno: EBUSY }),
    { also: ["ATT-14", "LIFE-12"] },
  ),
  faultyCore(
    "ATT-07",
    "the peer-to-peer flag is set after the attach hook",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *callAttach(attachment: ReferenceAttachment) {
          const { peer2peer } = attachment;
          if (peer2peer) reached();
          attachment.peer2peer = false;
          const errno = yield* super.callAttach(attachment);
          attachment.peer2peer = peer2peer;
          return errno;
        }
      },
    (builder) => builder.importer("i1", { allowPeer2peer: true }).step("export", b1).step("attach", a1),
    { also: ["ATT-08"] },
  ),
  faultyCore(
    "ATT-13",
    "notification stops at the first attachment without a callback",
    (reached) =>
      class extends ReferenceBuffers {
        override *invalidate(buffer: ReferenceBuffer) {
          const { attachments } = buffer;
          const end = attachments.findIndex((attachment) => !this.isRevocable(attachment));
          if (end >= 0 && end < attachments.length - 1) reached();
          buffer.attachments = end < 0 ? attachments : attachments.slice(0, end);
          yield* super.invalidate(buffer);
          buffer.attachments = attachments;
        }
      },
    (builder) =>
      builder
        .exporter("e1", { kind: "scripted" })
        .importer("i1")
        .importer("i2", { ops: "static" })
        .step("export", b1)
        .step("attach", a1)
        .step("attach", { ...a2, importer: "i2" })
        .step("lock", lock)
        .step("invalidate", b1),
    { from: ["M-MV7"], also: ["MOVE-02"] },
  ),
  faultyCore(
    "ATT-14",
    "an attachment is listed before the lock is taken",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *callAttach(attachment: ReferenceAttachment) {
          const errno = yield* super.callAttach(attachment);
          if (errno === 0) super.listAdd(attachment);
          return errno;
        }
        protected override listAdd() {
          reached();
        }
      },
    (builder) => builder.step("export", b1).step("attach", a1),
  ),
  faultyCore(
    "ATT-15",
    "the detach hook runs before the attachment is off the list",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *dropCachedTable(attachment: ReferenceAttachment) {
          yield* super.dropCachedTable(attachment);
          reached();
          yield* super.callDetach(attachment);
        }
        protected override *callDetach() {}
      },
    (builder) => builder.step("export", b1).step("attach", a1),
  ),
  faultyCore(
    "ATT-16",
    "the last detached attachment is still called back",
    (reached) =>
      class extends ReferenceBuffers {
        private last: ReferenceAttachment | null = null;
        protected override listDel(attachment: ReferenceAttachment) {
          this.last = attachment;
          return super.listDel(attachment);
        }
        override *invalidate(buffer: ReferenceBuffer) {
          yield* super.invalidate(buffer);
          if (this.last === null || this.last.buffer !== buffer) return;
          reached();
          yield* this.notify(this.last);
        }
      },
    (builder) =>
      builder
        .step("export", b1)
        .step("attach", a1)
        .step("detach", { attachment: "a1" })
        .step("attach", a2)
        .step("detach", { attachment: "a2" })
        .step("lock", lock)
        .step("invalidate", b1),
    { also: ["ATT-13", "MOVE-02"] },
  ),
  faultyCore(
    "ATT-18",
    "detach takes an attachment off the list of another buffer",
    (reached) =>
      class extends ReferenceBuffers {
        override *detach(buffer: ReferenceBuffer | null, attachment: ReferenceAttachment | null) {
          if (attachment !== null && attachment.buffer !== buffer) reached();
          yield* super.detach(attachment?.buffer ?? null, attachment);
        }
      },
    (builder) =>
      builder
        .step("export", b1)
        .step("attach", a1)
        .step("detach", { attachment: "a1", buffer: null }, { misuse: true }),
  ),
  faultyCore(
    "ATT-21",
    "attachments of one device share a table",
    (reached) =>
      class extends ReferenceBuffers {
        private readonly tables = new Map<Device, SgTable>();
        protected override *callMap(attachment: ReferenceAttachment, direction: Direction) {
          const known = this.tables.get(attachment.device);
          if (known !== undefined) reached();
          const table = known ?? (yield* super.callMap(attachment, direction));
          if (typeof table !== "number") this.tables.set(attachment.device, table);
          return table;
        }
      },
    (builder) =>
      builder
        .step("export", b1)
        .step("attach", a1)
        .step("attach", a2)
        .step("mapUnlocked", m1)
        .step("mapUnlocked", { ...m1, attachment: "a2", mapping: "m2" }),
    { also: ["MAP-38"] },
  ),
  faultyCore(
    "ATT-27",
    "attach maps for a static importer, as in 6.12",
    (reached) =>
      class extends ReferenceBuffers {
        protected override isCachedAtAttach(attachment: ReferenceAttachment) {
          const mixed = this.isDynamicAttachment(attachment) !== this.isDynamic(attachment.buffer);
          if (mixed) reached();
          return mixed;
        }
      },
    (builder) => builder.exporter("e1", { kind: "scripted" }).step("export", b1).step("attach", a1),
  ),
  faultyCore(
    "ATT-27",
    "attach of 6.12 leaves pin and map to the first map",
    (reached) =>
      class extends ReferenceBuffers {
        protected override isCachedAtAttach(attachment: ReferenceAttachment) {
          if (super.isCachedAtAttach(attachment)) reached();
          return false;
        }
      },
    (builder) => builder.importer("i1", { ops: "static" }).step("export", b1).step("attach", a1),
    { profile: "K6.12", also: ["PIN-10"] },
  ),
  faultyCore(
    "ATT-32",
    "a map that fails inside attach leaves the pin",
    (reached) =>
      class extends ReferenceBuffers {
        private unwinding = false;
        protected override *pinAndCache(attachment: ReferenceAttachment) {
          this.unwinding = true;
          const errno = yield* super.pinAndCache(attachment);
          this.unwinding = false;
          return errno;
        }
        protected override *callUnpin(attachment: ReferenceAttachment) {
          if (this.unwinding) reached();
          else yield* super.callUnpin(attachment);
        }
      },
    (builder) =>
      builder
        .importer("i1", { ops: "static" })
        .step("export", b1)
        .step("attach", a1)
        .fail({ step: "s2", site: "hook:map", errno: EBUSY }),
    { profile: "K6.12", also: ["PIN-11"] },
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
