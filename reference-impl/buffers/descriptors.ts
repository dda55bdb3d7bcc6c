import type { Errno } from "../../spec/errno.ts";
import { EBADF } from "../../spec/errno.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import type { ReferenceBuffer } from "./buffer.ts";
import { ReferenceFileDescriptor } from "./buffer.ts";
import { BufferReferences } from "./references.ts";

/** Descriptors of buffers (`dma_buf_fd`, `dma_buf_get`, `fs/file.c`). */
export abstract class BufferDescriptors extends BufferReferences {
  /** `dma_buf_fd`: on success the descriptor has taken over the caller's reference. */
  *exportFd(
    buffer: ReferenceBuffer,
    closeOnExec: boolean,
  ): Generator<Suspension, ReferenceFileDescriptor | Errno, unknown> {
    const errno = this.env.failure("fd");
    if (errno !== 0) return errno;
    const number = this.env.takeDescriptor();
    yield* this.env.point("fd-install");
    return this.fdInstall(number, buffer, closeOnExec);
  }

  /** `close`: the number is free again at once, the reference behind it is dropped. */
  close(fd: ReferenceFileDescriptor): Errno {
    const { buffer } = fd;
    if (buffer === null) return EBADF;
    fd.buffer = null;
    this.env.giveDescriptor(fd.number);
    this.put(buffer);
    return 0;
  }

  /** `dma_buf_get`. */
  get(fd: ReferenceFileDescriptor): ReferenceBuffer | Errno {
    const { buffer } = fd;
    if (buffer === null) return EBADF;
    this.getRef(buffer);
    return buffer;
  }

  /** `fd_install`: from here on everybody can use the descriptor, so nothing may fail behind it. */
  protected fdInstall(number: number, buffer: ReferenceBuffer, closeOnExec: boolean): ReferenceFileDescriptor {
    return new ReferenceFileDescriptor(number, closeOnExec, buffer);
  }
}
