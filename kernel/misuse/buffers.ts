import type { DrawContext } from "../../generators/draw/context.ts";
import { attachmentsOf, freeLocks, heldBy, isFree, mappingsOf, withOne, type Misuse } from "./misuse.ts";

const attaching = { export: 4, attach: 12, detach: 0.2, put: 0.1 } as const;
const mapping = { ...attaching, mapUnlocked: 20, lock: 4, map: 16, unmap: 0.5, unmapUnlocked: 0.3 } as const;
const pinning = { ...attaching, lock: 10, pin: 40, unpin: 0.1, unlock: 0.6 } as const;

/** Attachments of buffers whose lock nobody holds, where the task is free. */
function unlocked(context: DrawContext) {
  const free = freeLocks(context);
  return isFree(context) ? attachmentsOf(context).filter(({ resv }) => free.includes(resv)) : [];
}

/** Attachments of buffers whose lock the task holds. */
function locked(context: DrawContext) {
  const held = heldBy(context);
  return attachmentsOf(context).filter(({ resv }) => held.includes(resv));
}

function buffersOf({ state }: DrawContext) {
  return [...state.buffers].filter(([, { released, programRefs }]) => !released && programRefs > 0);
}

/** Buffers whose lock the task holds. */
function lockedBuffers(context: DrawContext) {
  const held = heldBy(context);
  return buffersOf(context).filter(([, { resv }]) => held.includes(resv));
}

const isDynamic = ({ attachment: { ops } }: ReturnType<typeof attachmentsOf>[number]) => ops !== "static";

/** Buffers, attachments, pins and mappings. */
export const bufferMisuses: readonly Misuse[] = [
  {
    id: "attach-locked",
    statement: "A device is attached by a task that holds the buffer's lock.",
    rules: ["ATT-11"],
    weights: { export: 6, lock: 10, unlock: 0.3 },
    draw: (context) =>
      withOne(
        context,
        lockedBuffers(context).filter(([, { hasAttach }]) => !hasAttach),
        ([buffer]) =>
          withOne(context, context.setup.importers, ({ name }) => ({
            op: "attach",
            buffer,
            importer: name,
            attachment: context.name("attachment"),
            noDevice: false,
          })),
      ),
  },
  {
    id: "detach-locked",
    statement: "A device is detached by a task that holds the buffer's lock.",
    rules: ["ATT-11"],
    weights: { ...attaching, lock: 8, unlock: 0.3 },
    draw: (context) =>
      withOne(context, locked(context), ({ name, attachment }) => ({
        op: "detach",
        attachment: name,
        buffer: attachment.buffer,
      })),
  },
  {
    id: "detach-from-another",
    statement: "An attachment is detached from another buffer than its own.",
    rules: ["ATT-18"],
    weights: attaching,
    draw: (context) =>
      withOne(context, unlocked(context), ({ name, attachment }) => {
        const others = buffersOf(context).filter(([other]) => other !== attachment.buffer);
        return withOne(context, others, ([buffer]) => ({ op: "detach", attachment: name, buffer }));
      }),
  },
  {
    id: "detach-mapped",
    statement: "A device is detached that still has a mapping.",
    rules: ["ATT-17"],
    weights: mapping,
    draw: (context) =>
      withOne(
        context,
        unlocked(context).filter(({ attachment: { maps } }) => maps.length > 0),
        ({ name, attachment }) => ({ op: "detach", attachment: name, buffer: attachment.buffer }),
      ),
  },
  {
    id: "detach-pinned",
    statement: "A device is detached that still has a pin.",
    rules: ["ATT-17", "PIN-04"],
    weights: { ...pinning, unlock: 6 },
    draw: (context) =>
      withOne(
        context,
        unlocked(context).filter(({ attachment: { pins, maps } }) => pins > 0 && maps.length === 0),
        ({ name, attachment }) => ({ op: "detach", attachment: name, buffer: attachment.buffer }),
      ),
  },
  {
    id: "pin-without-lock",
    statement: "A buffer is pinned by a task that does not hold its lock.",
    rules: ["PIN-01"],
    weights: attaching,
    draw: (context) =>
      withOne(context, unlocked(context).filter(isDynamic), ({ name }) => ({ op: "pin", attachment: name })),
  },
  {
    id: "unpin-without-lock",
    statement: "A pin is undone by a task that does not hold the lock.",
    rules: ["PIN-01"],
    weights: { ...pinning, unlock: 6 },
    draw: (context) =>
      withOne(
        context,
        unlocked(context).filter((entry) => isDynamic(entry) && entry.attachment.pins > 0),
        ({ name }) => ({ op: "unpin", attachment: name }),
      ),
  },
  {
    id: "unpin-unpinned",
    statement: "A pin is undone that was never made.",
    rules: ["PIN-04"],
    weights: { ...attaching, lock: 10, unlock: 0.5 },
    draw: (context) =>
      withOne(
        context,
        locked(context).filter((entry) => isDynamic(entry) && entry.attachment.pins === 0),
        ({ name }) => ({ op: "unpin", attachment: name }),
      ),
  },
  {
    id: "pin-static",
    statement: "A static attachment is pinned.",
    rules: ["PIN-02"],
    weights: { ...attaching, lock: 10, unlock: 0.5 },
    draw: (context) =>
      withOne(
        context,
        locked(context).filter((entry) => !isDynamic(entry)),
        ({ name }) => ({ op: "pin", attachment: name }),
      ),
  },
  {
    id: "unpin-static",
    statement: "A static attachment is unpinned.",
    rules: ["PIN-02"],
    weights: { ...attaching, lock: 10, unlock: 0.5 },
    draw: (context) =>
      withOne(
        context,
        locked(context).filter((entry) => !isDynamic(entry)),
        ({ name }) => ({ op: "unpin", attachment: name }),
      ),
  },
  {
    id: "map-without-lock",
    statement: "The locked map is called without the lock.",
    rules: ["MAP-01"],
    weights: attaching,
    draw: (context) =>
      withOne(context, unlocked(context).filter(isDynamic), ({ name }) => ({
        op: "map",
        attachment: name,
        direction: "bidirectional",
        mapping: context.name("mapping"),
      })),
  },
  {
    id: "unmap-without-lock",
    statement: "The locked unmap is called without the lock.",
    rules: ["MAP-01"],
    weights: mapping,
    draw: (context) => {
      const free = isFree(context) ? freeLocks(context) : [];
      return withOne(
        context,
        mappingsOf(context).filter(({ resv }) => free.includes(resv)),
        ({ name, mapping: { direction } }) => ({ op: "unmap", mapping: name, direction }),
      );
    },
  },
  {
    id: "unlocked-map-locked",
    statement: "The map that takes the lock itself is called by a task that holds it.",
    rules: ["MAP-01"],
    weights: { ...attaching, lock: 10, unlock: 0.3 },
    draw: (context) =>
      withOne(context, locked(context), ({ name }) => ({
        op: "mapUnlocked",
        attachment: name,
        direction: "bidirectional",
        mapping: context.name("mapping"),
      })),
  },
  {
    id: "unlocked-unmap-locked",
    statement: "The unmap that takes the lock itself is called by a task that holds it.",
    rules: ["MAP-01"],
    weights: { ...mapping, lock: 10, unlock: 0.3 },
    draw: (context) => {
      const held = heldBy(context);
      return withOne(
        context,
        mappingsOf(context).filter(({ resv }) => held.includes(resv)),
        ({ name, mapping: { direction } }) => ({ op: "unmapUnlocked", mapping: name, direction }),
      );
    },
  },
  {
    id: "unmap-other-direction",
    statement: "A mapping is given back for another direction than it was made for.",
    rules: ["MAP-14"],
    weights: mapping,
    draw: (context) => {
      const free = isFree(context) ? freeLocks(context) : [];
      return withOne(
        context,
        mappingsOf(context).filter(({ resv }) => free.includes(resv)),
        ({ name, mapping: { direction } }) => ({
          op: "unmapUnlocked",
          mapping: name,
          direction: direction === "toDevice" ? "fromDevice" : "toDevice",
        }),
      );
    },
  },
  {
    id: "map-nothing",
    statement: "A map names no attachment.",
    rules: ["MAP-04"],
    weights: {},
    draw: (context) =>
      isFree(context)
        ? { op: "mapUnlocked", attachment: null, direction: "toDevice", mapping: context.name("mapping") }
        : null,
  },
  {
    id: "invalidate-without-lock",
    statement: "An exporter invalidates without the lock.",
    rules: ["MOVE-01"],
    weights: attaching,
    draw: (context) => {
      const free = isFree(context) ? freeLocks(context) : [];
      return withOne(
        context,
        buffersOf(context).filter(([, { resv }]) => free.includes(resv)),
        ([buffer]) => ({ op: "invalidate", buffer }),
      );
    },
  },
  {
    id: "put-attached",
    statement: "The last reference is put while a device is attached.",
    rules: ["LIFE-12"],
    weights: { ...attaching, getRef: 0.1, exportFd: 0.1, requestFd: 0.1 },
    draw: (context) =>
      withOne(
        context,
        unlocked(context).filter(({ attachment: { buffer, maps, pins } }) => {
          const row = context.state.buffers.get(buffer);
          return row?.refs === 1 && row.programRefs === 1 && maps.length + pins === 0;
        }),
        ({ attachment: { buffer } }) => ({ op: "put", buffer }),
      ),
  },
  {
    id: "put-locked",
    statement: "The last reference is put by a task that holds the buffer's own lock.",
    rules: ["LIFE-35"],
    weights: { export: 8, lock: 12, unlock: 0.1, attach: 0.01, getRef: 0.1, exportFd: 0.1, requestFd: 0.1 },
    draw: (context) =>
      withOne(
        context,
        lockedBuffers(context).filter(([name, { refs, resv, listed }]) => {
          return refs === 1 && listed.length === 0 && resv === `${name}.resv`;
        }),
        ([buffer]) => ({ op: "put", buffer }),
      ),
  },
  {
    id: "begin-cpu-locked",
    statement: "CPU access begins while the task holds the buffer's lock.",
    rules: ["CPU-02"],
    weights: { export: 6, lock: 10, unlock: 0.3 },
    draw: (context) =>
      withOne(context, lockedBuffers(context), ([buffer]) => ({ op: "beginCpu", buffer, direction: "fromDevice" })),
  },
  {
    id: "end-cpu-locked",
    statement: "CPU access ends while the task holds the buffer's lock.",
    rules: ["CPU-02"],
    weights: { export: 6, lock: 10, unlock: 0.3 },
    draw: (context) =>
      withOne(context, lockedBuffers(context), ([buffer]) => ({ op: "endCpu", buffer, direction: "fromDevice" })),
  },
  {
    id: "end-cpu-not-begun",
    statement: "CPU access ends that has not begun.",
    rules: ["CPU-07"],
    weights: { export: 6, beginCpu: 0.1 },
    draw: (context) =>
      isFree(context)
        ? withOne(
            context,
            buffersOf(context).filter(([, { brackets }]) => brackets.length === 0),
            ([buffer]) => ({ op: "endCpu", buffer, direction: "fromDevice" }),
          )
        : null,
  },
];
