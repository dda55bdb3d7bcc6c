import type { Errno } from "../../spec/errno.ts";
import { EBADF } from "../../spec/errno.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import type { ReferenceBuffer } from "./buffer.ts";
import { ReferenceFileDescriptor } from "./buffer.ts";
import { BufferReferences } from "./references.ts";

/** The descriptor table with the buffer side of it (`dma_buf_fd`, `dma_buf_get`, `fs/file.c`). */
export abstract class BufferDescriptors extends BufferReferences {
  /** By number. Undefined: free; null: reserved, nothing to be seen yet. */
  protected readonly descriptors: (ReferenceFileDescriptor | null | undefined)[] = [];

  /** `dma_buf_fd`: on success the descriptor has taken over the caller's reference. */
  *exportFd(
    buffer: ReferenceBuffer,
    closeOnExec: boolean,
  ): Generator<Suspension, ReferenceFileDescriptor | Errno, unknown> {
    const errno = this.env.failure("fd");
    if (errno !== 0) return errno;
    const number = this.getUnusedFd();
    yield* this.env.point("fd-install");
    return this.fdInstall(number, buffer, closeOnExec);
  }

  /** `close`: the number is free again at once, the reference behind it is dropped. */
  close(fd: ReferenceFileDescriptor): Errno {
    const { buffer } = fd;
    if (buffer === null) return EBADF;
    fd.buffer = null;
    this.descriptors[fd.number] = undefined;
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

  /** `get_unused_fd_flags`: the lowest free number, reserved. */
  protected getUnusedFd(): number {
    const { descriptors } = this;
    let number = 0;
    while (number < descriptors.length && descriptors[number] !== undefined) number += 1;
    descriptors[number] = null;
    return number;
  }

  /** `fd_install`: from here on everybody can use the descriptor, so nothing may fail behind it. */
  protected fdInstall(number: number, buffer: ReferenceBuffer, closeOnExec: boolean): ReferenceFileDescriptor {
    const fd = new ReferenceFileDescriptor(number, closeOnExec, buffer);
    this.descriptors[number] = fd;
    return fd;
  }
}
