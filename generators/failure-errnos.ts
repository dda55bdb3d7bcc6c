import { EBUSY, EINTR, EINVAL, EMFILE, ENOMEM, EOPNOTSUPP, type Errno } from "../spec/errno.ts";
import type { Random } from "./random.ts";

const hooks: readonly Errno[] = [EBUSY, ENOMEM, EINVAL, EOPNOTSUPP];
const descriptors: readonly Errno[] = [EMFILE, ENOMEM];
const waits: readonly Errno[] = [EINTR];
const allocations: readonly Errno[] = [ENOMEM];

/** An error with which a place that can fail may fail. */
export function drawFailureErrno(random: Random, site: string): Errno {
  const errnos = errnosOf(site);
  return errnos.length === 1 ? errnos[0]! : random.pick(errnos);
}

function errnosOf(site: string): readonly Errno[] {
  if (site.startsWith("hook:")) return hooks;
  if (site === "wait") return waits;
  return site === "fd" ? descriptors : allocations;
}
