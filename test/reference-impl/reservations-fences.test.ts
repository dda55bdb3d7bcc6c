import { describe, expect, it } from "vitest";
import { EINVAL, ENOMEM, ERESTARTSYS } from "../../spec/errno.ts";
import type { Usage } from "../../spec/roles/handles.ts";
import type { ReferenceReservation } from "../../reference-impl/reservations/reservation.ts";
import { FakeFence, entries, world } from "./reservations-env.ts";

/** An object locked by actor 0 with `slots` reserved slots. */
function locked(slots = 0) {
  const { env, resvs, actors } = world();
  const resv = resvs.createReservation();
  env.start(actors[0], resvs.lock(resv, null));
  if (slots > 0) resvs.reserveFences(resv, slots);
  const add = (fence: FakeFence, usage: Usage, to: ReferenceReservation = resv): FakeFence => {
    env.task = actors[0];
    resvs.addFence(to, fence, usage);
    return fence;
  };
  return {
    env,
    resvs,
    resv,
    actors,
    add,
    fence: (context: number, seqno: number, usage: Usage): FakeFence => add(new FakeFence(context, seqno), usage),
    list: (): string[] => {
      env.task = actors[0];
      return entries(resvs, resv);
    },
    reserve: (count: number): number => env.as(actors[0], () => resvs.reserveFences(resv, count)),
    relock: (): void => {
      env.as(actors[0], () => resvs.unlock(resv));
      env.start(actors[0], resvs.lock(resv, null));
    },
  };
}

describe("slots", () => {
  it("asks for a count and for the lock (RESV-15)", () => {
    const b = locked();
    expect(b.reserve(0)).toBe(EINVAL);
    b.env.as(b.actors[1], () => b.resvs.reserveFences(b.resv, 1));
    expect(b.env.warnings).toEqual([
      "no slot at all is reserved: the count is zero",
      "slots are reserved in a reservation object whose lock this task does not hold",
    ]);
  });

  it("changes nothing when memory is short or the count absurd (RESV-16)", () => {
    const b = locked(2);
    b.fence(1, 1, "read");
    const before = b.resv.fences;
    expect(b.reserve(300_000_000)).toBe(ENOMEM);
    b.env.failing.add("resv-list");
    expect(b.reserve(2)).toBe(ENOMEM);
    expect(b.resv.fences).toBe(before);
    expect(b.resv.fences?.maxFences).toBe(2);
  });

  it("drops signaled entries when the list grows, keeps the order of the others (RESV-17)", () => {
    const b = locked(6);
    const fences = [1, 2, 3, 4].map((context) => b.fence(context, 1, "write"));
    fences[1]!.signaled = true;
    b.reserve(1);
    expect(b.list().length).toBe(4);
    b.reserve(40);
    expect(b.list()).toEqual(["1:1 write", "3:1 write", "4:1 write"]);
    expect(fences.map((fence) => fence.references)).toEqual([2, 1, 2, 2]);
    expect(b.resv.fences?.maxFences).toBe(43);
  });

  it("is a minimum, not a sum, and a replacing add uses none (RESV-44)", () => {
    const b = locked(3);
    b.reserve(3);
    b.fence(1, 1, "read");
    b.fence(1, 2, "read");
    b.fence(2, 1, "read");
    b.fence(3, 1, "read");
    expect(b.env.warnings).toEqual([]);
    const last = b.fence(4, 1, "read");
    expect(b.env.warnings).toEqual(["kernel stops: a fence is added without a reserved slot"]);
    expect(last.references).toBe(1);
    expect(b.list()).toEqual(["1:2 read", "2:1 read", "3:1 read"]);
  });

  it("ends at unlock; what can be replaced needs none (RESV-18, RESV-19)", () => {
    const b = locked(2);
    b.fence(1, 1, "bookkeep");
    b.relock();
    const later = b.fence(1, 2, "bookkeep");
    b.add(later, "write");
    later.signaled = true;
    b.fence(2, 1, "read");
    expect(b.list()).toEqual(["2:1 read"]);
    expect(b.env.warnings).toEqual([]);
    b.fence(3, 1, "read");
    expect(b.env.warnings.length).toBe(1);
  });

  it("an object without any list stops the kernel at the first add", () => {
    const b = locked();
    expect(b.fence(1, 1, "read").references).toBe(1);
    expect(b.env.warnings).toEqual(["kernel stops: a fence is added to an object for which no slot was ever reserved"]);
  });
});

describe("adding", () => {
  const rows: [string, [number, number, Usage], [number, number, Usage], string[]][] = [
    ["later, same usage", [1, 1, "write"], [1, 2, "write"], ["1:2 write"]],
    ["earlier", [1, 2, "write"], [1, 1, "write"], ["1:2 write", "1:1 write"]],
    ["equal number, other object", [1, 1, "write"], [1, 1, "write"], ["1:1 write", "1:1 write"]],
    ["later but weaker", [1, 1, "write"], [1, 2, "read"], ["1:1 write", "1:2 read"]],
    ["later and stronger", [1, 1, "read"], [1, 2, "kernel"], ["1:2 kernel"]],
    ["other context", [1, 1, "read"], [2, 2, "read"], ["1:1 read", "2:2 read"]],
  ];
  it.each(rows)("%s (RESV-21)", (_, first, second, expected) => {
    const b = locked(2);
    const old = b.fence(...first);
    b.fence(...second);
    expect(b.list()).toEqual(expected);
    expect(old.references).toBe(expected.length);
  });

  it("replaces the first entry that qualifies and only that (RESV-21)", () => {
    const b = locked(3);
    b.fence(1, 1, "write");
    b.add(new FakeFence(1, 2), "bookkeep");
    b.fence(1, 3, "kernel");
    expect(b.list()).toEqual(["1:3 kernel", "1:2 bookkeep"]);
    const c = locked(3);
    const foreign = c.fence(7, 1, "write");
    c.fence(1, 1, "write");
    foreign.done = true;
    c.fence(1, 2, "write");
    expect(c.list()).toEqual(["1:2 write", "1:1 write"]);
    expect(foreign.signaled).toBe(true);
  });

  it("promotes and never degrades the same fence (RESV-23)", () => {
    const b = locked(4);
    const fence = b.fence(1, 1, "bookkeep");
    b.add(fence, "write");
    expect(b.list()).toEqual(["1:1 write"]);
    expect(fence.references).toBe(2);
    b.add(fence, "read");
    expect(b.list()).toEqual(["1:1 write", "1:1 read"]);
    b.add(fence, "kernel");
    expect(b.list()).toEqual(["1:1 kernel", "1:1 read"]);
    expect(fence.references).toBe(3);
  });

  it("reports a container and an absent lock, and stores the fence (RESV-20)", () => {
    const b = locked(2);
    const array = new FakeFence(1, 1);
    array.container = true;
    b.add(array, "read");
    b.env.as(b.actors[1], () => {
      b.resvs.addFence(b.resv, new FakeFence(2, 1), "read");
    });
    expect(b.env.warnings.length).toBe(2);
    expect(b.list().length).toBe(2);
  });

  it("replaces every entry of a context, at any usage, and nothing else (RESV-45)", () => {
    const b = locked(3);
    b.fence(1, 1, "kernel");
    b.fence(2, 1, "write");
    b.add(new FakeFence(1, 2), "bookkeep");
    const fence = new FakeFence(9, 1);
    b.resvs.replaceFences(b.resv, 1, fence, "bookkeep");
    b.resvs.replaceFences(b.resv, 77, fence, "kernel");
    expect(b.list()).toEqual(["9:1 bookkeep", "2:1 write", "9:1 bookkeep"]);
    expect(fence.references).toBe(3);
    expect(b.env.warnings).toEqual([]);
  });
});

describe("copying", () => {
  it("takes the unsignaled entries and ends the slots (RESV-35)", () => {
    const b = locked(2);
    const old = b.fence(9, 1, "write");
    const source = b.resvs.createReservation();
    b.env.start(b.actors[0], b.resvs.lock(source, null));
    b.resvs.reserveFences(source, 3);
    const fences = [1, 2, 3].map((context) => b.add(new FakeFence(context, 1), "bookkeep", source));
    fences[1]!.done = true;
    expect(b.resvs.copyFences(b.resv, source)).toBe(0);
    expect(b.list()).toEqual(["1:1 bookkeep", "3:1 bookkeep"]);
    expect([old, ...fences].map((fence) => fence.references)).toEqual([1, 3, 2, 3]);
    expect(b.resv.fences?.maxFences).toBe(2);

    b.env.failing.add("resv-list");
    expect(b.resvs.copyFences(b.resv, source)).toBe(ENOMEM);
    expect(b.list()).toEqual(["1:1 bookkeep", "3:1 bookkeep"]);
    expect(fences.map((fence) => fence.references)).toEqual([3, 2, 3]);
  });

  it("of nothing leaves no list (RESV-35)", () => {
    const b = locked(2);
    expect(b.resvs.copyFences(b.resv, b.resvs.createReservation())).toBe(0);
    expect(b.resv.fences).toBe(null);
  });

  it("onto itself changes nothing", () => {
    const b = locked(2);
    const fence = b.fence(1, 1, "read");
    b.resvs.copyFences(b.resv, b.resv);
    expect(b.list()).toEqual(["1:1 read"]);
    expect(fence.references).toBe(2);
  });
});

describe("readers", () => {
  const four = () => {
    const b = locked(4);
    const fences = (["kernel", "write", "read", "bookkeep"] as const).map((usage, index) =>
      b.fence(index + 1, 1, usage),
    );
    return { ...b, fences };
  };

  it("see a class and all stronger ones; locked also signaled entries (RESV-24, RESV-33)", () => {
    const b = four();
    b.fences[1]!.done = true;
    for (const [index, usage] of (["kernel", "write", "read", "bookkeep"] as const).entries()) {
      expect(b.resvs.iterateFences(b.resv, usage).length).toBe(index + 1);
      const seen = b.env.start(b.actors[1], b.resvs.getFences(b.resv, usage)).result;
      expect(seen).toEqual(b.fences.slice(0, index + 1).filter((_, at) => at !== 1));
    }
    expect(b.fences[1]!.signaled).toBe(true);
  });

  it("start over when the list is exchanged (RESV-39)", () => {
    const b = locked(2);
    const first = b.fence(1, 1, "read");
    const second = b.fence(2, 1, "read");
    b.env.stops.add("resv-iter");
    const reader = b.env.start(b.actors[1], b.resvs.getFences(b.resv, "read"));
    expect(reader.pausedAt).toBe("resv-iter");
    first.signaled = true;
    b.reserve(3);
    const third = b.fence(3, 1, "read");
    while (!reader.ended) b.env.resume(reader);
    expect(reader.result).toEqual([second, third]);
    expect([first, second, third].map((fence) => fence.references)).toEqual([1, 3, 3]);
  });

  it("do not notice changes inside the list (RESV-39)", () => {
    const b = locked(3);
    const first = b.fence(1, 1, "read");
    b.fence(2, 1, "read");
    b.env.stops.add("resv-iter");
    const reader = b.env.start(b.actors[1], b.resvs.getFences(b.resv, "read"));
    b.fence(3, 1, "read");
    const later = b.fence(2, 2, "read");
    while (!reader.ended) b.env.resume(reader);
    expect(reader.result).toEqual([first, later]);
  });

  it("go on to the end when the list vanishes", () => {
    const b = locked(1);
    const fence = b.fence(1, 1, "read");
    b.env.stops.add("resv-iter");
    const reader = b.env.start(b.actors[1], b.resvs.getFences(b.resv, "read"));
    b.env.as(b.actors[0], () => b.resvs.copyFences(b.resv, b.resvs.createReservation()));
    b.env.resume(reader);
    expect(reader.result).toEqual([fence]);
    expect(fence.references).toBe(2);
  });

  it("get one reference an entry, none on failure (RESV-48)", () => {
    const b = locked(2);
    const fence = b.fence(1, 1, "write");
    b.add(fence, "bookkeep");
    expect(b.env.start(b.actors[1], b.resvs.getFences(b.resv, "bookkeep")).result).toEqual([fence, fence]);
    expect(fence.references).toBe(5);
    b.env.failing.add("resv-fences");
    expect(b.env.start(b.actors[1], b.resvs.getFences(b.resv, "bookkeep")).result).toBe(ENOMEM);
    expect(fence.references).toBe(5);
  });

  it("a single fence for all: none, itself, or an array counted by entries (RESV-40)", () => {
    const b = locked(2);
    const get = () => b.env.start(b.actors[1], b.resvs.getSingleton(b.resv, "bookkeep")).result;
    expect(get()).toBe(null);
    const fence = b.fence(1, 1, "write");
    expect(get()).toBe(fence);
    expect(fence.references).toBe(3);
    b.add(fence, "bookkeep");
    expect((get() as FakeFence).members).toEqual([fence, fence]);
    b.env.failing.add("fence-array");
    expect(get()).toBe(ENOMEM);
    expect(fence.references).toBe(6);
  });

  it("test asks the owner, neither blocks nor enables (RESV-38)", () => {
    const b = four();
    expect(b.resvs.testSignaled(b.resv, "kernel")).toBe(false);
    b.fences[0]!.done = true;
    expect(b.resvs.testSignaled(b.resv, "kernel")).toBe(true);
    expect(b.resvs.testSignaled(b.resv, "write")).toBe(false);
    expect(b.fences.map((fence) => fence.enabled)).toEqual([0, 0, 0, 0]);
    expect(b.fences.map((fence) => fence.references)).toEqual([2, 2, 2, 2]);
  });

  it("hand a deadline to every matching fence (RESV-43)", () => {
    const b = four();
    b.resvs.setDeadline(b.resv, "write", 7);
    expect(b.fences.map((fence) => fence.deadline)).toEqual([7, 7, 0, 0]);
  });

  it("an entry whose fence is gone stops the kernel, not this program", () => {
    const b = four();
    b.fences[0]!.references = 0;
    expect(b.resvs.testSignaled(b.resv, "kernel")).toBe(true);
    expect(b.env.warnings.length).toBe(1);
  });
});

describe("waiting", () => {
  const wait = (b: ReturnType<typeof locked>, interruptible: boolean, timeout: number) =>
    b.env.start(b.actors[1], b.resvs.waitFences(b.resv, "bookkeep", interruptible, timeout));

  it("takes one fence after the other, with or without the lock (RESV-36)", () => {
    const b = locked(2);
    const [first, second] = [b.fence(1, 1, "read"), b.fence(2, 1, "read")];
    const waiter = wait(b, false, 100);
    expect([first.enabled, second.enabled]).toEqual([1, 0]);
    first.signaled = true;
    b.env.settle();
    expect([waiter.ended, second.enabled]).toEqual([false, 1]);
    second.signaled = true;
    b.env.settle();
    expect(waiter.result).toBe(98);
    expect([first.references, second.references]).toEqual([2, 2]);
  });

  it("sees replaced and appended fences only after an exchange of the list (RESV-36)", () => {
    for (const change of ["replace", "append", "exchange"] as const) {
      const b = locked(2);
      const first = b.fence(1, 1, "read");
      const waiter = wait(b, false, 100);
      if (change === "exchange") b.reserve(5);
      if (change === "replace") b.fence(1, 2, "read");
      else b.fence(2, 1, "read");
      first.signaled = true;
      b.env.settle();
      expect([change, waiter.ended]).toEqual([change, change !== "exchange"]);
    }
  });

  it("an interruption ends the interruptible form only (RESV-36)", () => {
    const b = locked(1);
    b.fence(1, 1, "read");
    b.env.interrupted.add(b.actors[1]);
    expect(wait(b, true, 100).result).toBe(-ERESTARTSYS);
    expect(wait(b, false, 100).ended).toBe(false);
  });

  it("passes on what an own wait operation answers (RESV-36)", () => {
    for (const timeout of [0, 100]) {
      const b = locked(1);
      const fence = b.fence(1, 1, "read");
      fence.ownWait = -62;
      expect(wait(b, false, timeout).result).toBe(-62);
      fence.ownWait = 7;
      expect(wait(b, false, timeout).result).toBe(7);
    }
  });

  it("stays a poll after a fence whose own wait operation answered (RESV-37)", () => {
    const b = locked(2);
    b.fence(1, 1, "read").ownWait = 7;
    b.fence(2, 1, "read");
    expect(wait(b, false, 0).result).toBe(0);
  });

  it("polls with a zero timeout and enables the first unsignaled fence only (RESV-37)", () => {
    const b = locked(2);
    expect(wait(b, false, 0).result).toBe(1);
    expect(wait(b, false, 50).result).toBe(50);
    const [first, second] = [b.fence(1, 1, "read"), b.fence(2, 1, "read")];
    expect(wait(b, false, 0).result).toBe(0);
    expect([first.enabled, second.enabled]).toEqual([1, 0]);
    b.env.interrupted.add(b.actors[1]);
    expect(wait(b, true, 0).result).toBe(-ERESTARTSYS);
    expect(wait(b, false, 0).result).toBe(0);
    first.signaled = second.signaled = true;
    expect(wait(b, true, 0).result).toBe(1);
  });
});
