import type { CallEvent, PageEvent, RetEvent } from "../../event.ts";
import type { Direction } from "../../roles/handles.ts";
import type { BufferState, State } from "../state.ts";

/** Bits of the sync request (`include/uapi/linux/dma-buf.h`). */
export const syncFlags = { read: 1, write: 2, end: 4 } as const;

/** What a sync request asks for; null where it has to be refused. */
export function syncRequest(flags: number | null): { readonly end: boolean; readonly direction: Direction } | null {
  if (flags === null || !Number.isInteger(flags) || flags < 0 || flags > 7 || (flags & 3) === 0) return null;
  const direction = (["none", "fromDevice", "toDevice", "bidirectional"] as const)[flags & 3]!;
  return { end: (flags & syncFlags.end) !== 0, direction };
}

/** Whether a bracket of this direction covers reads, or writes, by the CPU. */
export function bracketCovers(direction: Direction, access: "read" | "write"): boolean {
  return direction === "bidirectional" || direction === (access === "read" ? "fromDevice" : "toDevice");
}

/** Closes the newest bracket of this kind, if there is one. From the call on: what the CPU does meanwhile is outside. */
function close(state: State, event: { readonly buffer: string; readonly by: string }, direction: Direction): void {
  const buffer = state.buffers.get(event.buffer);
  if (buffer === undefined) return;
  const index = buffer.brackets.findLastIndex((open) => open.by === event.by && open.direction === direction);
  if (index >= 0) buffer.brackets = buffer.brackets.toSpliced(index, 1);
}

function open(state: State, event: RetEvent<"beginCpu" | "ioctlSync" | "endCpu">, direction: Direction): void {
  const buffer = state.buffers.get(event.buffer);
  if (buffer !== undefined) buffer.brackets = [...buffer.brackets, { by: event.by, direction, since: event.seq }];
}

/** A call of the CPU side begins. */
export function observeCpuCall(
  state: State,
  event: CallEvent<"endCpu" | "ioctlSync" | "vunmap" | "vunmapUnlocked" | "munmap">,
): void {
  switch (event.op) {
    case "endCpu":
      close(state, event, event.direction);
      return;
    case "ioctlSync": {
      const request = syncRequest(event.flags);
      if (request?.end === true) close(state, event, request.direction);
      return;
    }
    case "vunmap":
    case "vunmapUnlocked": {
      const view = event.view === null ? undefined : state.views.get(event.view);
      const buffer = state.buffers.get(event.buffer);
      if (view?.live !== true || buffer === undefined) return;
      view.live = false;
      buffer.vmaps -= 1;
      return;
    }
    case "munmap": {
      const view = state.views.get(event.view);
      if (view?.live !== true) return;
      view.live = false;
      keep(state.buffers.get(view.buffer), -1);
    }
  }
}

/** A reference of a user mapping or an armed poll comes or goes. */
export function keep(buffer: BufferState | undefined, change: 1 | -1): void {
  if (buffer === undefined) return;
  buffer.refs += change;
  buffer.keepers += change;
}

/** A call of the CPU side returns. */
export function observeCpuRet(
  state: State,
  event: RetEvent<"beginCpu" | "endCpu" | "ioctlSync" | "vmap" | "vmapUnlocked" | "mmap" | "mmapFd">,
): void {
  const ok = event.errno === 0;
  switch (event.op) {
    case "beginCpu":
      if (ok) open(state, event, event.direction);
      return;
    case "endCpu":
      return;
    case "ioctlSync": {
      const request = syncRequest(event.flags);
      if (request?.end === false && ok) open(state, event, request.direction);
      return;
    }
    case "vmap":
    case "vmapUnlocked": {
      const buffer = state.buffers.get(event.buffer);
      if (!ok || buffer === undefined) return;
      buffer.vmaps += 1;
      const { by, iomem, address } = event;
      const own = { buffer: event.buffer, by, kind: "vmap", live: true, address, iomem } as const;
      state.views.set(event.view, { ...own, start: 0, pages: 0, shared: true, shows: [] });
      return;
    }
    case "mmap":
    case "mmapFd": {
      const view = state.views.get(event.view);
      if (!ok) {
        state.views.delete(event.view);
        return;
      }
      keep(state.buffers.get(event.buffer), 1);
      const { by, offset, pages, shared } = event;
      const own = { buffer: event.buffer, by, kind: "mmap", live: true, address: null, iomem: false } as const;
      state.views.set(event.view, { ...own, start: offset, pages, shared, shows: view?.shows ?? [] });
    }
  }
}

/** Entries of a user mapping come or go. An exporter may make them in its mmap hook, before the mapping is there. */
export function observePage(state: State, event: PageEvent): void {
  let view = state.views.get(event.view);
  if (view === undefined) {
    const own = { buffer: event.buffer, by: "", kind: "mmap", live: false, address: null, iomem: false } as const;
    view = { ...own, start: 0, pages: 0, shared: true, shows: [] };
    state.views.set(event.view, view);
  }
  if (!event.on) view.shows = [];
  else if (event.storage !== null && !view.shows.includes(event.storage)) view.shows = [...view.shows, event.storage];
}
