import { EBADF, EINVAL, ENOMEM } from "../../../spec/errno.ts";
import type { Suspension } from "../../../spec/roles/suspendable.ts";
import { ReferenceBuffer } from "../../../reference-impl/buffers/buffer.ts";
import type { CheckedOps, ReferenceFileDescriptor } from "../../../reference-impl/buffers/buffer.ts";
import { ReferenceBuffers } from "../../../reference-impl/buffers/buffers.ts";
import type { ExportInfo, Owner } from "../../../spec/roles/handles.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { b1, faultyCore, fd1 } from "./kit.ts";

/** Faults in export, references, descriptors and names. */
export const examples: readonly Example[] = [
  faultyCore(
    "LIFE-01",
    "export takes a buffer without private data",
    (reached) =>
      class extends ReferenceBuffers {
        override export(info: ExportInfo) {
          if (info.priv !== null) return super.export(info);
          reached();
          return super.export({ ...info, priv: {} });
        }
      },
    (builder) => builder.step("export", { ...b1, missing: ["priv"] }),
  ),
  faultyCore(
    "LIFE-02",
    "export takes half a pair of pin and unpin",
    (reached) =>
      class extends ReferenceBuffers {
        protected override checkPinning() {
          reached();
          return 0;
        }
      },
    (builder) => builder.step("export", { ...b1, missing: ["pin"] }),
  ),
  faultyCore(
    "LIFE-03",
    "export takes caching together with pin",
    (reached) =>
      class extends ReferenceBuffers {
        protected override checkPinning() {
          reached();
          return 0;
        }
      },
    (builder) => builder.exporter("e1", { kind: "scriptedDynamic" }).step("export", { ...b1, caching: true }),
    { profile: "K6.12" },
  ),
  faultyCore(
    "LIFE-04",
    "export rounds the size to pages",
    (reached) =>
      class extends ReferenceBuffers {
        override export(info: ExportInfo) {
          reached();
          return super.export({ ...info, size: Math.ceil(info.size / 4096) * 4096 });
        }
      },
    (builder) =>
      builder
        .buffer("b1", { size: 100 })
        .step("export", b1)
        .step("seek", { ...b1, offset: 0, whence: 2 }),
    { also: ["LIFE-29"] },
  ),
  faultyCore(
    "LIFE-05",
    "export ignores the exporter's reservation object",
    (reached) =>
      class extends ReferenceBuffers {
        protected override allocateBuffer({ resv, ...info }: ExportInfo, ops: CheckedOps, owner: Owner | null) {
          if (resv !== undefined) reached();
          return super.allocateBuffer(info, ops, owner);
        }
      },
    (builder) => builder.reservation("r1").buffer("b1", { resv: "r1" }).step("export", b1),
  ),
  faultyCore(
    "LIFE-08",
    "a closed descriptor is answered EINVAL",
    (reached) =>
      class extends ReferenceBuffers {
        override get(fd: ReferenceFileDescriptor) {
          const buffer = super.get(fd);
          if (buffer === EBADF) reached();
          return buffer === EBADF ? EINVAL : buffer;
        }
      },
    (builder) =>
      builder.step("export", b1).step("exportFd", fd1).step("close", { fd: "fd1" }).step("get", { fd: "fd1" }),
  ),
  faultyCore(
    "LIFE-10",
    "a reference taken on purpose does not count",
    (reached) =>
      class extends ReferenceBuffers {
        override getRef() {
          reached();
        }
      },
    (builder) => builder.step("export", b1).step("getRef", b1).step("put", b1),
  ),
  faultyCore(
    "LIFE-10",
    "the release hook runs twice",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *release(buffer: ReferenceBuffer): Generator<Suspension, void, unknown> {
          const hook = buffer.ops.release(buffer);
          if (typeof hook === "object" && "next" in hook) yield* hook;
          reached();
          yield* super.release(buffer);
        }
      },
    (builder) => builder.step("export", b1),
  ),
  faultyCore(
    "LIFE-15",
    "export does not hold the module",
    (reached) =>
      class extends ReferenceBuffers {
        override export({ owner: _owner, ...info }: ExportInfo) {
          reached();
          return super.export(info);
        }
      },
    (builder) => builder.step("export", b1).step("unloadOwner", { exporter: "e1" }),
  ),
  faultyCore(
    "LIFE-29",
    "a seek from the current position is accepted",
    (reached) =>
      class extends ReferenceBuffers {
        override seek(buffer: ReferenceBuffer, offset: number, whence: number) {
          if (whence !== 1 || offset !== 0) return super.seek(buffer, offset, whence);
          reached();
          return 0;
        }
      },
    (builder) => builder.step("export", b1).step("seek", { ...b1, offset: 0, whence: 1 }),
  ),
  faultyCore(
    "LIFE-30",
    "close-on-exec is not passed on to the new descriptor",
    (reached) =>
      class extends ReferenceBuffers {
        protected override fdInstall(number: number, buffer: ReferenceBuffer, closeOnExec: boolean) {
          if (closeOnExec) reached();
          return super.fdInstall(number, buffer, false);
        }
      },
    (builder) => builder.step("export", b1).step("exportFd", { ...fd1, closeOnExec: true }),
  ),
  faultyCore(
    "LIFE-31",
    "a long name is cut",
    (reached) =>
      class extends ReferenceBuffers {
        override setName(buffer: ReferenceBuffer, name: string | null) {
          if (name !== null && name.length > 31) reached();
          return super.setName(buffer, name === null ? null : name.slice(0, 31));
        }
      },
    (builder) => builder.step("export", b1).step("setName", { ...b1, name: "n".repeat(32) }),
  ),
  faultyCore(
    "LIFE-31",
    "a refused name clears the old one",
    (reached) =>
      class extends ReferenceBuffers {
        override setName(buffer: ReferenceBuffer, name: string | null) {
          const errno = super.setName(buffer, name);
          if (errno === ENOMEM) reached();
          if (errno === ENOMEM) buffer.name = null;
          return errno;
        }
      },
    (builder) =>
      builder
        .step("export", b1)
        .step("setName", { ...b1, name: "old" })
        .step("setName", { ...b1, name: "new" })
        .step("getName", b1)
        .fail({ step: "s3", site: "name", errno: ENOMEM }),
  ),
  faultyCore(
    "LIFE-36",
    "the release hook runs with the lock held",
    (reached) =>
      class extends ReferenceBuffers {
        protected override *release(buffer: ReferenceBuffer) {
          reached();
          this.env.trylock(buffer.resv);
          yield* super.release(buffer);
        }
      },
    (builder) => builder.step("export", b1),
  ),
  faultyCore(
    "LIFE-37",
    "the walk revives a buffer without references",
    (reached) =>
      class extends ReferenceBuffers {
        protected override getActive(buffer: ReferenceBuffer) {
          if (buffer.refs === 0) reached();
          buffer.refs += 1;
          return true;
        }
      },
    (builder) =>
      builder
        .step("export", b1)
        .step("put", b1)
        .task("t2")
        .step("listBuffers")
        .preempt({ step: "s2", site: "deferred:release", until: "s3" }),
    { from: ["M-LT5", "B-07", "B-152"], also: ["LIFE-10"] },
  ),
  faultyCore(
    "LIFE-37",
    "a failed export leaves its buffer on the list",
    (reached) =>
      class extends ReferenceBuffers {
        protected override allocateBuffer(info: ExportInfo, ops: CheckedOps, owner: Owner | null) {
          const buffer = super.allocateBuffer(info, ops, owner);
          if (buffer === null) reached();
          if (buffer === null)
            this.list.push(new ReferenceBuffer(info.size, info.priv, ops, null, this.env.createReservation(), true));
          return buffer;
        }
      },
    (builder) => builder.step("export", b1).step("listBuffers").fail({ step: "s1", site: "dma-buf", errno: ENOMEM }),
    { from: ["M-LT7", "B-14", "B-15", "B-17"] },
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
