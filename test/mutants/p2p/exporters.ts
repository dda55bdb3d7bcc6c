import { EINVAL, EOPNOTSUPP, type Errno } from "../../../spec/errno.ts";
import { regionSize, type ExportRequest } from "../../../spec/roles/exporter.ts";
import type { Attachment, Device, Direction, Segment, SgTable, Storage } from "../../../spec/roles/handles.ts";
import type { Suspension } from "../../../spec/roles/suspendable.ts";
import { type BufferObject, objectOf, rangesOf } from "../../../reference-impl/exporter/buffer-object.ts";
import { DefaultExporter } from "../../../reference-impl/exporter/default-exporter.ts";
import type { Mapped } from "../../../reference-impl/exporter/peer-mapping.ts";
import type { Mutant } from "../mutant.ts";
import { faultyExporter } from "./kit.ts";

const mmio = ["mmio"] as const;

function isMixed(provider: Device | null, client: Device): boolean {
  return provider?.traits.cc === "private" && client.traits.cc === "shared";
}

/** An exporter that asks nobody whether a peer can reach its memory. */
class Careless extends DefaultExporter {
  protected override refusesPeer(_object: BufferObject, _client: Device, _fixed: boolean): Errno {
    return 0;
  }

  /** The helper without the looks before it. */
  protected useHelper(object: BufferObject, attachment: Attachment, direction: Direction): Mapped | Errno {
    const { env } = this;
    const ranges = rangesOf(object);
    const size = ranges.reduce((sum, { length }) => sum + length, 0);
    const table = env.physVecToSgt(attachment, this.provider, ranges, size, direction);
    if (typeof table === "number") return table;
    return { segments: table.segments, undo: () => env.freeSgt(attachment, table, direction) };
  }

  /** Mapped as registers, whoever wants it. */
  protected mapAnyway(object: BufferObject, device: Device, direction: Direction): Mapped | Errno {
    const { env } = this;
    const segments: Segment[] = [];
    const undo = () => {
      for (const segment of segments) env.dmaUnmapPhys(device, segment, direction, mmio);
    };
    for (const range of rangesOf(object)) {
      const segment = env.dmaMapPhys(device, range, direction, mmio);
      if (typeof segment === "number") {
        undo();
        return segment;
      }
      segments.push({ ...segment, peer: "host" });
    }
    return { segments, undo };
  }
}

/** Faults of exporters of device memory. */
export const mutants: readonly Mutant[] = [
  faultyExporter(
    "P2P-01",
    "nobody is asked how the importer gets there",
    (reached) =>
      class extends Careless {
        protected override mapDeviceMemory(object: BufferObject, attachment: Attachment, direction: Direction) {
          reached();
          return this.mapAnyway(object, attachment.device, direction);
        }
      },
    { also: ["MAP-33", "P2P-03", "P2P-21", "P2P-39"] },
  ),
  faultyExporter(
    "P2P-02",
    "what is not supported is tried",
    (reached) =>
      class extends Careless {
        protected override mapDeviceMemory(object: BufferObject, attachment: Attachment, direction: Direction) {
          if (this.provider === null) return EINVAL;
          const type = this.env.mapType(this.provider, attachment.device);
          if (type !== "unsupported") return super.mapDeviceMemory(object, attachment, direction);
          reached();
          return this.mapAnyway(object, attachment.device, direction);
        }
      },
  ),
  faultyExporter(
    "P2P-11",
    "the device goes without waiting for unmaps",
    (reached) =>
      class extends DefaultExporter {
        protected override *waitUnmaps(): Generator<Suspension, void, unknown> {
          yield* [];
          reached();
        }
      },
    { also: ["MOVE-14", "REV-32", "REV-07", "REV-15"] },
  ),
  faultyExporter(
    "P2P-13",
    "all importers are peers",
    (reached) =>
      class extends DefaultExporter {
        override *map(attachment: Attachment, direction: Direction): Generator<Suspension, SgTable | Errno, unknown> {
          const object = objectOf(attachment.buffer);
          const own = object.backing.storage.placement === "device" && attachment.importerOps?.allowPeer2peer !== true;
          if (!own || object.revoked || direction === "none") return yield* super.map(attachment, direction);
          reached();
          return this.mapTable(object, attachment, direction);
        }
      },
    { also: ["ATT-10"] },
  ),
  faultyExporter(
    "P2P-16",
    "segments do not say that they are a peer's",
    (reached) =>
      class extends DefaultExporter {
        protected override mapDeviceMemory(object: BufferObject, attachment: Attachment, direction: Direction) {
          const mapped = super.mapDeviceMemory(object, attachment, direction);
          if (typeof mapped === "number") return mapped;
          reached();
          return { ...mapped, segments: mapped.segments.map(({ address, length }) => ({ address, length })) };
        }
      },
    { also: ["MAP-33"] },
  ),
  faultyExporter(
    "MAP-33",
    "bus addresses are called something else",
    (reached) =>
      class extends DefaultExporter {
        protected override mapDeviceMemory(object: BufferObject, attachment: Attachment, direction: Direction) {
          const mapped = super.mapDeviceMemory(object, attachment, direction);
          if (typeof mapped === "number") return mapped;
          if (mapped.segments[0]?.peer === "bus") reached();
          return { ...mapped, segments: mapped.segments.map((segment) => ({ ...segment, peer: "host" as const })) };
        }
      },
  ),
  faultyExporter(
    "P2P-20",
    "peers must have ATS",
    (reached) =>
      class extends DefaultExporter {
        protected override refusesPeer(object: BufferObject, client: Device, fixed: boolean) {
          const errno = super.refusesPeer(object, client, fixed);
          if (errno !== 0 || client.traits.ats) return errno;
          reached();
          return EOPNOTSUPP;
        }
      },
  ),
  faultyExporter(
    "P2P-24",
    "attach looks at the flag only",
    (reached) =>
      class extends Careless {
        protected override mapDeviceMemory(object: BufferObject, attachment: Attachment, direction: Direction) {
          const mapped = super.mapDeviceMemory(object, attachment, direction);
          if (mapped === EINVAL) reached();
          return mapped;
        }
      },
  ),
  faultyExporter(
    "P2P-25",
    "ranges go with the wrong provider",
    (reached) =>
      class extends DefaultExporter {
        protected override mapDeviceMemory(object: BufferObject, attachment: Attachment, direction: Direction) {
          const { device } = attachment;
          if (device === this.device) return super.mapDeviceMemory(object, attachment, direction);
          reached();
          const table = this.env.physVecToSgt(attachment, device, rangesOf(object), object.size, direction);
          if (typeof table === "number") return table;
          return { segments: table.segments, undo: () => this.env.freeSgt(attachment, table, direction) };
        }
      },
  ),
  faultyExporter(
    "P2P-26",
    "RAM goes through the helper as well",
    (reached) =>
      class extends Careless {
        private current: Attachment | null = null;
        protected override mapTable(object: BufferObject, attachment: Attachment, direction?: Direction) {
          this.current = attachment;
          return super.mapTable(object, attachment, direction);
        }
        protected override mapStorage(
          _device: Device,
          _storage: Storage,
          direction: Direction = "bidirectional",
          object?: BufferObject,
        ) {
          reached();
          return this.useHelper(object!, this.current!, direction);
        }
      },
    { also: ["P2P-25", "ATT-22", "MAP-11", "P2P-16"] },
  ),
  faultyExporter(
    "P2P-28",
    "the way through the host bridge is taken for granted",
    (reached) =>
      class extends Careless {
        protected override mapDeviceMemory(object: BufferObject, attachment: Attachment, direction: Direction) {
          if (this.provider?.traits.directOnly === true) reached();
          return this.useHelper(object, attachment, direction);
        }
      },
  ),
  faultyExporter(
    "P2P-29",
    "memory goes off without a revoke",
    (reached) =>
      class extends DefaultExporter {
        override *setMemory(on: boolean): Generator<Suspension, Errno, unknown> {
          if (on || this.closed) return yield* super.setMemory(on);
          yield* this.env.lockMutex(this.mutex);
          reached();
          this.switchMemory(false);
          yield* this.env.unlockMutex(this.mutex);
          return 0;
        }
      },
    { also: ["REV-31"] },
  ),
  faultyExporter(
    "P2P-32",
    "secure memory has a provider like any other",
    (reached) =>
      class extends DefaultExporter {
        protected override makeKnown(device: Device) {
          const first = this.device === null;
          super.makeKnown(device);
          if (!first || device.traits.bar !== "secure") return;
          reached();
          this.provider = device;
        }
      },
  ),
  faultyExporter(
    "P2P-35",
    "bus addresses are compared with nothing",
    (reached) =>
      class extends Careless {
        protected override mapDeviceMemory(object: BufferObject, attachment: Attachment, direction: Direction) {
          if (super.mapDeviceMemory(object, attachment, direction) === EINVAL) reached();
          return this.useHelper(object, attachment, direction);
        }
      },
  ),
  faultyExporter(
    "P2P-36",
    "a shared device may come straight to a private one",
    (reached) =>
      class extends DefaultExporter {
        protected override refusesPeer(object: BufferObject, client: Device, fixed: boolean) {
          if (!isMixed(this.provider, client)) return super.refusesPeer(object, client, fixed);
          reached();
          return 0;
        }
      },
  ),
  faultyExporter(
    "ATT-25",
    "confidential states are not compared",
    (reached) =>
      class extends DefaultExporter {
        protected override refusesPeer(object: BufferObject, client: Device, fixed: boolean) {
          if (!isMixed(this.provider, client)) return super.refusesPeer(object, client, fixed);
          reached();
          return 0;
        }
      },
  ),
  faultyExporter(
    "P2P-39",
    "unmap asks again how the importer got there",
    (reached) =>
      class extends DefaultExporter {
        protected override mapDeviceMemory(object: BufferObject, attachment: Attachment, direction: Direction) {
          const mapped = super.mapDeviceMemory(object, attachment, direction);
          if (typeof mapped === "number") return mapped;
          const undo = () => {
            if (this.env.mapType(this.provider!, attachment.device) === "unsupported") reached();
            else mapped.undo();
          };
          return { ...mapped, undo };
        }
      },
    { profile: "K6.19", also: ["REV-16", "MAP-17", "P2P-27"] },
  ),
  faultyExporter(
    "LIFE-28",
    "of each range the first byte is looked at",
    (reached) =>
      class extends DefaultExporter {
        protected override isInside(offset: number, length: number) {
          if (offset < regionSize && offset + length > regionSize) reached();
          return offset < regionSize;
        }
        protected override extentOf(request: ExportRequest) {
          return Math.min(super.extentOf(request), 2 ** 40);
        }
      },
    { from: ["M-DM5"] },
  ),
];
