import { type BufferObject, objectOf } from "../../../reference-impl/exporter/buffer-object.ts";
import { DefaultExporter } from "../../../reference-impl/exporter/default-exporter.ts";
import { MirrorImporter } from "../../../reference-impl/importers/mirror-importer.ts";
import type { MirrorState, PeerGrant } from "../../../reference-impl/importers/mirror.ts";
import type { Attachment, Device, DmaBuf, Storage } from "../../../spec/roles/handles.ts";
import type { Mutant } from "../mutant.ts";
import { faultyMirror, faultyPeer } from "./kit.ts";

/** Peer access by way of a VMA. */
export const mutants: readonly Mutant[] = [
  faultyPeer(
    "MMUN-15",
    "the range is taken to include its end",
    (reached) =>
      class extends DefaultExporter {
        protected override *mapPeer(
          buffer: DmaBuf,
          object: BufferObject,
          device: Device,
          start: number,
          pages: number,
          write: boolean,
        ) {
          reached();
          return yield* super.mapPeer(buffer, object, device, start, pages + 1, write);
        }
      },
  ),
  faultyMirror(
    "MMUN-17",
    "peer pages are given back by a worker",
    (reached) =>
      class extends MirrorImporter {
        protected override *dropGrant(mirror: MirrorState, page: number, grant: PeerGrant) {
          mirror.grants.delete(page);
          this.env.zap(mirror.table, page, 1);
          reached();
          yield* this.env.point("defer");
          this.env.defer("p2p-unmap", () => this.giveBack(mirror, grant));
        }
      },
    { also: ["MMUN-18", "MMUN-20", "MMUN-24", "MMUN-19"] },
  ),
  faultyPeer(
    "MMUN-18",
    "a move tells attachments only",
    (reached) =>
      class extends DefaultExporter {
        protected override *announce(buffer: DmaBuf, object: BufferObject) {
          if ((this.vmas.get(object)?.size ?? 0) > 0) reached();
          yield* this.env.invalidate(buffer);
        }
      },
    { also: ["MMUN-19"] },
  ),
  faultyMirror(
    "MMUN-18",
    "the entry is left where its address was given back",
    (reached) =>
      class extends MirrorImporter {
        protected override *drop(mirror: MirrorState, start: number, pages: number) {
          const first = Math.max(start, mirror.start);
          const end = Math.min(start + pages, mirror.start + mirror.pages);
          for (let page = first; page < end; page += 1)
            if (!mirror.grants.has(page)) this.env.zap(mirror.table, page, 1);
          for (const [page, grant] of mirror.grants) {
            if (page < start || page >= start + pages) continue;
            mirror.grants.delete(page);
            // The table of the device keeps what is shadowed by another mirror's address.
            reached();
            yield* this.giveBack(mirror, grant);
          }
        }
      },
    { also: ["MMUN-03", "MMUN-24", "MMUN-09", "MMUN-08", "MMUN-28", "MMUN-33"] },
  ),
  faultyPeer(
    "MMUN-19",
    "the CPU sees the memory where it was first",
    (reached) =>
      class extends DefaultExporter {
        private readonly first = new Map<DmaBuf, Storage>();
        override *vmaFault(buffer: DmaBuf, page: number) {
          const memory = yield* super.vmaFault(buffer, page);
          if (typeof memory === "number") return memory;
          const known = this.first.get(buffer) ?? memory;
          this.first.set(buffer, known);
          if (known !== objectOf(buffer).backing.storage) reached();
          return known;
        }
      },
  ),
  faultyPeer(
    "MMUN-21",
    "nobody asks for a notifier",
    (reached) =>
      class extends DefaultExporter {
        override *p2pMap(
          buffer: DmaBuf,
          device: Device,
          start: number,
          pages: number,
          write: boolean,
          notified: boolean,
        ) {
          if (!notified) reached();
          return yield* super.p2pMap(buffer, device, start, pages, write, true);
        }
      },
    { also: ["MMUN-18", "MMUN-20", "MMUN-32", "MMUN-19"] },
  ),
  faultyMirror(
    "MMUN-23",
    "memory of a device is copied by the CPU",
    (reached) =>
      class extends MirrorImporter {
        protected override *copyLocked(mirror: MirrorState, page: number) {
          const grant = mirror.grants.get(page);
          if (grant === undefined) return yield* super.copyLocked(mirror, page);
          reached();
          this.env.cpuTouch({ via: "address", device: mirror.device, address: grant.addresses[0]! });
          return 0;
        }
      },
  ),
  faultyMirror(
    "MMUN-24",
    "a move of the buffer is left to the notifier",
    (reached) =>
      class extends MirrorImporter {
        protected override *memoryMoves(attachment: Attachment) {
          if (attachment.importerPriv !== null) reached();
          yield* this.env.point("invalidate");
        }
      },
  ),
  faultyMirror(
    "MMUN-31",
    "peer pages may always be written",
    (reached) =>
      class extends MirrorImporter {
        protected override *installPeer(mirror: MirrorState, page: number, grant: PeerGrant) {
          if (!grant.write) reached();
          yield* super.installPeer(mirror, page, { ...grant, write: true });
        }
      },
  ),
  faultyMirror(
    "MMUN-32",
    "a page is given back as if it were the first of its VMA",
    (reached) =>
      class extends MirrorImporter {
        protected override *giveBack(mirror: MirrorState, grant: PeerGrant) {
          if (grant.offset > 0) reached();
          yield* super.giveBack(mirror, { ...grant, offset: 0 });
        }
      },
    { also: ["MMUN-17", "MMUN-20", "MMUN-18", "MMUN-24"] },
  ),
];
