import type { Errno } from "../spec/errno.ts";
import { EINVAL } from "../spec/errno.ts";
import type { Env } from "../spec/roles/env.ts";
import type { IosysMap, Storage, UserMapping } from "../spec/roles/handles.ts";
import { pageSize } from "../spec/roles/handles.ts";

/** Shows pages that stay where they are, all at once (`remap_pfn_range`). A private mapping would not see what devices write. */
export function remapAll(env: Env, mapping: UserMapping, storage: Storage, decrypted: boolean): Errno {
  if (!mapping.shared) return EINVAL;
  env.insertPages(mapping, 0, mapping.pages, storage, mapping.start * pageSize, decrypted);
  return 0;
}

/** Shows a page that stays where it is when it is touched first (`vm_operations_struct.fault`). */
export function faultPages(env: Env, mapping: UserMapping, storage: Storage): Errno {
  if (!mapping.shared) return EINVAL;
  mapping.fault = (page) => {
    env.insertPages(mapping, page, 1, storage, (mapping.start + page) * pageSize);
    return 0;
  };
  return 0;
}

/** Fills in where the kernel sees storage: memory of a device with the accessors for I/O only. */
export function setMap(env: Env, map: IosysMap, storage: Storage, decrypted = false): void {
  map.address = env.mapForCpu(storage, 0, decrypted);
  map.isIomem = storage.placement === "device";
}
