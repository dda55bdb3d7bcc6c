import type { DmaEvent } from "../../platform-event.ts";
import type { DmaEntryState, State } from "../state.ts";

/** A call of the DMA API. */
export function observeDma(state: State, event: DmaEvent): void {
  if (event.errno !== 0) return;
  switch (event.op) {
    case "map":
      state.dmaEntries.set(freeKey(state, `${event.device}@${event.address}`), entryOf(event, false));
      return;
    case "mapSg":
      state.dmaEntries.set(event.object ?? "", entryOf(event, true));
      return;
    case "unmap": {
      const key = mappedKey(state, event);
      if (key !== undefined) state.dmaEntries.delete(key);
      return;
    }
    case "unmapSg":
      state.dmaEntries.delete(event.object ?? "");
      return;
    case "iovaTryAlloc": {
      // Refused, which is no error.
      if (event.object === null) return;
      const { device, by, address, length } = event;
      state.iovaSpaces.set(event.object, { device, by, address, size: length, links: [], synced: false });
      return;
    }
    case "iovaLink": {
      const space = state.iovaSpaces.get(event.object ?? "");
      if (space === undefined) return;
      const { storage, offset: from, address: offset, length, direction, attributes } = event;
      space.links = [...space.links, { storage: storage ?? "", from, offset, length, direction, attributes }];
      return;
    }
    case "iovaSync": {
      const space = state.iovaSpaces.get(event.object ?? "");
      if (space !== undefined) space.synced = true;
      return;
    }
    case "iovaFree":
    case "iovaDestroy":
      state.iovaSpaces.delete(event.object ?? "");
      return;
    case "setMask": {
      const { platform } = state;
      const facts = platform.devices[event.device];
      if (facts === undefined) return;
      const changed = { ...facts, dmaMask: 2 ** event.address - 1 };
      state.platform = { ...platform, devices: { ...platform.devices, [event.device]: changed } };
      return;
    }
    case "syncForDevice":
    case "syncForCpu":
    case "setCoherentMask":
      return;
  }
}

function entryOf(event: DmaEvent, list: boolean): DmaEntryState {
  const { device, by, object, storage, offset, address, length, direction, attributes, count, segments } = event;
  return { device, by, object, list, storage, offset, address, length, direction, attributes, count, segments };
}

/** The same address may be mapped more than once where a device is mapped directly. */
function freeKey(state: State, key: string): string {
  for (let copy = 1; ; copy += 1) {
    const name = copy === 1 ? key : `${key}#${copy}`;
    if (!state.dmaEntries.has(name)) return name;
  }
}

/** The entry that an unmap of a single mapping ends: the one that is alike in all, else any of the address. */
export function mappedKey(
  state: State,
  { device, address, length, direction }: Pick<DmaEvent, "device" | "address" | "length" | "direction">,
): string | undefined {
  const base = `${device}@${address}`;
  let found: string | undefined;
  for (const [key, row] of state.dmaEntries) {
    if (key !== base && !key.startsWith(`${base}#`)) continue;
    if (row.length === length && row.direction === direction) return key;
    found ??= key;
  }
  return found;
}
