import type { Errno } from "../spec/errno.ts";
import { EINVAL } from "../spec/errno.ts";
import type { Env } from "../spec/roles/env.ts";
import type { IosysMap, Storage, UserMapping } from "../spec/roles/handles.ts";
import { pageSize } from "../spec/roles/handles.ts";

/** Shows a page that stays where it is, or all of the mapping's, when it is touched first (`vm_operations_struct.fault`). */
export function faultPages(env: Env, mapping: UserMapping, storage: Storage, all = false): Errno {
  if (!mapping.shared) return EINVAL;
  mapping.fault = (page) => {
    const [first, count] = all ? [0, mapping.pages] : [page, 1];
    env.insertPages(mapping, first, count, storage, (mapping.start + first) * pageSize);
    return 0;
  };
  return 0;
}

/** Fills in where the kernel sees storage: memory of a device with the accessors for I/O only. */
export function setMap(env: Env, map: IosysMap, storage: Storage, decrypted = false): void {
  map.address = env.mapForCpu(storage, 0, decrypted);
  map.isIomem = storage.placement === "device";
}
