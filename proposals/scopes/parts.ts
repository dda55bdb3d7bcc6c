import { EBUSY, ENODEV } from "../../spec/errno.ts";
import type { Placement } from "../../spec/roles/handles.ts";
import type { Setup } from "../../spec/program.ts";
import { call, type ScopeCall } from "../../spec/scopes/call.ts";
import type { Names } from "../../spec/scopes/names.ts";
import type { Condition, Scope, ScopeOperation, Scratch, StepDraft } from "../../spec/scopes/scope.ts";
import { bufferSetup, exporterSetup, importerSetup, scopeSetup } from "../../spec/scopes/setup.ts";
import type { State } from "../../spec/state/state.ts";

// What scopes of proposals share: one buffer of one exporter, which moves, is revoked and given back.

/** Names of objects that are alike: `i1`, `i2`. */
function numbered(letter: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, id) => `${letter}${id + 1}`);
}

/** An exporter with one buffer and importers, all of the proposal's own implementation. */
function subjects(importers: number): Setup {
  return scopeSetup({
    exporters: [exporterSetup("subject")],
    importers: numbered("i", importers).map((name) => ({ ...importerSetup(name), kind: "subject" })),
    buffers: [bufferSetup("b1")],
  });
}

/** What scopes of one exported buffer and so many importers, each with a user, do not share. */
interface OwnParts extends Pick<Scope, "name" | "about" | "areas" | "fields" | "operations" | "bounds" | "project"> {
  /** Steps between the export and the initial state. */
  readonly begin?: readonly StepDraft[];
}

/** A scope of the proposals: one exported buffer, and importers with a user each. All slots begin with 0. */
export function sharedScope(importers: number, { begin = [], ...own }: OwnParts): Scope {
  return {
    ...own,
    profile: "K7.1",
    setup: subjects(importers),
    prelude: [{ task: "main", op: "export", buffer: "b1", missing: [], caching: false }, ...begin],
    ids: { importer: importers },
    objects: { importer: numbered("i", importers), user: numbered("u", importers) },
    initial: () => undefined,
  };
}

/** A call of an importer's user, one step each. */
export function onImporter(
  name: string,
  draft: (names: Names, importer: number) => StepDraft,
  outcomes: ScopeCall["outcomes"],
  rest: Pick<Partial<ScopeCall>, "bounded" | "holds"> = {},
): readonly ScopeOperation[] {
  return call({ name, takes: ["importer"], steps: (names, i) => [draft(names, i)], outcomes, ...rest });
}

/** A call after which others go on: what follows by itself, and whether some of them are told that the buffer is gone. */
export interface Settling {
  readonly change: ScopeOperation["apply"];
  readonly when: Condition;
  readonly settle: (s: Scratch) => void;
  readonly isRefusing: (before: Scratch, after: Scratch) => boolean;
}

/** Its two outcomes: the errno is that of whoever went on and came too late. */
export function settling({ change, when, settle, isRefusing }: Settling): ScopeCall["outcomes"] {
  const does: ScopeOperation["apply"] = (s, a, b, c) => {
    change(s, a, b, c);
    settle(s);
  };
  const refuses: Condition = (s, a, b, c) => {
    const after = Int32Array.from(s);
    does(after, a, b, c);
    return isRefusing(s, after);
  };
  return {
    "": { when: (s, a, b, c) => when(s, a, b, c) && !refuses(s, a, b, c), does },
    refuses: { errno: ENODEV, when: (s, a, b, c) => when(s, a, b, c) && refuses(s, a, b, c), does },
  };
}

/** Where a scope keeps what the exporter does. */
export interface DeviceSlots {
  /** Access is taken away. */
  readonly revoked: number;
  /** The copy of a move is not over. */
  readonly copying: number;
  /** A revoke waits for fences, with the lock held. */
  readonly revoking: number;
}

/** The same, and what it means for the rest of the scope. */
export interface DeviceParts extends DeviceSlots {
  /** The exporter's task is free. */
  readonly isReady: (s: Scratch) => boolean;
  /** Where a move goes. */
  readonly placement: Placement;
  /** What a move or a revoke makes of everybody's entries. */
  readonly takenOut: (s: Scratch) => void;
  /** Where a call of the exporter is legal but left out: a second copy, a lock that somebody else has. */
  readonly bounded: (s: Scratch) => boolean;
  /** The buffer has to stay where it is. */
  readonly isHeld?: (s: Scratch) => boolean;
  /** Fences that a revoke has to wait for. */
  readonly isCovered: (s: Scratch) => boolean;
}

/** `move`, `revoke` and `unrevoke`, one at a time. */
export function deviceCalls({
  revoked,
  copying,
  revoking,
  isReady,
  placement,
  takenOut,
  bounded,
  isHeld,
  isCovered,
}: DeviceParts): readonly ScopeOperation[] {
  const isOpen = (s: Scratch) => s[revoked] === 0;
  const revokes = (s: Scratch) => {
    s[revoked] = 1;
    takenOut(s);
  };
  return [
    ...call({
      name: "move",
      takes: [],
      steps: () => [{ task: "device", op: "move", buffer: "b1", placement }],
      may: isReady,
      outcomes: {
        "": {
          when: (s) => isOpen(s) && isHeld?.(s) !== true && s[copying] === 0,
          does: (s) => {
            takenOut(s);
            s[copying] = 1;
          },
        },
        // An outcome that cannot come is none.
        ...(isHeld !== undefined && { held: { errno: EBUSY, when: (s) => isOpen(s) && isHeld(s) } }),
        refused: { errno: ENODEV, when: (s) => !isOpen(s) },
      },
      bounded,
    }),
    ...call({
      name: "revoke",
      takes: [],
      steps: () => [{ task: "device", op: "revoke", buffer: "b1" }],
      may: isReady,
      outcomes: {
        "": { when: (s) => isOpen(s) && !isCovered(s), does: revokes },
        waitsForFence: {
          when: (s) => isOpen(s) && isCovered(s),
          does: (s) => {
            revokes(s);
            s[revoking] = 1;
          },
        },
        again: { when: (s) => !isOpen(s) },
      },
      bounded,
    }),
    ...call({
      name: "unrevoke",
      takes: [],
      steps: () => [{ task: "device", op: "unrevoke", buffer: "b1" }],
      may: isReady,
      outcomes: {
        "": {
          when: (s) => !isOpen(s),
          does: (s) => {
            s[revoked] = 0;
          },
        },
        idle: { when: isOpen },
      },
      bounded,
    }),
  ];
}

/** Writes what the full state shows of the exporter's part. */
export function projectDevice(state: State, s: Scratch, { revoked, copying, revoking }: DeviceSlots): void {
  const buffer = state.buffers.get("b1");
  const entries = state.reservations.get(buffer?.resv ?? "")?.entries ?? [];
  const isCopying = entries.some(
    ({ fence, usage }) => usage === "kernel" && state.fences.get(fence)?.signaled === false,
  );
  s[revoked] = buffer?.access === "revoked" ? 1 : 0;
  s[copying] = isCopying ? 1 : 0;
  s[revoking] = state.tasks.get("device")?.waiting?.kind === "fence" ? 1 : 0;
}
