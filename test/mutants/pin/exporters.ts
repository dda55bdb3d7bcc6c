import { EBUSY } from "../../../spec/errno.ts";
import type { Attachment, Direction, DmaBuf } from "../../../spec/roles/handles.ts";
import { type BufferObject, objectOf, stateOf } from "../../../reference-impl/exporter/buffer-object.ts";
import { DefaultExporter } from "../../../reference-impl/exporter/default-exporter.ts";
import { DynamicExporter } from "../../../reference-impl/exporter/dynamic-exporter.ts";
import type { Mutant } from "../mutant.ts";
import type { Example } from "../faulty.ts";
import { faultyExporter } from "../life/kit.ts";
import { a1, a2, deviceWorld, locked, m1, nothing, toDevice, world } from "./worlds.ts";

/** Two importers with the callback; the first is a peer, the second is or is not. */
function pair(peer: boolean, placement: "system" | "device" = "system") {
  return (builder: Parameters<ReturnType<typeof world>>[0]) =>
    builder
      .importer("i1", { allowPeer2peer: true })
      .importer("i2", { allowPeer2peer: peer })
      .buffer("b1", { placement })
      .step("export", { buffer: "b1" })
      .step("attach", a1);
}

/** Faults of exporters that pin and move. */
export const examples: readonly Example[] = [
  faultyExporter(
    "PIN-03",
    "a move does not look at the pins",
    (reached) =>
      class extends DefaultExporter {
        protected override isMovable(object: BufferObject) {
          if (object.pins > 0) reached();
          return true;
        }
      },
    (builder) => locked(world("subject", "scripted")(builder).step("attach", a1), "pin", "a1").step("move", toDevice),
    { also: ["MOVE-25", "REV-35"] },
  ),
  faultyExporter(
    "PIN-05",
    "a pin that fails counts all the same",
    (reached) =>
      class extends DynamicExporter {
        override *pin(attachment: Attachment) {
          const errno = yield* super.pin(attachment);
          if (errno === 0) return 0;
          reached();
          objectOf(attachment.buffer).pins += 1;
          return errno;
        }
      },
    (builder) =>
      locked(deviceWorld("dynamic", "scripted")(builder).step("attach", a1), "pin", "a1")
        .step("move", toDevice)
        .fail({ step: "s4", site: "storage", errno: 12 }),
    { kind: "dynamic", also: ["PIN-17"] },
  ),
  faultyExporter(
    "PIN-06",
    "pin does not wait for a move under way",
    (reached) =>
      class extends DefaultExporter {
        protected override waitReady() {
          reached();
          return nothing(0);
        }
      },
    (builder) => locked(world("subject", "scripted")(builder).step("attach", a1).step("move", toDevice), "pin", "a1"),
  ),
  faultyExporter(
    "PIN-07",
    "pin stays in device memory whoever is attached",
    (reached) =>
      class extends DefaultExporter {
        protected override isOutOfReach(object: BufferObject) {
          if (super.isOutOfReach(object)) reached();
          return false;
        }
      },
    (builder) => locked(deviceWorld("subject", "scripted")(builder).step("attach", a1), "pin", "a1"),
  ),
  faultyExporter(
    "PIN-15",
    "pin is busy where it could move",
    (reached) =>
      class extends DefaultExporter {
        protected override placeForPin(_buffer: DmaBuf, object: BufferObject) {
          if (!this.isOutOfReach(object)) return nothing(0);
          reached();
          return nothing(EBUSY);
        }
      },
    (builder) =>
      builder
        .importer("i1", { ops: "static" })
        .buffer("b1", { placement: "device" })
        .step("export", { buffer: "b1" })
        .step("attach", a1)
        .step("mapUnlocked", m1),
    { profile: "K6.16" },
  ),
  faultyExporter(
    "PIN-16",
    "pin takes importers that cannot be told of a revoke",
    (reached) =>
      class extends DefaultExporter {
        override *pin(attachment: Attachment) {
          if (attachment.importerOps?.invalidate === undefined) reached();
          return yield* DynamicExporter.prototype.pin.call(this, attachment);
        }
      },
    (builder) =>
      builder
        .importer("i1", { ops: "static" })
        .step("export", { buffer: "b1" })
        .step("attach", a1)
        .step("mapUnlocked", m1)
        .step("revoke", { buffer: "b1" }),
    { profile: "K6.19" },
  ),
  faultyExporter(
    "PIN-17",
    "unpin leaves the buffer where it is",
    (reached) =>
      class extends DynamicExporter {
        override unpin(attachment: Attachment) {
          reached();
          stateOf(attachment).pins -= 1;
        }
      },
    (builder) =>
      locked(locked(world("dynamic", "scripted")(builder).step("attach", a1), "pin", "a1"), "unpin", "a1").step(
        "move",
        toDevice,
      ),
    { kind: "dynamic" },
  ),
  faultyExporter(
    "PIN-19",
    "nobody looks where a buffer is pinned",
    (reached) =>
      class extends DefaultExporter {
        override attach(buffer: DmaBuf, attachment: Attachment) {
          const { pins } = objectOf(buffer);
          objectOf(buffer).pins = 0;
          const errno = super.attach(buffer, attachment);
          objectOf(buffer).pins = pins;
          return errno;
        }
        override *map(attachment: Attachment, direction: Direction) {
          const object = objectOf(attachment.buffer);
          if (object.pins === 0 || object.revoked) return yield* super.map(attachment, direction);
          reached();
          return this.mapTable(object, attachment);
        }
      },
    (builder) =>
      locked(pair(false, "device")(builder), "pin", "a1")
        .step("attach", a2)
        .step("mapUnlocked", { attachment: "a2", mapping: "m2" }),
    { also: ["P2P-13", "ATT-05", "ATT-10", "MAP-27"] },
  ),
  faultyExporter(
    "PIN-20",
    "one unpin drops every pin",
    (reached) =>
      class extends DynamicExporter {
        override unpin(attachment: Attachment) {
          if (objectOf(attachment.buffer).pins > 1) reached();
          stateOf(attachment).pins = 0;
          objectOf(attachment.buffer).pins = 0;
        }
      },
    (builder) => {
      const pinned = locked(
        locked(pair(true)(builder.exporter("e1", { kind: "dynamic" })).step("attach", a2), "pin", "a1"),
        "pin",
        "a2",
      );
      return locked(pinned, "unpin", "a2").step("move", toDevice);
    },
    { kind: "dynamic", from: ["M-PN5", "B-48"], also: ["PIN-03", "MOVE-25", "REV-35"] },
  ),
];

export const mutants: readonly Mutant[] = examples.map((example) => example.mutant);
