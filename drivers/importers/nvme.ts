import type { Errno } from "../../spec/errno.ts";
import { EINVAL, ENODEV } from "../../spec/errno.ts";
import type { AccessKind, Env } from "../../spec/roles/env.ts";
import type { Attachment, Device, Direction, DmaBuf, ImporterOps } from "../../spec/roles/handles.ts";
import type { Importer, JobUse } from "../../spec/roles/importer.ts";
import type { MirrorRequest } from "../../spec/roles/spaces.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { allowsAccess } from "./direction.ts";
import { DmaOnlyList } from "./dma-only-list.ts";
import { type DmaMap, DmaToken } from "./dma-token.ts";

/** `NVME_CTRL_PAGE_SIZE`, in bytes. */
const controllerPage = 4096;

/**
 * An NVMe disk that reads and writes memory it gets as lists for DMA only: buffers by tokens (`nvme_init_dma_token`,
 * `nvme_dma_map` of the second RFC of November 2025), BARs in a process by what is mapped next to the
 * page lookup (January 2019 thread). What would need the CPU is refused.
 */
export class Nvme implements Importer {
  private readonly env: Env;
  private made = 0;
  private readonly open = new Set<DmaToken>();
  private readonly ops: ImporterOps = {
    allowPeer2peer: true,
    invalidate: (attachment) => (attachment.importerPriv as DmaToken).remove(attachment),
  };

  constructor(env: Env) {
    this.env = env;
  }

  /** `blk_mq_dma_map`, `nvme_init_dma_token`. */
  *import(buffer: DmaBuf, device: Device, direction: Direction): Generator<Suspension, DmaToken | Errno, unknown> {
    const { env } = this;
    if (direction === "none" || buffer.size % controllerPage !== 0) return EINVAL;
    yield* env.getRef(buffer);
    const token = new DmaToken(env, direction, (this.made += 1));
    const attachment = yield* env.attach(buffer, device, this.ops, token);
    if (typeof attachment === "number") {
      yield* env.put(buffer);
      return attachment;
    }
    token.attachment = attachment;
    this.open.add(token);
    return token;
  }

  /** A request for each buffer, started as soon as it can be. Those under way go on where a later one fails. */
  *submit(uses: readonly JobUse[]): Generator<Suspension, Errno, unknown> {
    for (const { import: token, kind } of uses) {
      if (!(token instanceof DmaToken) || !this.open.has(token)) return ENODEV;
      if (!allowsAccess(token.direction, kind)) return EINVAL;
    }
    for (const { import: imported, kind } of uses) {
      const token = imported as DmaToken;
      const attachment = token.attachment!;
      const map = yield* token.assign(attachment);
      if (typeof map === "number") return map;
      this.start(token, attachment, map, kind);
    }
    return 0;
  }

  /** The file is closed: requests under way keep the token. */
  *release(token: DmaToken): Generator<Suspension, void, unknown> {
    if (token.attachment === null || !this.open.delete(token)) return;
    yield* token.release(token.attachment);
  }

  mirror(request: MirrorRequest): Generator<Suspension, DmaOnlyList | Errno, unknown> {
    return DmaOnlyList.create(this.env, request, (this.made += 1));
  }

  mirrorFault(list: DmaOnlyList, page: number, write: boolean): Generator<Suspension, Errno, unknown> {
    return list.load(page, write);
  }

  copyPage(list: DmaOnlyList, page: number): Generator<Suspension, Errno, unknown> {
    return list.copy(page);
  }

  unmirror(list: DmaOnlyList): Generator<Suspension, void, unknown> {
    return list.destroy();
  }

  /** `nvme_queue_rq`, and `nvme_timeout`, which resets the controller. */
  private start(token: DmaToken, attachment: Attachment, map: DmaMap, kind: AccessKind): void {
    const complete = () => {
      this.env.access(attachment, map.sgt!, kind);
      token.drop(attachment, map);
    };
    this.env.startJob("request", complete, () => token.drop(attachment, map));
  }
}
