import type { Errno } from "../../spec/errno.ts";
import { EFAULT, EINVAL, ENODEV } from "../../spec/errno.ts";
import type { AccessKind, Env, Mutex } from "../../spec/roles/env.ts";
import type { Attachment, Device, Direction, DmaBuf, SgTable } from "../../spec/roles/handles.ts";
import type { Importer, JobUse } from "../../spec/roles/importer.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { allowsAccess } from "./direction.ts";

/** `struct vb2_dc_buf` of an attached dma-buf. */
class DcBuf {
  readonly attachment: Attachment;
  readonly direction: Direction;
  /** From the first frame on; null before. */
  sgt: SgTable | null = null;
  /** Between `VIDIOC_QBUF` and `VIDIOC_DQBUF`. */
  queued = 0;
  closed = false;

  constructor(attachment: Attachment, direction: Direction) {
    this.attachment = attachment;
    this.direction = direction;
  }
}

/**
 * A camera or codec over videobuf2 (`__prepare_dmabuf` in `videobuf2-core.c`, `videobuf2-dma-contig.c`), 6.12 to 7.2. A
 * static attachment that is mapped when a buffer is queued first and unmapped when it is given up; the device wants one
 * piece of addresses. It knows no fences: its user waits for those of others before the buffer is queued.
 */
export class V4l2 implements Importer {
  private readonly env: Env;
  /** Of the queue: one request at a time. */
  private readonly lock: Mutex;

  constructor(env: Env) {
    this.env = env;
    this.lock = env.createMutex("vb2_queue", "queue");
  }

  /** `vb2_dc_attach_dmabuf`. */
  *import(buffer: DmaBuf, device: Device, direction: Direction): Generator<Suspension, DcBuf | Errno, unknown> {
    const { env } = this;
    if (direction === "none") return EINVAL;
    yield* env.getRef(buffer);
    const attachment = yield* env.attach(buffer, device, null);
    if (typeof attachment !== "number") return new DcBuf(attachment, direction);
    yield* env.put(buffer);
    return attachment;
  }

  /** Queues each buffer, runs the frame, and gives them back. */
  *submit(uses: readonly JobUse[]): Generator<Suspension, Errno, unknown> {
    const checked: { readonly buf: DcBuf; readonly kind: AccessKind }[] = [];
    for (const { import: buf, kind } of uses) {
      if (!(buf instanceof DcBuf) || buf.closed) return ENODEV;
      if (!allowsAccess(buf.direction, kind)) return EINVAL;
      checked.push({ buf, kind });
    }
    for (const { buf } of checked) buf.queued += 1;
    let errno: Errno = 0;
    yield* this.env.lockMutex(this.lock);
    for (const { buf } of checked) if (errno === 0) errno = yield* this.mapDmabuf(buf);
    yield* this.env.unlockMutex(this.lock);
    if (errno === 0) yield* this.runFrame(checked);
    for (const { buf } of checked) buf.queued -= 1;
    return errno;
  }

  /** `vb2_dc_unmap_dmabuf`, `vb2_dc_detach_dmabuf`, once nothing is queued (`vb2_core_streamoff`). */
  *release(buf: DcBuf): Generator<Suspension, void, unknown> {
    const { env } = this;
    const { attachment, direction } = buf;
    if (buf.closed) return;
    buf.closed = true;
    yield* env.wait({ kind: "other", what: "queued buffers" }, () => buf.queued === 0);
    if (buf.sgt !== null) yield* env.unmapUnlocked(attachment, buf.sgt, direction);
    yield* env.detach(attachment.buffer, attachment);
    yield* env.put(attachment.buffer);
  }

  /** `vb2_dc_map_dmabuf`: a table that does not begin with all of the buffer in one piece goes back. */
  private *mapDmabuf(buf: DcBuf): Generator<Suspension, Errno, unknown> {
    const { env } = this;
    const { attachment, direction } = buf;
    if (buf.sgt !== null) return 0;
    const sgt = yield* env.mapUnlocked(attachment, direction);
    if (typeof sgt === "number") return EINVAL;
    if (contiguousSize(sgt) >= attachment.buffer.size) {
      buf.sgt = sgt;
      return 0;
    }
    yield* env.unmapUnlocked(attachment, sgt, direction);
    return EFAULT;
  }

  private *runFrame(
    uses: readonly { readonly buf: DcBuf; readonly kind: AccessKind }[],
  ): Generator<Suspension, void, unknown> {
    let done = false;
    this.env.startJob("frame", () => {
      for (const { buf, kind } of uses) this.env.access(buf.attachment, buf.sgt!, kind);
      done = true;
    });
    yield* this.env.wait({ kind: "other", what: "the frame" }, () => done);
  }
}

/** `vb2_dc_get_contiguous_size`. */
function contiguousSize({ segments }: SgTable): number {
  let [expected, size] = [segments[0]?.address, 0];
  for (const { address, length } of segments) {
    if (address !== expected) break;
    expected = address + length;
    size += length;
  }
  return size;
}
