import type { exporterOperations } from "../../spec/operations/exporter.ts";
import { regionSize } from "../../spec/roles/exporter.ts";
import { pageSize } from "../../spec/roles/handles.ts";
import { heldLock, pickBuffer, pickRow, type DrawContext, type Draws } from "./context.ts";

function withBuffer(context: DrawContext): { readonly buffer: string } | null {
  const buffer = pickBuffer(context);
  return buffer === null ? null : { buffer };
}

function withFd(context: DrawContext) {
  const buffer = pickBuffer(context);
  return buffer === null ? null : { buffer, fd: context.name("fd"), closeOnExec: context.random.chance(0.5) };
}

/** Set-ups that are drawn have an exporter; those of stored programs that are gone on from need not. */
function withExporter({ random, setup }: DrawContext): { readonly exporter: string } | null {
  return setup.exporters.length === 0 ? null : { exporter: random.pick(setup.exporters).name };
}

/** Draws for export, descriptors, references and devices. */
export const bufferDraws: Draws<keyof typeof exporterOperations> = {
  export: ({ random, setup, state, profile, refused }) => {
    const fresh = setup.buffers.filter((entry) => !state.buffers.has(entry.name));
    if (fresh.length === 0) return null;
    const missing = refused ? [random.pick(["priv", "ops", "map", "unmap", "release", "pin", "unpin"] as const)] : [];
    return { buffer: random.pick(fresh).name, missing, caching: profile.cacheSgtMapping && random.chance(0.3) };
  },
  exportRegion: ({ random, setup, state, refused }) => {
    const fresh = setup.buffers.filter((entry) => !state.buffers.has(entry.name));
    if (fresh.length === 0) return null;
    const right = {
      buffer: random.pick(fresh).name,
      offset: random.pick([0, pageSize, 16 * pageSize]),
      length: random.pick([pageSize, 2 * pageSize, 5 * pageSize]),
      stride: random.pick([8, 16, 32]) * pageSize,
      count: random.pick([1, 2, 2, 3]),
      flags: 0,
    };
    if (!refused) return right;
    return {
      ...right,
      ...random.pick([
        { count: 0 },
        { flags: 1 },
        { length: 0 },
        { length: pageSize - 1 },
        { offset: 512 },
        // The last bytes are beyond the end, or all of them are.
        { offset: regionSize - pageSize, length: 2 * pageSize, count: 1 },
        { offset: regionSize, count: 1 },
        { offset: 2 ** 52, count: 1 },
        { length: 2 ** 52, count: 2 },
      ]),
    };
  },
  exportFd: withFd,
  requestFd: withFd,
  close: ({ state, random, refused }) => {
    const fd = pickRow(random, state.fds, (row) => row.open !== refused);
    return fd === null ? null : { fd };
  },
  get: ({ state, random, refused }) => {
    const fd = pickRow(random, state.fds, (row) => row.open !== refused);
    return fd === null ? null : { fd };
  },
  getRef: withBuffer,
  put: withBuffer,
  invalidate: (context) => {
    const lock = heldLock(context);
    if (lock === null) return null;
    const buffer = pickRow(context.random, context.state.buffers, (row) => row.resv === lock && row.programRefs > 0);
    return buffer === null ? null : { buffer };
  },
  seek: (context) => {
    const buffer = pickBuffer(context);
    if (buffer === null) return null;
    const { random } = context;
    if (!context.refused) return { buffer, offset: 0, whence: random.pick([0, 2]) };
    return { buffer, offset: random.pick([0, 1, -1, 4096]), whence: random.pick([0, 1, 2, 3, 4, 9]) };
  },
  setName: (context) => {
    const buffer = pickBuffer(context);
    if (buffer === null) return null;
    const { random, refused } = context;
    if (refused) return { buffer, name: random.pick([null, "n".repeat(32), "n".repeat(100)]) };
    return { buffer, name: "n".repeat(random.pick([0, 5, 30, 31])) };
  },
  getName: withBuffer,
  listBuffers: () => ({}),
  move: (context) => {
    const buffer = pickBuffer(context);
    return buffer === null ? null : { buffer, placement: context.random.pick(["system", "device"] as const) };
  },
  evict: withBuffer,
  revoke: withBuffer,
  unrevoke: withBuffer,
  revokeForever: withBuffer,
  reset: withExporter,
  setMemory: (context) => {
    const chosen = withExporter(context);
    return chosen === null ? null : { ...chosen, on: context.random.chance(0.6) };
  },
  closeDevice: withExporter,
  unloadOwner: withExporter,
};
