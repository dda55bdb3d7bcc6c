import type { Errno } from "../../spec/errno.ts";
import { EFAULT, EINVAL, ENOMEM } from "../../spec/errno.ts";
import type { BufferFramework } from "../../spec/roles/buffers.ts";
import type { ReferenceBuffer } from "./buffer.ts";
import { BufferPoll } from "./poll.ts";

/** Room for a name with its terminator, in characters (`DMA_BUF_NAME_LEN`). */
const nameLength = 32;

const seekSet = 0;
const seekEnd = 2;

/**
 * The core of dma-buf as `drivers/dma-buf/dma-buf.c` has it in each series, built up one topic a class:
 * export, references, descriptors, pinning, mapping, attachments, invalidation, CPU access, sync files, poll. Here: what is left of the file operations.
 */
export class ReferenceBuffers extends BufferPoll implements BufferFramework {
  /** `dma_buf_llseek`: only good for finding out the size. */
  seek(buffer: ReferenceBuffer, offset: number, whence: number): number {
    if (whence !== seekEnd && whence !== seekSet) return -EINVAL;
    if (offset !== 0) return -EINVAL;
    return whence === seekEnd ? buffer.size : 0;
  }

  /** `dma_buf_set_name`. */
  setName(buffer: ReferenceBuffer, name: string | null): Errno {
    if (name === null) return EFAULT;
    if (name.length >= nameLength) return EINVAL;
    if (!this.env.allocate("name")) return ENOMEM;
    buffer.name = name;
    return 0;
  }

  /** The name in `dma_buf_debug_show` and `dma_buf_show_fdinfo`. */
  getName(buffer: ReferenceBuffer): string {
    return buffer.name ?? "";
  }
}
