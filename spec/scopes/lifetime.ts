import { EBADF, EFAULT, EINVAL } from "../errno.ts";
import type { State } from "../state/state.ts";
import { call, type Outcome } from "./call.ts";
import { layout, plain, refers } from "./layout.ts";
import type { Names } from "./names.ts";
import { bufferSetup, exporterSetup, importerSetup, scopeSetup } from "./setup.ts";
import type { Scope, ScopeOperation, Scratch, StepDraft } from "./scope.ts";

/** How many there are of each. */
export interface LifetimeCounts {
  readonly buffer: number;
  readonly fd: number;
}

/** What becomes of a buffer; 0: it was never exported. */
const [live, released] = [1, 2];

/** References that the program may hold to one buffer. */
const mostReferences = 2;

/** Buffers from export to release: references, descriptors, an attachment, names. */
export function lifetime(counts: LifetimeCounts): Scope {
  const ids = { ...counts };
  const { fields, slots } = layout(ids, {
    life: plain(3, "buffer"),
    refs: plain(mostReferences + 1, "buffer"),
    attached: plain(2, "buffer"),
    /** The buffer an open descriptor stands for. */
    on: refers("buffer", ids, "fd"),
    closed: plain(2, "fd"),
  });

  const refs = (s: Scratch, b: number) => s[slots.refs + b]!;
  const isUsable = (s: Scratch, b: number) => refs(s, b) > 0;
  const isAttached = (s: Scratch, b: number) => s[slots.attached + b] === 1;
  const isOpen = (s: Scratch, f: number) => s[slots.on + f] !== 0;
  const isClosed = (s: Scratch, f: number) => s[slots.closed + f] === 1;
  const isFull = (s: Scratch, b: number) => refs(s, b) === mostReferences;
  /** Whoever has an attachment has a reference too. */
  const maySpare = (s: Scratch, b: number) => refs(s, b) > 1 || (refs(s, b) === 1 && !isAttached(s, b));

  const releaseIfLast = (s: Scratch, b: number) => {
    if (refs(s, b) > 0) return;
    for (let f = 0; f < counts.fd; f += 1) if (s[slots.on + f] === b + 1) return;
    s[slots.life + b] = released;
  };
  const drop = (s: Scratch, b: number) => {
    s[slots.refs + b]! -= 1;
  };
  const take = (s: Scratch, b: number) => {
    s[slots.refs + b]! += 1;
  };

  const onBuffer = (
    name: string,
    draft: (buffer: string, names: Names, b: number) => StepDraft,
    outcomes: Readonly<Record<string, Outcome>>,
    bounded?: ScopeOperation["bounded"],
  ): readonly ScopeOperation[] =>
    call({
      name,
      takes: ["buffer"],
      steps: (names, b) => [draft(names.of("buffer", b), names, b)],
      outcomes,
      ...(bounded === undefined ? {} : { bounded }),
    });

  const references: readonly ScopeOperation[] = [
    ...onBuffer(
      "getRef",
      (buffer) => ({ task: "main", op: "getRef", buffer }),
      { "": { when: (s, b) => isUsable(s, b) && !isFull(s, b), does: take } },
      isFull,
    ),
    ...onBuffer("put", (buffer) => ({ task: "main", op: "put", buffer }), {
      "": {
        when: maySpare,
        does: (s, b) => {
          drop(s, b);
          releaseIfLast(s, b);
        },
      },
    }),
    ...call({
      name: "exportFd",
      takes: ["buffer", "fd"],
      steps: (names, b, f) => [
        {
          task: "main",
          op: "exportFd",
          buffer: names.of("buffer", b),
          fd: names.fresh("fd", f),
          closeOnExec: true,
        },
      ],
      outcomes: {
        "": {
          when: (s, b, f) => maySpare(s, b) && !isOpen(s, f),
          does: (s, b, f) => {
            drop(s, b);
            s[slots.on + f] = b + 1;
            s[slots.closed + f] = 0;
          },
        },
      },
      // One more descriptor than there are ids.
      bounded: (s, _b, f) => isOpen(s, f),
    }),
    ...call({
      name: "close",
      takes: ["fd"],
      steps: (names, f) => [{ task: "main", op: "close", fd: names.of("fd", f) }],
      outcomes: {
        "": {
          when: isOpen,
          does: (s, f) => {
            const b = s[slots.on + f]! - 1;
            s[slots.on + f] = 0;
            s[slots.closed + f] = 1;
            releaseIfLast(s, b);
          },
        },
        again: { errno: EBADF, when: isClosed },
      },
    }),
    ...call({
      name: "get",
      takes: ["fd"],
      steps: (names, f) => [{ task: "main", op: "get", fd: names.of("fd", f) }],
      outcomes: {
        "": {
          when: (s, f) => isOpen(s, f) && !isFull(s, s[slots.on + f]! - 1),
          does: (s, f) => take(s, s[slots.on + f]! - 1),
        },
        late: { errno: EBADF, when: isClosed },
      },
      bounded: (s, f) => isOpen(s, f) && isFull(s, s[slots.on + f]! - 1),
    }),
  ];

  const attachments: readonly ScopeOperation[] = [
    ...onBuffer(
      "attach",
      (buffer, names, b) => ({
        task: "main",
        op: "attach",
        importer: "i1",
        buffer,
        attachment: names.fresh("attachment", b),
        noDevice: false,
      }),
      {
        "": {
          when: (s, b) => isUsable(s, b) && !isAttached(s, b),
          does: (s, b) => {
            s[slots.attached + b] = 1;
          },
        },
      },
      // A second attachment.
      isAttached,
    ),
    ...onBuffer(
      "detach",
      (buffer, names, b) => ({ task: "main", op: "detach", attachment: names.of("attachment", b), buffer }),
      {
        "": {
          when: isAttached,
          does: (s, b) => {
            s[slots.attached + b] = 0;
          },
        },
      },
    ),
    ...onBuffer(
      "attachWithoutDevice",
      (buffer, names) => ({
        task: "main",
        op: "attach",
        importer: "i1",
        buffer,
        attachment: names.fresh("unused"),
        noDevice: true,
      }),
      { "": { errno: EINVAL, when: isUsable } },
    ),
    ...call({
      name: "attachNothing",
      takes: [],
      steps: (names) => [
        {
          task: "main",
          op: "attach",
          importer: "i1",
          buffer: null,
          attachment: names.fresh("unused"),
          noDevice: false,
        },
      ],
      outcomes: { "": { errno: EINVAL, when: () => true } },
    }),
  ];

  const queries: readonly ScopeOperation[] = [
    ...onBuffer("seekEnd", (buffer) => ({ task: "main", op: "seek", buffer, offset: 0, whence: 2 }), {
      "": { when: isUsable },
    }),
    ...onBuffer("seekInside", (buffer) => ({ task: "main", op: "seek", buffer, offset: 1, whence: 0 }), {
      "": { errno: EINVAL, when: isUsable },
    }),
    ...onBuffer("setName", (buffer) => ({ task: "main", op: "setName", buffer, name: "scanout" }), {
      "": { when: isUsable },
    }),
    ...onBuffer("setNameFaults", (buffer) => ({ task: "main", op: "setName", buffer, name: null }), {
      "": { errno: EFAULT, when: isUsable },
    }),
    ...onBuffer("getName", (buffer) => ({ task: "main", op: "getName", buffer }), { "": { when: isUsable } }),
    ...call({
      name: "listBuffers",
      takes: [],
      steps: () => [{ task: "main", op: "listBuffers" }],
      outcomes: { "": { when: () => true } },
    }),
  ];

  const exported = (missing: readonly ("ops" | "release")[]) => (buffer: string) =>
    ({ task: "main", op: "export", buffer, missing, caching: false }) as const;
  const isNew = (s: Scratch, b: number) => s[slots.life + b] === 0;

  const operations: readonly ScopeOperation[] = [
    ...onBuffer("export", exported([]), {
      "": {
        when: isNew,
        does: (s, b) => {
          s[slots.life + b] = live;
          s[slots.refs + b] = 1;
        },
      },
    }),
    ...onBuffer("exportWithoutRelease", exported(["release"]), { "": { errno: EINVAL, when: isNew } }),
    ...references,
    ...attachments,
    ...queries,
  ];

  const project = (state: State, names: Names, s: Scratch): void => {
    for (let b = 0; b < counts.buffer; b += 1) {
      const name = names.of("buffer", b);
      const row = state.buffers.get(name);
      if (row === undefined) continue;
      s[slots.life + b] = row.released ? released : live;
      s[slots.refs + b] = row.programRefs;
      const attachment = state.attachments.get(names.find("attachment", b) ?? "");
      s[slots.attached + b] = attachment?.phase === "attached" ? 1 : 0;
      for (let f = 0; f < counts.fd; f += 1) {
        const descriptor = state.fds.get(names.find("fd", f) ?? "");
        if (descriptor?.buffer === name && descriptor.open) s[slots.on + f] = b + 1;
      }
    }
    for (let f = 0; f < counts.fd; f += 1)
      s[slots.closed + f] = state.fds.get(names.find("fd", f) ?? "")?.open === false ? 1 : 0;
  };

  const buffers = Array.from({ length: counts.buffer }, (_, b) => `b${b + 1}`);
  return {
    name: "lifetime",
    about: "Buffers from export to release: references, descriptors, an attachment, names.",
    areas: ["LIFE", "ATT"],
    profile: "K7.1",
    setup: scopeSetup({
      exporters: [exporterSetup("subject")],
      importers: [importerSetup("i1")],
      buffers: buffers.map(bufferSetup),
    }),
    prelude: [],
    ids,
    fields,
    operations,
    bounds: `${mostReferences} references of the program to a buffer; one attachment; a buffer is exported once`,
    objects: { buffer: buffers },
    initial: () => undefined,
    project,
  };
}
