import type { Errno } from "../../spec/errno.ts";
import { EINVAL } from "../../spec/errno.ts";
import { since } from "../../spec/profile.ts";
import type { SgList } from "../../spec/roles/dma.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Exporter, ExportRequest } from "../../spec/roles/exporter.ts";
import type {
  Attachment,
  Device,
  Direction,
  DmaBuf,
  IosysMap,
  SgTable,
  Storage,
  UserMapping,
} from "../../spec/roles/handles.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { mapStorage, unmapStorage } from "../dma-mapping.ts";
import { faultPages, setMap } from "../user-view.ts";

/** `struct udmabuf`. */
class Ubuf {
  readonly pages: Storage;
  /** Of `/dev/udmabuf`. */
  readonly device: Device;
  /** The device's own mapping, from the first begin to the end of the buffer. */
  sg: SgList | null = null;

  constructor(pages: Storage, device: Device) {
    this.pages = pages;
    this.device = device;
  }
}

/**
 * `drivers/dma-buf/udmabuf.c`, 6.12 to 7.2: a buffer over the pages of a memfd. They were pinned when it was made and stay
 * where they are until its release, so there is nothing to attach, to pin or to tell.
 */
export class Udmabuf implements Exporter {
  private readonly env: Env;
  /** While the core still kept tables. */
  readonly cacheSgtMapping: boolean;
  /** The first touch shows all pages. */
  private readonly showsAll: boolean;

  constructor(env: Env) {
    this.env = env;
    this.cacheSgtMapping = env.profile.cacheSgtMapping;
    this.showsAll = since(env.profile.series, "K6.16");
  }

  /** `udmabuf_create`: whole pages only, whatever place is asked for, and a reservation object of its own. */
  *export({ size, owner, device }: ExportRequest): Generator<Suspension, DmaBuf | Errno, unknown> {
    const { env } = this;
    if (size === 0 || size % pageSize !== 0) return EINVAL;
    const pages = env.allocateStorage(size, "system");
    if (typeof pages === "number") return pages;
    const buffer = yield* env.export({ size, priv: new Ubuf(pages, device), ops: this, owner });
    if (typeof buffer === "number") env.freeStorage(pages);
    else env.setStorage(buffer, pages);
    return buffer;
  }

  /** `map_udmabuf`: a new table each time, for the device that asks. */
  map(attachment: Attachment, direction: Direction): SgTable | Errno {
    return mapStorage(this.env, attachment.device, ubufOf(attachment.buffer).pages, direction);
  }

  /** `unmap_udmabuf`. */
  unmap(_attachment: Attachment, table: SgTable): void {
    unmapStorage(this.env, table);
  }

  /** `begin_cpu_udmabuf`. The caches of its own device only; whoever else has the pages mapped is left out. */
  beginCpu(buffer: DmaBuf, direction: Direction): Errno {
    const ubuf = ubufOf(buffer);
    if (ubuf.sg !== null) {
      for (const segment of ubuf.sg.segments) this.env.dmaSyncForCpu(ubuf.device, segment, direction);
      return 0;
    }
    const list = this.env.dmaMapSg(ubuf.device, rangesOf(ubuf), direction, []);
    if (typeof list === "number") return list;
    ubuf.sg = list;
    return 0;
  }

  /** `end_cpu_udmabuf`. */
  endCpu(buffer: DmaBuf, direction: Direction): Errno {
    const { sg, device } = ubufOf(buffer);
    if (sg === null) return EINVAL;
    for (const segment of sg.segments) this.env.dmaSyncForDevice(device, segment, direction);
    return 0;
  }

  /** `mmap_udmabuf`, `udmabuf_vm_fault`. */
  mmap(buffer: DmaBuf, mapping: UserMapping): Errno {
    return faultPages(this.env, mapping, ubufOf(buffer).pages, this.showsAll);
  }

  /** `vmap_udmabuf`. */
  vmap(buffer: DmaBuf, map: IosysMap): Errno {
    if (!this.env.allocate("kernel-mapping")) return EINVAL;
    setMap(this.env, map, ubufOf(buffer).pages);
    return 0;
  }

  /** `vunmap_udmabuf`. */
  vunmap(): void {}

  /** `release_udmabuf`. The device's own mapping goes in both directions, whichever it was made in. */
  release(buffer: DmaBuf): void {
    const ubuf = ubufOf(buffer);
    const { sg, device, pages } = ubuf;
    if (sg !== null) this.env.dmaUnmapSg(device, sg, rangesOf(ubuf).length, "bidirectional", []);
    this.env.freeStorage(pages);
  }
}

function rangesOf({ pages }: Ubuf) {
  return [{ storage: pages, offset: 0, length: pages.size }];
}

function ubufOf(buffer: DmaBuf): Ubuf {
  return buffer.priv as Ubuf;
}
