import type { Errno } from "../../spec/errno.ts";
import { EINVAL, ENOMEM, EPERM } from "../../spec/errno.ts";
import type { DmaAttributes } from "../../spec/roles/dma.ts";
import type { Env } from "../../spec/roles/env.ts";
import { regionSize, type Exporter, type ExportRequest, type RegionRange } from "../../spec/roles/exporter.ts";
import type {
  Attachment,
  Device,
  Direction,
  DmaBuf,
  PhysRange,
  Segment,
  SgTable,
  Storage,
} from "../../spec/roles/handles.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { extentOf, isWholePages } from "../ranges.ts";

const attributes: DmaAttributes = ["mmio", "skipSync"];

/** `struct hl_dmabuf_priv`. */
interface HlDmabuf {
  readonly hdev: Device;
  readonly memory: Storage;
  /** The device pages it is made of. */
  readonly pages: readonly PhysRange[];
}

/** A table of addresses without pages. */
class DeviceTable implements SgTable {
  readonly segments: Segment[];
  /** As mapped. */
  readonly mapped: readonly Segment[];

  constructor(mapped: readonly Segment[]) {
    this.mapped = mapped;
    this.segments = mapped.map((segment) => ({ ...segment }));
  }
}

/**
 * An accelerator that exports pieces of its memory, in as many ranges as it was allocated in: `hl_map_dmabuf`,
 * `alloc_sgt_from_device_pages` (`drivers/accel/habanalabs/common/memory.c`), 6.12 to 7.2. It stays where it is, and is
 * always mapped as a resource, also for peers that reach it without the host bridge.
 */
export class Habanalabs implements Exporter {
  private readonly env: Env;

  constructor(env: Env) {
    this.env = env;
  }

  /** `export_dmabuf_from_addr`: whole pages of the BAR. */
  *export(request: ExportRequest): Generator<Suspension, DmaBuf | Errno, unknown> {
    return yield* this.exportRanges(request, [{ offset: 0, length: request.size }]);
  }

  /** `export_dmabuf_from_handle`. */
  *exportRegion(request: ExportRequest): Generator<Suspension, DmaBuf | Errno, unknown> {
    const { ranges = [], flags = 0 } = request;
    if (flags !== 0 || extentOf(ranges) > regionSize) return EINVAL;
    return yield* this.exportRanges(request, ranges);
  }

  /** `hl_dmabuf_attach`. */
  attach(buffer: DmaBuf, attachment: Attachment): void {
    if (this.env.distance(privOf(buffer).hdev, [attachment.device]) < 0) attachment.peer2peer = false;
  }

  /** `hl_map_dmabuf`. */
  map(attachment: Attachment, direction: Direction): SgTable | Errno {
    const { env } = this;
    const { device } = attachment;
    if (direction === "none") return EINVAL;
    if (!attachment.peer2peer) return EPERM;
    if (!env.allocate("sg-table")) return ENOMEM;
    const mapped: Segment[] = [];
    for (const range of cut(privOf(attachment.buffer).pages, device)) {
      const segment = env.dmaMapPhys(device, range, direction, attributes);
      if (typeof segment === "number") {
        this.unmapAll(device, mapped, direction);
        return segment;
      }
      mapped.push(segment);
    }
    return new DeviceTable(mapped);
  }

  /** `hl_unmap_dmabuf`. */
  unmap({ device }: Attachment, table: SgTable, direction: Direction): void {
    if (table instanceof DeviceTable) this.unmapAll(device, table.mapped, direction);
  }

  /** `hl_release_dmabuf`. */
  release(buffer: DmaBuf): void {
    this.env.freeStorage(privOf(buffer).memory);
  }

  private *exportRanges(
    { size, device, owner }: ExportRequest,
    ranges: readonly RegionRange[],
  ): Generator<Suspension, DmaBuf | Errno, unknown> {
    const { env } = this;
    if (size === 0 || !ranges.every(isWholePages)) return EINVAL;
    // What the device is without, it has not been probed with.
    if (device.traits.bar === "absent" || device.traits.bar === "io") return EINVAL;
    const memory = env.allocateStorage(extentOf(ranges), "device");
    if (typeof memory === "number") return memory;
    const pages = ranges.map(({ offset, length }) => ({ storage: memory, offset, length }));
    const priv: HlDmabuf = { hdev: device, memory, pages };
    const buffer = yield* env.export({ size, priv, ops: this, owner });
    if (typeof buffer === "number") env.freeStorage(memory);
    else env.setStorage(buffer, memory);
    return buffer;
  }

  private unmapAll(device: Device, mapped: readonly Segment[], direction: Direction): void {
    for (const segment of mapped) this.env.dmaUnmapPhys(device, segment, direction, attributes);
  }
}

/** In pieces no longer than the importer's segments. */
function cut(pages: readonly PhysRange[], { maxSegment }: Device): readonly PhysRange[] {
  const longest = Math.max(pageSize, Math.floor(Math.min(maxSegment, 2 ** 32 - 1) / pageSize) * pageSize);
  return pages.flatMap(({ storage, offset, length }) =>
    Array.from({ length: Math.ceil(length / longest) }, (_, index) => ({
      storage,
      offset: offset + index * longest,
      length: Math.min(longest, length - index * longest),
    })),
  );
}

function privOf(buffer: DmaBuf): HlDmabuf {
  return buffer.priv as HlDmabuf;
}
