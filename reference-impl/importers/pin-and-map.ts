import type { Errno } from "../../spec/errno.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Attachment, Direction, SgTable } from "../../spec/roles/handles.ts";
import type { Suspension } from "../../spec/roles/suspendable.ts";
import { waitUsage } from "./wait-usage.ts";

/**
 * Pins, maps and waits until the memory is ready, all in the caller's hold of the lock
 * (`ib_umem_dmabuf_get_pinned_and_lock`, `drivers/infiniband/core/umem_dmabuf.c`). A failure leaves neither pin nor mapping.
 */
export function* pinAndMap(
  env: Env,
  attachment: Attachment,
  direction: Direction,
): Generator<Suspension, SgTable | Errno, unknown> {
  const errno = yield* env.pin(attachment);
  if (errno !== 0) return errno;
  const table = yield* mapReady(env, attachment, direction);
  if (typeof table === "number") yield* env.unpin(attachment);
  return table;
}

function* mapReady(
  env: Env,
  attachment: Attachment,
  direction: Direction,
): Generator<Suspension, SgTable | Errno, unknown> {
  const table = yield* env.map(attachment, direction);
  if (typeof table === "number") return table;
  const errno = yield* waitUsage(env, attachment.buffer.resv, "kernel");
  if (errno === 0) return table;
  yield* env.unmap(attachment, table, direction);
  return errno;
}
