import { describe, expect, it } from "vitest";
import { EBUSY, EOPNOTSUPP } from "../../../spec/errno.ts";
import { judgeEvents } from "../../kit/judge-program.ts";

const exported = [
  { kind: "call", op: "export", by: "e1", buffer: "b1", exporter: "e1", size: 2 ** 33, pin: true, unpin: true },
  { kind: "ret", op: "export", by: "e1", call: 0, errno: 0, buffer: "b1", exporter: "e1", size: 2 ** 33, pin: true },
  { kind: "alloc", what: "storage", id: "m1", by: "e1", placement: "device", errno: 0 },
  { kind: "epoch", buffer: "b1", change: "export", storage: "m1" },
] as const;
const pinned = [
  { kind: "call", op: "attach", by: "i1", importer: "i1", buffer: "b1", attachment: "a1", ops: "callback" },
  { kind: "cbret", hook: "pin", to: "e1", cb: 4, errno: 0, injected: false, attachment: "a1" },
  { kind: "ret", op: "attach", by: "i1", call: 4, errno: 0, attachment: "a1", peer2peer: true },
] as const;

/** An attach of a device with these limits, and how the exporter's hook answers it. */
function attached(
  limits: { readonly dmaMask: number; readonly maxSegment: number },
  errno: number,
  rest: { readonly peer2peer?: boolean; readonly injected?: boolean } = {},
) {
  const names = { buffer: "b1", attachment: "a2" };
  const hook = { hook: "attach", to: "e1", peer2peer: true, injected: false, ...names, ...rest } as const;
  return [
    { kind: "call", op: "attach", by: "i2", importer: "i2", device: "d2", ops: "callback", ...names, ...limits },
    { kind: "cb", ...hook },
    { kind: "cbret", cb: 0, errno, ...hook },
  ] as const;
}

const wide = { dmaMask: 2 ** 52 - 1, maxSegment: 2 ** 32 };
const narrow = { dmaMask: 2 ** 32 - 1, maxSegment: 2 ** 32 };
const coarse = { dmaMask: 2 ** 52 - 1, maxSegment: 512 };

describe("ATT-05 and ATT-06: violating histories beside acquitted near misses", () => {
  it.each([
    ["no whole page in a piece", "ATT-05", [...exported, ...attached(coarse, 0)], 1],
    ["refused for its pieces", "ATT-05", [...exported, ...attached(coarse, EOPNOTSUPP)], 0],
    [
      "not a peer, pinned in device memory",
      "ATT-05",
      [...exported, ...pinned, ...attached(wide, 0, { peer2peer: false })],
      1,
    ],
    [
      "refused, as pinned elsewhere",
      "ATT-05",
      [...exported, ...pinned, ...attached(wide, EBUSY, { peer2peer: false })],
      0,
    ],
    ["not a peer, and not pinned", "ATT-05", [...exported, ...attached(wide, 0, { peer2peer: false })], 0],
    ["a peer, pinned in device memory", "ATT-05", [...exported, ...pinned, ...attached(wide, 0)], 0],
    ["8 GiB for a 32-bit device", "ATT-06", [...exported, ...attached(narrow, 0)], 1],
    ["refused for its mask", "ATT-06", [...exported, ...attached(narrow, EOPNOTSUPP)], 0],
    ["8 GiB for a 52-bit device", "ATT-06", [...exported, ...attached(wide, 0)], 0],
    ["an answer of the harness", "ATT-06", [...exported, ...attached(narrow, 0, { injected: true })], 0],
  ] as const)("%s (%s)", (_what, id, events, violations) => {
    expect(judgeEvents(events, id).ids).toEqual(Array.from({ length: violations }, () => id));
  });
});
